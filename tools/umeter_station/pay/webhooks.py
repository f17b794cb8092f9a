"""What a provider tells, once per event and in any order: verified before, booked here.

A success is final: what comes later cannot undo it, only move money again under its own name (a
refund, a dispute). The event, the sale and the transfers are one transaction: who is cut off in
the middle has done nothing, and the provider tells it again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import ledger
from umeter_station.clock import Clock
from umeter_station.db import Database, count
from umeter_station.models_pay import payment_events
from umeter_station.pay import alarms, conflicts, payments, refunds, selling, suspense
from umeter_station.pay.payments import Payment
from umeter_station.pay.provider import Forged, Intent, Provider, WebhookEvent


@dataclass(frozen=True)
class _Told:
    provider: Provider
    event: WebhookEvent
    payment: Payment | None
    now_s: int


def receive(
    db: Database,
    clock: Clock,
    provider: Provider,
    body: bytes,
    headers: Mapping[str, str],
) -> str:
    """Verify and book one webhook; returns what became of it. Raises Forged; that is counted."""
    try:
        event = provider.verify_webhook(body, headers)
    except Forged:
        with db.write() as conn:
            count(conn, f"webhook.forged.{provider.name}")
        raise
    with db.write() as conn:
        return take(conn, provider, event, body, clock.now_s())


def take(
    conn: Connection, provider: Provider, event: WebhookEvent, body: bytes, now_s: int
) -> str:
    e = payment_events.c
    known = sa.select(e.id).where(e.provider == provider.name, e.event_id == event.event_id)
    # Looking first is safe: write transactions exclude each other.
    if conn.execute(known).first() is not None:
        return "repeated"
    payment = None if event.kind == "other" else _find(conn, provider, event)
    told = _Told(provider, event, payment, now_s)
    outcome = _KINDS[event.kind](conn, told)
    conn.execute(
        payment_events.insert().values(
            provider=provider.name,
            event_id=event.event_id,
            type=event.type,
            kind=event.kind,
            reference=event.reference or event.charge,
            item=event.item,
            payment_id=None if payment is None else payment.id,
            body=body,
            happened_at=event.happened_at,
            received_at=now_s,
            outcome=outcome,
        )
    )
    return outcome


def _find(conn: Connection, provider: Provider, event: WebhookEvent) -> Payment | None:
    payment = None
    if event.reference:
        payment = payments.by_reference(conn, provider.name, event.reference)
    if payment is None and event.charge:
        payment = payments.by_charge(conn, provider.name, event.charge)
    if payment is None and event.payment_id is not None and event.reference:
        # Its webhook was quicker than the answer that told us the reference.
        waiting = payments.find(conn, event.payment_id)
        if waiting and (waiting.provider, waiting.reference) == (provider.name, None):
            payment = payments.attach(conn, waiting.id, Intent(event.reference, ""), waiting.since)
    return payment


def _stored(conn: Connection, told: _Told) -> str:
    return "stored"


def _succeeded(conn: Connection, told: _Told) -> str:
    event, payment = told.event, told.payment
    wrong = None
    if payment is None:
        wrong = "unknown reference"
    elif event.currency != payment.currency:
        wrong = "other currency"
    elif event.amount_u != payment.amount_u:
        wrong = "other amount"
    if wrong is None and payment is not None:
        if payment.state in payments.PAID:
            return "paid already"
        outcome = selling.sell(conn, payment, told.now_s)
        payments.change(
            conn,
            payment,
            "succeeded",
            told.now_s,
            outcome=outcome,
            charge=event.charge or event.reference,
        )
        return outcome
    _conflict(conn, told, wrong or "")
    # Money of another currency is in no account of this ledger.
    if event.currency == told.provider.currency and event.amount_u:
        _suspend(conn, told, "in", f"{event.reference}:{event.amount_u}", wrong or "")
    return "conflict"


def _ended(conn: Connection, told: _Told) -> str:
    if told.payment is None:
        return "unknown reference"
    if told.payment.state not in payments.OPEN:
        return "too late"
    payments.change(conn, told.payment, told.event.kind, told.now_s)
    return told.event.kind


def _refunded(conn: Connection, told: _Told) -> str:
    event, payment = told.event, told.payment
    if event.refund_id is not None and payment is not None:
        refund = refunds.find(conn, event.refund_id)
        if refund and (refund.payment_id, refund.amount_u) == (payment.id, event.amount_u):
            state = "done" if event.kind == "refunded" else "failed"
            if (refund.state, state) == ("done", "failed"):
                # It was sent, and came back: an account that is closed by now.
                _suspend(conn, told, "in", f"refund:{event.item}:back", "refund came back")
            refunds.end(conn, refund.id, state, event.item, told.now_s)
            return state
    if event.kind == "refund failed":
        return "stored"
    # Somebody has refunded it at the provider's own desk: the meter still has the credit.
    return _taken_from_us(conn, told, f"refund:{event.item}", "refunded elsewhere")


def _taken_from_us(conn: Connection, told: _Told, name: str, why: str) -> str:
    _conflict(conn, told, why)
    if told.event.currency == told.provider.currency and told.event.amount_u:
        _suspend(conn, told, "out", name, why)
    return why


def _disputed(conn: Connection, told: _Told) -> str:
    item = told.event.item
    outcome = _taken_from_us(conn, told, f"dispute:{item}", "disputed")
    e = payment_events.c
    won = sa.select(e.id).where(
        e.provider == told.provider.name, e.kind == "dispute won", e.item == item
    )
    if conn.execute(won).first() is not None:
        _give_back(conn, told)
    return outcome


def _won(conn: Connection, told: _Told) -> str:
    _give_back(conn, told)
    return "dispute won"


def _give_back(conn: Connection, told: _Told) -> None:
    """Once both are told, that a dispute was opened and that it was won, in whichever order."""
    name = f"dispute:{told.event.item}"
    item = suspense.by_key(conn, f"{told.provider.name}:{name}")
    if item is not None and item.state == "open":
        suspense.give_back(conn, item, told.now_s)
    elif item is not None and item.closing != suspense.GIVEN_BACK:
        # Somebody else has made good for it meanwhile: now it is there twice.
        _suspend(conn, told, "in", f"{name}:won", "dispute won after all")


def _suspend(conn: Connection, told: _Told, direction: str, name: str, why: str) -> None:
    suspense.open_(
        conn,
        key=f"{told.provider.name}:{name}",
        direction=direction,
        account=ledger.clearing(told.provider.name),
        amount_u=told.event.amount_u or 0,
        why=why,
        text=told.event.reference or told.event.charge,
        payment_id=None if told.payment is None else told.payment.id,
        now_s=told.now_s,
    )


def _conflict(conn: Connection, told: _Told, what: str) -> None:
    event, payment = told.event, told.payment
    detail: dict[str, Any] = {
        "what": what,
        "provider": told.provider.name,
        "event": event.event_id,
        "reference": event.reference or event.charge,
        "amount_u": event.amount_u,
        "currency": event.currency,
    }
    if payment is not None:
        detail |= {"payment": payment.id, "expected_u": payment.amount_u}
    payment_id = None if payment is None else payment.id
    conflicts.add(conn, told.provider.name, event.event_id, payment_id, what, detail, told.now_s)
    meter, ch = (None, None) if payment is None else (payment.meter, payment.ch)
    alarms.note(conn, meter, ch, detail, told.now_s)


_KINDS: dict[str, Callable[[Connection, _Told], str]] = {
    "succeeded": _succeeded,
    "failed": _ended,
    "expired": _ended,
    "refunded": _refunded,
    "refund failed": _refunded,
    "disputed": _disputed,
    "dispute won": _won,
    "other": _stored,
}
