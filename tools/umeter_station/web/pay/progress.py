"""What became of a payment, for who paid it: three steps, and one sentence for how it stands."""

from dataclasses import dataclass

from sqlalchemy import Connection

from umeter_station.desk import fate, receipts, sales
from umeter_station.desk.fate import Fate
from umeter_station.desk.paper import Paper
from umeter_station.desk.writing import Writing
from umeter_station.errors import NotFound
from umeter_station.pay.payments import Payment
from umeter_station.web.language import gettext as _

_MOVING = ("paid", "ordered", "sent", "delivered")


@dataclass(frozen=True)
class Step:
    """`at` is None while it has not been reached."""

    title: str
    at: int | None


@dataclass(frozen=True)
class Progress:
    """`kind`: that of a badge. `pay_at`: where it can still be paid. `moves`: more will become of
    it by itself, so that it is worth looking again."""

    kind: str
    badge: str
    title: str
    text: str
    steps: tuple[Step, ...] = ()
    pay_at: str = ""
    moves: bool = False
    has_receipt: bool = False


def of(conn: Connection, payment: Payment, now_s: int) -> Progress:
    sold = fate.of(conn, payment.sale_key) if payment.outcome == "sale" else None
    return _progress(payment, sold, now_s)


def receipt(
    conn: Connection, payment: Payment, writing: Writing, for_anybody: bool
) -> Paper:
    """Raises NotFound if nothing was sold."""
    sale = sales.by_key(conn, payment.sale_key)
    if sale is None:
        raise NotFound(_("There is no receipt for this payment."))
    return receipts.of_sale(conn, sale, writing, _("PAID ONLINE"), for_anybody)


def _progress(payment: Payment, sold: Fate | None, now_s: int) -> Progress:
    if payment.state == "refunded":
        text = _("What you paid was sent back the way it came.")
        return Progress("quiet", _("Sent back"), _("The money went back"), text)
    if payment.state != "succeeded" and not _can_come(payment, now_s):
        return _not_paid(payment)
    if payment.state != "succeeded":
        text = _("As soon as the payment service says that you have paid, the credit goes out.")
        title = _("Waiting for your payment")
        pay_at = payment.waits_at(now_s)
        return Progress("warn", _("Not paid yet"), title, text, pay_at=pay_at, moves=True)
    if sold is not None:
        return _sold(sold)
    if payment.outcome == "wallet":
        text = _("It is in your wallet: buy with it here, or by telephone.")
        return Progress("good", _("Paid"), _("Paid"), text)
    text = _("We have your money, but the meter cannot take it now. Somebody looks after it.")
    return Progress("warn", _("Paid"), _("Your money is safe with us"), text)


def _can_come(payment: Payment, now_s: int) -> bool:
    return payment.state in ("created", "pending") and now_s < payment.expires_at


def _not_paid(payment: Payment) -> Progress:
    if payment.state == "failed":
        text = _("The payment service refused it. No money was taken; you can try again.")
        return Progress("bad", _("Not paid"), _("The payment did not work"), text)
    text = _("It was not paid in time. No money was taken; you can start again.")
    return Progress("quiet", _("Not paid"), _("The payment has lapsed"), text)


def _sold(sold: Fate) -> Progress:
    first = {step.step: step.at for step in reversed(sold.steps)}
    reached = (
        Step(_("Paid"), first.get("paid")),
        Step(_("On its way to the meter"), first.get("ordered")),
        Step(_("On the meter"), first.get("applied")),
    )
    if sold.state == "applied":
        text = _("The meter has the credit.")
        return Progress(
            "good", _("On the meter"), _("The credit is there"), text, reached, has_receipt=True
        )
    if sold.state in _MOVING:
        text = _("The meter gets the credit as soon as it can be reached, at most times at once.")
        title, badge = _("Paid"), _("On its way")
        return Progress(
            "good", badge, title, text, reached, moves=True, has_receipt=True
        )
    if sold.state in ("refund due", "refunded", "voided"):
        given = sold.state != "refund due"
        text = _("The money was given back.") if given else _("The money is due back to you.")
        title = _("The meter did not take the credit")
        badge = _("Given back") if given else _("Due back")
        return Progress("quiet", badge, title, text, reached[:2], has_receipt=True)
    text = _("The meter did not take the credit yet. Somebody looks after it; nothing is lost.")
    badge = _("Being looked after")
    return Progress("warn", badge, _("Paid"), text, reached, has_receipt=True)
