"""Stripe's events in the station's words. What is not about a payment of ours is "other"."""

import json
from collections.abc import Callable
from typing import Any

from umeter_station.pay.provider import Forged, WebhookEvent

OURS = "umeter_payment"  # in the metadata of what the station made
_SESSION = {
    "checkout.session.completed": "succeeded",
    "checkout.session.async_payment_succeeded": "succeeded",
    "checkout.session.async_payment_failed": "failed",
    "checkout.session.expired": "expired",
}
_REFUND = ("refund.created", "refund.updated", "refund.failed", "charge.refund.updated")
_REFUND_KINDS = {"succeeded": "refunded", "failed": "refund failed", "canceled": "refund failed"}
_DISPUTE = {
    "charge.dispute.funds_withdrawn": "disputed",
    "charge.dispute.funds_reinstated": "dispute won",
}


def read_event(body: bytes, amount_u: Callable[[int, str], int]) -> WebhookEvent:
    """`body`: verified. `amount_u`: from minor units."""
    try:
        event = json.loads(body)
        about = event["data"]["object"]
        common = {
            "event_id": event["id"],
            "type": event["type"],
            "happened_at": event.get("created", 0),
        }
        return _read(event["type"], about, common, amount_u)
    except (KeyError, TypeError, AttributeError, ValueError):
        raise Forged("It is no event of Stripe's.") from None


def _read(
    type_: str,
    about: dict[str, Any],
    common: dict[str, Any],
    amount_u: Callable[[int, str], int],
) -> WebhookEvent:
    metadata = about.get("metadata") or {}
    code = (about.get("currency") or "").upper()
    if type_ in _SESSION and OURS in metadata:
        kind = _SESSION[type_]
        if kind == "succeeded" and about.get("payment_status") != "paid":
            # Completed, but the money comes later: async_payment_succeeded will tell.
            kind = "other"
        return WebhookEvent(
            **common,
            kind=kind,
            reference=about["id"],
            amount_u=amount_u(about["amount_total"], code),
            currency=code,
            payment_id=_number(metadata[OURS]),
            charge=_id(about.get("payment_intent")),
        )
    if type_ in _REFUND and about.get("status") in _REFUND_KINDS:
        return WebhookEvent(
            **common,
            kind=_REFUND_KINDS[about["status"]],
            reference="",
            amount_u=amount_u(about["amount"], code),
            currency=code,
            charge=_id(about.get("payment_intent")),
            item=about["id"],
            refund_id=_number(metadata.get(OURS + "_refund")),
        )
    if type_ in _DISPUTE:
        return WebhookEvent(
            **common,
            kind=_DISPUTE[type_],
            reference="",
            amount_u=amount_u(about["amount"], code),
            currency=code,
            charge=payment_of(about),
            item=about["id"],
        )
    name = about.get("id")
    return WebhookEvent(**common, kind="other", reference=name if isinstance(name, str) else "")


def payment_of(about: dict[str, Any]) -> str:
    """The PaymentIntent that a charge, refund or dispute is about, else its own id."""
    return _id(about.get("payment_intent")) or _id(about)


def _id(thing: Any) -> str:
    if isinstance(thing, dict):
        thing = thing.get("id")
    return thing if isinstance(thing, str) else ""


def _number(text: Any) -> int | None:
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() else None
