"""What a channel's balance means: thresholds, warnings, emergency credit, allowance. Transient."""

from micropython import const

from umeter.core.account import NEVER_U

_CREDIT = const(2)  # claims
_OPERATOR = const(4)
_USER = const(8)
_CREDIT_MODE = const(1)  # flags of the book
_CLOSED = const(2)
_FRIENDLY = const(4)
_BUDGET = const(8)
_UNCUT = const(32)

_PRETRIP = const(3)  # levels of the book
_OUT = const(4)
_MARKS = const("low_credit_u low_credit_2_u pretrip_u")


def limit_u(doc, channel, book):
    """The balance at which there is no more credit, whatever the hour; NEVER_U: always enough."""
    if book.flags & _CREDIT_MODE or doc.get("protected", channel.index):
        return NEVER_U
    return _end_u(doc, channel, book)


def _end_u(doc, channel, book):
    if book.emergency == 2:
        return book.emergency_floor_u
    return doc.get("disable_at_u", channel.index)


def other(channel, book, amount_u):
    """Charge what is neither energy nor time nor debt, and no use of the day's budget."""
    channel.account.charge(amount_u)
    book.other_total_u += amount_u
    book.day_charged_u += amount_u


def give(doc, channel, book, amount_u):
    """Credit what nobody has bought."""
    channel.account.credit(amount_u)
    book.given_total_u += amount_u
    lifted(doc, channel, book, amount_u)


def lifted(doc, channel, book, amount_u):
    """The balance was lifted: emergency credit is cleared, or what of it was repaid is not lent
    again.
    """
    if book.emergency == 2:
        disable_u = doc.get("disable_at_u", channel.index)
        if channel.account.balance_u > disable_u:
            book.emergency = 0
            book.save("emergency.cleared")
        else:
            book.emergency_floor_u = min(disable_u, book.emergency_floor_u + amount_u)


def expire(channel, book):
    """The allowance's period is over."""
    used_u = channel.account.charged_total_u - book.allowance_charged_u
    left_u = max(0, book.allowance_u - used_u)
    book.allowance_u = book.allowance_period = 0
    if left_u:
        other(channel, book, left_u)
        book.save("allowance.expired", left_u)


def settle(doc, channel, book):
    """Set what the tick compares with, and tell what was crossed since the last time. The
    account's alarm becomes the charged total at which there is more to tell.
    """
    index = channel.index
    account = channel.account
    balance_u = account.balance_u
    disable_u = doc.get("disable_at_u", index)
    out_u = limit_u(doc, channel, book)
    end_u = back_u = _end_u(doc, channel, book)
    if book.emergency != 2:
        reclose_u = doc.get("reclose_at_u", index)
        if reclose_u is not None:
            back_u = max(back_u, reclose_u)
    if out_u == NEVER_U:
        channel.end(_CREDIT)
    elif book.flags & _FRIENDLY:
        out_u = NEVER_U
    account.configure(out_u, back_u)
    channel.by_hand = int(doc.get("reclose", index) == "armed")
    if balance_u > disable_u:
        book.flags &= ~_UNCUT
    elif out_u == NEVER_U:
        book.flags |= _UNCUT
    marks_u = [doc.get(key, index) for key in _MARKS.split()] + [end_u, disable_u]
    if book.flags & _CLOSED:
        channel.claims |= _OPERATOR
    if book.flags & (_CLOSED | _CREDIT_MODE):
        book.level = book.emergency = 0
    else:
        hysteresis_u = doc.get("hysteresis_u", index)
        pretrip = _warn(balance_u, book, marks_u, hysteresis_u, back_u)
        if pretrip and balance_u > out_u > NEVER_U and not channel.claims & _CREDIT:
            channel.claims |= _CREDIT
            channel.armed |= _CREDIT
        at_u = doc.get("emergency_at_u", index)
        marks_u.append(at_u)
        if book.emergency == 1:
            at_u += hysteresis_u
        if book.emergency < 2:
            emergency_u = doc.get("emergency_u", index)
            offered = int(emergency_u > 0 and balance_u <= at_u)
            if offered > book.emergency:
                book.event("emergency.offered", emergency_u)
            book.emergency = offered
    budget_u = doc.get("budget_u", index)
    if budget_u and book.day and not book.flags & _BUDGET:
        left_u = book.day_charged_u + budget_u - account.charged_total_u
        marks_u.append(balance_u - left_u)
        if left_u <= 0:
            book.flags |= _BUDGET
            channel.claims |= _USER
            book.event("budget.out", budget_u)
    to_go_u = -NEVER_U
    for mark_u in marks_u:
        if mark_u is not None and mark_u < balance_u:
            to_go_u = min(to_go_u, balance_u - mark_u)
    account.alarm(account.charged_total_u + to_go_u)
    channel.evaluate()


def _warn(balance_u, book, marks_u, hysteresis_u, back_u):
    """Tell each level once, until the balance has been above it by more than the hysteresis. True
    if it is time for the pretrip.
    """
    before = book.level
    level = book.level = 0
    pretrip = False
    for code in "low low2 pretrip out".split():
        mark_u = marks_u[level]
        level += 1
        if mark_u is None:
            continue
        if before >= level:
            mark_u = back_u if level == _OUT else mark_u + hysteresis_u
        if balance_u <= mark_u:
            book.level = level
            if before < level:
                if not book.is_new:  # that is where every account begins
                    book.event("credit." + code, balance_u)
                pretrip |= level == _PRETRIP
    if book.level < before == _OUT:
        book.event("credit.back", balance_u)
    return pretrip
