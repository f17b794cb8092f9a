"""How often each contact has moved: counted for ever, told with the status."""

import fakes_board
from fakes_core import Board
from umeter.core.tell import moves


def started(channels):
    board = Board(channels=channels)
    board.meter.restore()
    return board


def fed(board, *indices):
    for index in indices:
        board.credit(index, 1_000_000_000)
    board.run(15_000)
    return board


def test_moves_are_counted_by_channel_and_outlive_a_power_cut():
    board = fed(started(3), 0, 2)
    for open_ in (True, False, True):
        board.operator(2, open_)
        board.run(5000)
    assert list(moves(board.meter)) == [1, 0, 4, 0, 0, 0, 0, 0]
    board.meter.commit()
    again = board.next_boot()
    again.meter.restore()
    assert list(moves(again.meter)) == [1, 0, 4, 0, 0, 0, 0, 0]
    fed(again)
    assert list(moves(again.meter))[:3] == [2, 0, 4], "it was open from the boot on"


def test_a_count_of_thirty_bits_goes_on():
    board = started(1)
    board.meter.later["o"] = b"\xff\xff\xff\x3f" + bytes(28)
    fed(board, 0)
    assert moves(board.meter)[0] == 1 << 30


def test_counts_that_the_flash_has_lost_do_not_stop_the_meter(monkeypatch):
    board = fed(started(1), 0)

    def lost(key):
        raise OSError("journal: the flash has changed")

    monkeypatch.setattr(board.meter, "get", lost)
    board.operator(0, True)
    board.run(200)
    assert board.relays.closed == [False]
    assert board.codes(1)[-1] == "contact.open"


def test_the_status_tells_them():
    board = fakes_board.Board()
    board.meter.later["o"] = bytes(4) + b"\x07" + bytes(27)
    answers = [board.order(n=n, op="status", ch=n) for n in (1, 2)]
    assert [answer["operations"] for answer in answers] == [0, 7]
