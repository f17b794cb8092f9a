"""A purchase: what is owed first, the rest is credit. Transient."""

from micropython import const

from umeter.core import credit
from umeter.core.book import Refusal

_CLOSED = const(2)  # flag of the book


def topup(meter, doc, channel, book, amount_u):
    """Credit a purchase. Returns its parts, which add up to it: payment_debt_u and accumulated_u
    are charged at once; of what lifts the balance below_u makes up for use below the threshold,
    emergency_u repays emergency credit, kept_u is new credit. ValueError: more than the total can
    hold. Nothing has been changed then, nor by a Refusal.
    """
    index = channel.index
    account = channel.account
    before_u = account.balance_u
    if book.flags & _CLOSED:
        raise Refusal("not_now", "the account is closed")
    share_u = min(book.debt_u[2], amount_u * doc.get("debt3_percent", index) // 100)
    cap_u = doc.get("debt3_cap_u", index)
    if cap_u:
        share_u = min(share_u, max(0, cap_u - book.share_paid_u))
    due_u = min(amount_u - share_u, book.accumulated_u)
    rest_u = amount_u - share_u - due_u
    for key, sum_u in (("max_topup_u", amount_u), ("max_balance_u", before_u + rest_u)):
        if 0 < doc.get(key, index) < sum_u:
            raise Refusal("too_much", "more than " + key)
    account.credit(amount_u)
    account.charge(share_u + due_u)
    book.debt_total_u += share_u + due_u
    book.day_charged_u += share_u + due_u  # no use of today's budget
    book.debt_u[2] -= share_u
    book.share_paid_u += share_u
    book.accumulated_u -= due_u
    owed_u = max(0, doc.get("disable_at_u", index) - before_u)
    lent_u = 0
    if book.emergency == 2:
        unused_u = max(0, before_u - book.emergency_floor_u)
        lent_u = min(owed_u, max(0, doc.get("emergency_u", index) - unused_u))
    below_u = min(rest_u, owed_u - lent_u)
    repaid_u = min(rest_u - below_u, lent_u)
    credit.lifted(doc, channel, book, rest_u)
    book.save()
    return {
        "payment_debt_u": share_u,
        "accumulated_u": due_u,
        "below_u": below_u,
        "emergency_u": repaid_u,
        "kept_u": rest_u - below_u - repaid_u,
    }
