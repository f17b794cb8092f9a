"""An order that is not carried out leaves account, book, register and claims exactly as they
were.
"""

import pytest

from fakes_board import Board
from umeter.core.book import Book
from umeter.core.supply import OPERATOR, OVERLOAD, USER

MICRO = 1_000_000
SETTINGS = {
    "emergency_u": 3 * MICRO,
    "debt3_percent": 50,
    "reclose": "armed",
    "tariff": {"prices": [[100_000], [300_000], [700_000]], "blocks_kwh": [1, 2]},
}
CREDIT = {"op": "credit", "ch": 1, "amount_u": 5 * MICRO}
BOUGHT = {**CREDIT, "amount_u": 50 * MICRO}
ACCOUNT = {"op": "account", "ch": 1}
CLOSED = {**ACCOUNT, "action": "close"}
AFTER = {**ACCOUNT, "action": "credit"}
OPENED = {"op": "user", "ch": 1, "state": "open"}


def overloaded(board):
    channel = board.channels[0]
    channel.claims |= OVERLOAD
    channel.timer_ms = 5000
    book = Book(board.meter, channel)
    book.locked, book.limit_tries = OVERLOAD, 3
    book.save()


def jumped(board):
    """Over both ends of the blocks."""
    board.channels[0].quarantined = 2500


# What was before, and the order.
CASES = {
    "credit": ([], CREDIT),
    "credit after emergency": ([{"op": "emergency", "ch": 1}], CREDIT),
    "debit": ([BOUGHT], {"op": "debit", "ch": 1, "amount_u": 99 * MICRO}),
    "emergency": ([], {"op": "emergency", "ch": 1}),
    "restore": ([OPENED], {"op": "restore", "ch": 1}),
    "restore of what is armed": ([BOUGHT], {"op": "restore", "ch": 1}),
    "user": ([BOUGHT], OPENED),
    "supply": ([BOUGHT], {"op": "supply", "ch": 1, "state": "open"}),
    "release": ([overloaded], {"op": "release", "ch": 1, "claim": "overload"}),
    "debt": ([], {"op": "debt", "ch": 1, "debt": 2, "add_u": 7}),
    "close": ([BOUGHT], CLOSED),
    "open": ([CLOSED], {**ACCOUNT, "action": "open", "account": 12}),
    "reset": ([BOUGHT, OPENED, overloaded], {**ACCOUNT, "action": "reset"}),
    "credit mode": ([], AFTER),
    "prepaid": ([AFTER], {**ACCOUNT, "action": "prepaid", "lend_u": 4 * MICRO}),
    "quarantine": ([BOUGHT, jumped], {"op": "quarantine", "ch": 1, "action": "accept"}),
    "refused": ([BOUGHT, jumped], {"op": "quarantine", "ch": 1, "action": "refuse"}),
}


def prepared(steps):
    board = Board()
    board.order(n=1, op="set", version=1, set=SETTINGS)
    board.order(n=2, op="debt", ch=1, debt=3, add_u=10 * MICRO)
    for n, step in enumerate(steps, 3):
        if callable(step):
            step(board)
        else:
            assert board.order(n=n, **step)["code"] == "applied"
    board.meter.commit()
    return board


# What an answer tells of an order that was carried out.
DONE = {"taken_u", "refund_u", "lend_u", "kept_u", "floor_u", "debt_u", "released", "wh"}


def snapshot(board):
    """All that an order can change of its channel."""
    channel = board.channels[0]
    parts = [vars(part) for part in (channel.register, channel.account, channel.tariff)]
    own = {name: value for name, value in vars(channel).items() if type(value) is int}
    return [own, *map(dict, parts), board.meter.get("a0"), list(board.meter.unsaid)]


@pytest.mark.parametrize("steps, order", CASES.values(), ids=CASES)
def test_an_order_that_cannot_be_committed_has_changed_nothing(steps, order):
    board, other = prepared(steps), prepared(steps)
    before = snapshot(board)
    newest = board.meter.events.next_n
    board.flash.failing = True
    refused = board.order(n=50, **order)
    assert refused["code"] == "store" and not refused.keys() & DONE
    assert snapshot(board) == before
    assert board.meter.events.next_n == newest
    board.flash.failing = False
    answer = board.order(n=50, **order)
    assert answer["code"] == "applied"
    assert answer == other.order(n=50, **order), "as if it had come once"
    assert snapshot(board) == snapshot(other) != before
    again = board.reboot()
    assert snapshot(again)[1:3] == snapshot(other)[1:3], "and that is durable"


@pytest.mark.parametrize("state", ["shut", None, True])
def test_a_malformed_supply_order_leaves_the_operators_claim(state):
    board = prepared([{"op": "supply", "ch": 1, "state": "open"}])
    assert board.order(n=9, op="supply", ch=1, state=state)["code"] == "malformed"
    assert board.channels[0].claims & OPERATOR


def test_a_malformed_order_of_the_users_switch_leaves_his_claim():
    board = prepared([OPENED])
    assert board.order(n=9, op="user", ch=1, state="shut")["code"] == "malformed"
    assert board.channels[0].claims & USER


def test_a_loan_that_the_total_cannot_hold_leaves_no_debt():
    board = prepared([AFTER])
    board.channels[0].account.credited_hi = 0x3FFFFFFF
    board.meter.turn(board.channels[0])
    before = snapshot(board)
    answer = board.order(n=9, **ACCOUNT, action="prepaid", lend_u=1000 * MICRO)
    assert answer["code"] == "range" and answer["reason"]
    assert "debt_u" not in answer and snapshot(board) == before
