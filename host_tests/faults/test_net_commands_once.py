"""Every command number has one outcome, whatever is repeated, reordered, cut or fails."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes_board import Board, PowerCut
from thoroughness import every

MICRO = 1_000_000


@pytest.fixture
def board():
    return Board()


def credit(board, n, amount_u=5 * MICRO):
    return board.order(n=n, op="credit", ch=1, amount_u=amount_u)


@given(st.lists(st.integers(1, 90), min_size=1, max_size=60))
def test_any_order_with_repetitions_applies_each_number_once(numbers):
    """Amounts are powers of two, so the sum tells which numbers were applied."""
    board = Board(channels=1)
    applied = set()
    highest = 0
    for n in numbers:
        amount_u = 1 << n % 39
        code = credit(board, n, amount_u=amount_u)["code"]
        if n in applied and n > highest - 64:
            assert code == "replayed"
        elif n > highest - 64:
            assert code == "applied"
            applied.add(n)
            highest = max(highest, n)
        else:
            assert code == "old"
    expected = sum(1 << n % 39 for n in applied)
    assert board.channels[0].account.credited_total_u == expected
    assert board.reboot().channels[0].account.credited_total_u == expected


ORDERS = {
    "credit": {"op": "credit", "ch": 1, "amount_u": 7},
    "supply": {"op": "supply", "ch": 1, "state": "open"},
    "set": {"op": "set", "version": 2, "set": {"price_u_per_kwh": 5}},
    "refused": {"op": "credit", "ch": 99, "amount_u": 7},
}


@pytest.mark.parametrize("fields", ORDERS.values(), ids=ORDERS)
def test_failing_flash_leaves_ram_and_number_as_they_were(board, fields):
    credit(board, 1, amount_u=10)
    before = board.state()
    board.flash.failing = True
    answer = board.order(n=2, **fields)
    assert answer["code"] == "store" and answer["reason"]
    if "credited_total_u" in answer:
        assert answer["credited_total_u"] == 10
    assert board.state() == before
    board.flash.failing = False
    whole = Board()
    credit(whole, 1, amount_u=10)
    assert board.order(n=2, **fields)["code"] == whole.order(n=2, **fields)["code"]
    assert board.state() == whole.state() != before


@pytest.mark.parametrize("fields", ORDERS.values(), ids=ORDERS)
def test_cut_at_bytes_of_the_commit(fields):
    """After a cut the order is wholly there or wholly not; sent again, it has been applied
    once.
    """
    first = Board(channels=1)
    credit(first, 1, amount_u=10)
    cells = bytes(first.flash.cells)
    whole = Board(bytearray(cells), 1)
    expected = whole.order(n=2, **fields)["code"]
    seen = set()
    cut_after = 0
    while len(seen) < 3:
        board = Board(bytearray(cells), 1)
        board.flash.cut_after = cut_after
        try:
            board.order(n=2, **fields)
            seen.add("uncut")
        except PowerCut:
            pass
        after = board.reboot()
        again = after.order(n=2, **fields)
        if again["code"] == "replayed":
            seen.add("durable")
            assert again["first"] == expected
        else:
            seen.add("lost")
            assert again["code"] == expected
        assert after.state() == whole.state()
        cut_after += every(17)  # test_cut_meter cuts after more


def test_cut_between_commit_and_answer(board):
    """The answer was never sent; the order comes again after the boot."""
    credit(board, 1)
    after = board.reboot()
    answer = credit(after, 1)
    assert answer["code"] == "replayed" and answer["first"] == "applied"
    assert after.channels[0].account.credited_total_u == 5 * MICRO


def test_old_sale_replayed_after_many(board):
    for n in range(1, 71):
        credit(board, n, amount_u=1)
    board = board.reboot()
    codes = [credit(board, n, amount_u=1)["code"] for n in (1, 6, 7, 70)]
    assert codes == ["old", "old", "replayed", "replayed"]
    assert board.channels[0].account.credited_total_u == 70
