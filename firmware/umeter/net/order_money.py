"""Orders about one channel: its credit, its debts, its tenant, who is fed."""

from micropython import const

from umeter.core import life
from umeter.core.book import Book, Refusal
from umeter.core.supply import OPERATOR, OVERLOAD, TAMPER
from umeter.core.undo import remember
from umeter.net.order_kit import (
    APPLIED,
    CODES,
    LARGEST_N,
    MALFORMED,
    RANGE,
    Refused,
    integer,
    word,
)

_LARGEST_AMOUNT_U = const(1_000_000_000_000)  # a million of the currency at once is a mistake
_LONGEST_ID = const(40)
_STATES = ("open", "close")
_AMOUNTS = const("taken_u refund_u lend_u")  # what an order moved; one of them each


def carry(run):
    """Have the order done. Refused, or ValueError: nothing was changed for good."""
    meter = run.meter
    channel = run.channel
    order = run.order
    run.undo = remember(meter, channel)
    run.then = lambda: meter.turn(channel)
    op = order["op"]
    if op == "supply":
        opened = word(order, "state", _STATES) == "open"
        channel.claims &= ~OPERATOR
        if opened:
            channel.claims |= OPERATOR
        return APPLIED
    book = Book(meter, channel)
    function, args = _called(order, op, book)
    try:
        told = function(meter, meter.settings.open(), channel, book, *args)
    except Refusal as e:
        raise Refused(CODES.split().index(e.args[0]), e.args[1])
    except ValueError as e:  # more than a total can hold; some of it may have been done
        run.undo()
        raise Refused(RANGE, str(e))
    run.answer.update(told)
    for field in _AMOUNTS.split():
        if field in told:
            book.last_n = order["n"]
            book.last_u = told[field]
            book.save()
    return APPLIED


def again(meter, channel, n, answer):
    """The answer to order `n` was lost: tell once more what only the meter knows."""
    book = Book(meter, channel)
    if book.last_n == n:
        for field in _AMOUNTS.split():
            answer[field] = book.last_u


def _called(order, op, book):
    """(function of core, what it gets besides the account)"""
    if op in ("credit", "debit"):
        amount_u = integer(order, "amount_u", 1, _LARGEST_AMOUNT_U)
        purchase = order.get("id", "")
        if type(purchase) is not str or len(purchase) > _LONGEST_ID:
            raise Refused(MALFORMED, "id must be a text of at most 40 characters")
        if "account" in order and integer(order, "account", 1, LARGEST_N) != book.account:
            raise Refused(CODES.split().index("wrong_account"), "the account is %d" % book.account)
        if op == "debit":
            return life.debit, (amount_u,)
        from umeter.core.topup import topup

        return topup, (amount_u,)
    if op == "restore":  # the user's hand, from afar
        return life.hand, ()
    if op == "user":
        return life.user, (word(order, "state", _STATES) == "open",)
    if op == "release":
        claim = word(order, "claim", ("overload", "tamper"))
        return life.release, (OVERLOAD if claim == "overload" else TAMPER,)
    if op == "debt":
        add_u = integer(order, "add_u", -_LARGEST_AMOUNT_U, _LARGEST_AMOUNT_U)
        return life.debt, (integer(order, "debt", 1, 3), add_u)
    if op == "account":
        return _account(order)
    return life.emergency, ()


def _account(order):
    action = word(order, "action", ("open", "close", "reset", "prepaid", "credit"))
    for field, goes_with in (("account", "open"), ("lend_u", "prepaid")):
        if field in order and action != goes_with:
            raise Refused(MALFORMED, "%s goes with action %s" % (field, goes_with))
    if action == "open":
        return life.open_, (integer(order, "account", 1, LARGEST_N),)
    if action == "close":
        return life.close, ()
    if action == "reset":
        return life.reset, ()
    lend_u = integer(order, "lend_u", 0, _LARGEST_AMOUNT_U) if "lend_u" in order else 0
    return life.mode, (action == "credit", lend_u)
