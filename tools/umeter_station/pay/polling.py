"""The job that asks providers about what no webhook told: payments that are still open, refunds
that were cut off, and the day's report. Also ends payments that nobody paid.

The network is asked outside of transactions; what it answers is booked like a webhook.
"""

import logging

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.clock import Clock
from umeter_station.db import Database
from umeter_station.errors import StationError
from umeter_station.models_pay import payments as payments_table
from umeter_station.models_pay import provider_lines
from umeter_station.pay import payments, providers, refunds, reports, webhooks
from umeter_station.pay.payments import Payment
from umeter_station.pay.provider import Provider, WebhookEvent
from umeter_station.station import Books

# A webhook may come later than the payer's last moment.
GRACE_S = 600
_FIRST_S = 30
_RAREST_S = 900
_REFUND_S = 60
_AT_ONCE = 200
_log = logging.getLogger(__name__)


def run(books: Books) -> None:
    for provider in providers.of(books.config, books.db, books.clock).values():
        poll(books.db, books.clock, provider)


def poll(db: Database, clock: Clock, provider: Provider) -> int:
    """One round; returns how many payments it decided."""
    with db.read() as conn:
        waiting = due(conn, provider.name, clock.now_s())
        asked = refunds.open_(conn, provider.name, clock.now_s() - _REFUND_S)
    decided = 0
    try:
        for payment in waiting:
            decided += _look(db, clock, provider, payment)
        for refund in asked:
            refunds.carry_out(db, clock, provider, refund)
        reports.fetch(db, clock, provider)
    except StationError as error:
        # What is left is asked in the next round.
        _log.warning("%s: %s", provider.name, error)
    return decided


def due(conn: Connection, provider: str, now_s: int) -> list[Payment]:
    """Those to be asked about now: the older one is, the more rarely."""
    p = payments_table.c
    wait = (now_s - p.created_at) // 4
    wait = sa.case((wait < _FIRST_S, _FIRST_S), (wait > _RAREST_S, _RAREST_S), else_=wait)
    last = sa.case((p.checked_at == 0, p.created_at), else_=p.checked_at)
    late = p.expires_at + GRACE_S <= now_s
    # Paid, the provider's report says, after it had told us that it was not.
    lines = provider_lines.c
    reported = sa.select(lines.line).where(
        lines.provider == p.provider, lines.reference == p.reference, lines.kind == "payment"
    )
    listed = p.state.in_(("failed", "expired")) & reported.exists()
    rows = conn.execute(
        sa.select(p.id)
        .where(p.provider == provider, p.state.in_(payments.OPEN) | listed)
        .where((last + wait <= now_s) | (late & p.state.in_(payments.OPEN)))
        .order_by(p.checked_at, p.id)
        .limit(_AT_ONCE)
    )
    return [payments.get(conn, payment_id) for payment_id in rows.scalars().all()]


def _look(db: Database, clock: Clock, provider: Provider, payment: Payment) -> bool:
    state, event = "pending", None
    if payment.reference is not None:
        status = provider.fetch_status(payment.reference)
        state = status.state
        event = WebhookEvent(
            event_id=f"asked:{payment.id}:{state}",
            type="asked",
            kind=state,
            reference=payment.reference,
            amount_u=status.amount_u,
            currency=status.currency,
            happened_at=clock.now_s(),
            charge=status.charge,
        )
    now_s = clock.now_s()
    with db.write() as conn:
        conn.execute(
            sa.update(payments_table)
            .where(payments_table.c.id == payment.id)
            .values(checked_at=now_s)
        )
        if event is not None and state != "pending":
            webhooks.take(conn, provider, event, b"", now_s)
            return True
        still = payments.get(conn, payment.id)
        if still.state in payments.OPEN and now_s >= payment.expires_at + GRACE_S:
            payments.change(conn, still, "expired", now_s)
            return True
    return False
