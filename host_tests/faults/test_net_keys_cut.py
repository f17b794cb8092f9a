"""Power cuts while the meter's key is changed: the keys are as before or as after."""

from fakes_board import Board, PowerCut
from keys_kit import FIRST, SITE, key_order, read, rotate, send


def cuts(cells, do):
    """Boards after a cut at every fifth byte that `do` writes on these cells."""
    cut_after = 0
    while True:
        board = Board(bytearray(cells), 1)
        board.flash.cut_after = cut_after
        try:
            do(board)
            return
        except PowerCut:
            yield board.reboot()
        cut_after += 5


def test_cut_in_the_change_the_keys_are_as_before_or_as_after():
    cells = bytes(Board(channels=1).flash.cells)
    lost = 0
    for after in cuts(cells, lambda board: rotate(board, 1, FIRST, SITE)):
        assert after.commands.keys in ((SITE,), (FIRST, SITE))
        durable = after.commands.keys != (SITE,)
        lost += not durable
        again = send(after, key_order(1, FIRST, SITE), SITE)
        assert again.get("first" if durable else "code") == "applied"
        assert after.commands.keys == (FIRST, SITE)
    assert lost > 20


def test_cut_in_the_end_of_the_old_key_the_new_one_counts():
    first = Board(channels=1)
    rotate(first, 1, FIRST, SITE)
    cells = bytes(first.flash.cells)
    seen = set()
    for after in cuts(cells, lambda board: read(board, 2, FIRST)):
        seen.add(after.commands.keys)
        assert read(after, 3, FIRST) == "applied"
        assert after.commands.keys == (FIRST,)
    assert seen == {(FIRST, SITE)}
