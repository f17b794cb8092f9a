"""What orders and the consumer's hand do to an account. Transient.

Each function gets (meter, doc, channel, book, ..), changes them, saves the book, and returns what
to tell. Who calls it has the channel's turn looked at afterwards: only then do the terms in force
follow. Refusal: nothing has been changed.
"""

from micropython import const

from umeter.core import credit
from umeter.core.book import PART_S, Refusal

_CREDIT = const(2)  # claims
_OPERATOR = const(4)
_USER = const(8)
_OVERLOAD = const(16)
_CREDIT_MODE = const(1)  # flags of the book
_CLOSED = const(2)
_FRIENDLY = const(4)
_OWN = const(16)
_UNCUT = const(32)
_RESET = const(90)  # CREDIT | USER | OVERLOAD | TAMPER
_MOST_DEBT_U = const(9_999_990_000)


def _check_open(book):
    if book.flags & _CLOSED:
        raise Refusal("not_now", "the account is closed")


def debit(meter, doc, channel, book, amount_u):
    """The operator takes back what is left above the threshold, at most amount_u."""
    _check_open(book)
    left_u = channel.account.balance_u - doc.get("disable_at_u", channel.index)
    taken_u = max(0, min(amount_u, left_u))
    credit.other(channel, book, taken_u)
    book.save("debit", taken_u, amount_u)
    return {"taken_u": taken_u}


def emergency(meter, doc, channel, book):
    """The user takes the emergency credit that is offered."""
    if book.emergency != 1:
        raise Refusal("not_now", "no emergency credit is offered")
    balance_u = channel.account.balance_u
    floor_u = doc.get("disable_at_u", channel.index)
    if book.flags & _UNCUT:  # friendly use is no emergency credit
        floor_u = min(floor_u, balance_u)
    amount_u = doc.get("emergency_u", channel.index)
    floor_u -= amount_u
    book.emergency = 2
    book.emergency_floor_u = floor_u
    if balance_u > floor_u:
        channel.end(_CREDIT)
    book.save("emergency.taken", amount_u)
    return {"floor_u": floor_u}


def hand(meter, doc, channel, book, long=False):
    """The consumer's hand, here or from afar: it ends what waits for it and what the user's switch
    or budget claims; a long one takes emergency credit, if nothing waits.
    """
    if long and book.emergency == 1 and not channel.armed:
        return emergency(meter, doc, channel, book)
    ends = channel.armed & ~book.locked | channel.claims & _USER
    channel.end(ends)
    book.flags &= ~_OWN
    book.save("hand", ends)
    meter.urgent()
    return {"released": ends}


def user(meter, doc, channel, book, open_):
    """The user's own switch."""
    channel.claims &= ~_USER
    book.flags &= ~_OWN
    if open_:
        channel.claims |= _USER
        book.flags |= _OWN
    book.save("user.open" if open_ else "user.close")
    return {}


def release(meter, doc, channel, book, claim):
    """The operator ends OVERLOAD or TAMPER, locked or not."""
    if not channel.claims & claim:
        raise Refusal("not_now", "there is no such claim")
    _unlock(channel, book, claim)
    book.save("claim.released", claim)
    return {}


def _unlock(channel, book, claims):
    channel.end(claims)
    book.locked &= ~claims
    if claims & _OVERLOAD:
        channel.timer_ms = book.limit_tries = book.banned_tries = 0


def debt(meter, doc, channel, book, which, add_u):
    """Owe more, or less, on debt 1 .. 3."""
    _check_open(book)
    owed_u = book.debt_u[which - 1] + add_u
    if not 0 <= owed_u <= _MOST_DEBT_U:
        raise Refusal("range", "the debt would be %d" % owed_u)
    if meter.when and not (book.debt_u[0] or book.debt_u[1]):
        # Without a debt no turn came at the end of a part: what has passed is not to be paid for.
        book.part = max(book.part, meter.when // PART_S)
    book.debt_u[which - 1] = owed_u
    book.save("debt", which, add_u)
    return {"debt_u": book.debt_u}


def mode(meter, doc, channel, book, after, lend_u=0):
    """Pay afterwards, or before; then what is lent becomes debt 3."""
    _check_open(book)
    book.flags |= _CREDIT_MODE
    if not after:
        book.flags &= ~_CREDIT_MODE
        if channel.account.balance_u + lend_u <= credit.limit_u(doc, channel, book):
            raise Refusal("not_now", "that would cut the supply")
    if lend_u:
        debt(meter, doc, channel, book, 3, lend_u)
        credit.give(doc, channel, book, lend_u)
    book.save("account.mode", lend_u, int(after))
    return {"lend_u": lend_u}


def reset(meter, doc, channel, book, code="account.reset"):
    """To zero, but for registers, totals and their parts: what is left is to be paid out, debts
    are told and forgotten, locks end.
    """
    _check_open(book)
    account = channel.account
    credit.expire(channel, book)
    balance_u = account.balance_u
    refund_u = max(0, balance_u)
    told = {
        "refund_u": refund_u,
        "owed_u": refund_u - balance_u,
        "debt_u": book.debt_u,
        "accumulated_u": book.accumulated_u,
    }
    if balance_u < 0:
        credit.give(doc, channel, book, -balance_u)
        book.save("account.forgiven", -balance_u)
    credit.other(channel, book, refund_u)
    _unlock(channel, book, _RESET)
    book.flags &= _FRIENDLY
    book.debt_u = [0] * 3
    book.days_milli = [-1] * 7
    book.accumulated_u = book.share_paid_u = book.level = book.emergency = 0
    book.month = book.day = 0  # the next tenant's time begins with the next turn
    book.day_charged_u = account.charged_total_u
    book.save(code, refund_u, told["owed_u"])
    return told


def close(meter, doc, channel, book):
    """The tenant goes: the same, and no supply until another one comes."""
    told = reset(meter, doc, channel, book, "account.closed")
    book.flags |= _CLOSED
    channel.claims |= _OPERATOR
    book.save()
    return told


def open_(meter, doc, channel, book, account):
    """A tenant comes."""
    if not book.flags & _CLOSED:
        raise Refusal("not_now", "account %d is open" % book.account)
    book.account = account
    book.flags &= ~_CLOSED
    channel.claims &= ~_OPERATOR
    book.save("account.opened", account)
    return {}
