"""Money back to the payer by the way it came: what is due back to a channel's customer, what is in
a tenant's wallet, or what is in suspense.

ask -> (the provider pays it back, once per refund) -> end. Meanwhile the money is in an account of
its own: nobody else can pay it out, and if the provider refuses it goes back to where it was.
"""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import ledger, vending
from umeter_station.amounts import check_amount_u, format_u
from umeter_station.clock import Clock
from umeter_station.db import Database
from umeter_station.errors import Conflict, NotFound, StationError
from umeter_station.models_pay import payment_refunds
from umeter_station.models_pay import payments as payments_table
from umeter_station.pay import payments, suspense
from umeter_station.pay.payments import Payment
from umeter_station.pay.provider import Provider
from umeter_station.people import acts


@dataclass(frozen=True)
class Refund:
    """`source`: the ledger account that pays it; `state`: asked, done or failed."""

    id: int
    asked_by: str
    key: str
    payment_id: int
    amount_u: int
    source: str
    state: str
    asked_at: int
    ended_at: int | None
    provider_ref: str


_COLUMNS = [payment_refunds.c[name] for name in Refund.__dataclass_fields__]


def refund(
    db: Database,
    clock: Clock,
    provider: Provider,
    payment_id: int,
    amount_u: int,
    key: str,
    by: str,
) -> Refund:
    """Once per person and key. If the provider cannot be reached that is raised, and the polling
    goes on with it."""
    with db.write() as conn:
        asked = ask(conn, payment_id, amount_u, key, by, clock.now_s())
    return carry_out(db, clock, provider, asked)


def ask(conn: Connection, payment_id: int, amount_u: int, key: str, by: str, now_s: int) -> Refund:
    vending.check_key(key)
    r = payment_refunds.c
    earlier = _where(conn, r.asked_by == by, r.key == key)
    if earlier is not None:
        if (earlier.payment_id, earlier.amount_u) != (payment_id, amount_u):
            raise Conflict(f"Key {key!r} was used for another refund; use a new key.")
        return earlier
    payment = payments.get(conn, payment_id)
    check_amount_u(amount_u)
    if payment.state != "succeeded":
        raise StationError(f"Payment {payment_id} is {payment.state}; nothing can be refunded.")
    back_u = _refunded_u(conn, payment_id)
    if back_u + amount_u > payment.amount_u:
        raise StationError(
            f"Of payment {payment_id} only {format_u(payment.amount_u - back_u)} can be refunded."
        )
    source = _source(payment)
    due_u = _due_u(conn, payment, source)
    if due_u < amount_u:
        raise StationError(
            f"Only {format_u(max(due_u, 0))} is there to be refunded; have the meter give credit"
            " back first."
        )
    row = {
        "asked_by": by,
        "key": key,
        "payment_id": payment_id,
        "amount_u": amount_u,
        "source": source,
        "state": "asked",
        "asked_at": now_s,
    }
    inserted = conn.execute(payment_refunds.insert().values(row))
    asked = get(conn, inserted.inserted_primary_key[0])
    way = _on_its_way(payment.provider)
    if source == ledger.SUSPENSE:
        _take_from_suspense(conn, payment, amount_u, way, by, now_s)
    else:
        _post(conn, asked, "asked", source, way, now_s)
    detail = {"amount_u": amount_u, "payment": payment_id}
    acts.note(conn, by, "refund", f"payment:{payment_id}", detail, now_s)
    return asked


def carry_out(db: Database, clock: Clock, provider: Provider, asked: Refund) -> Refund:
    if asked.state != "asked":
        return asked
    with db.read() as conn:
        reference = payments.get(conn, asked.payment_id).reference or ""
    answer = provider.refund(reference, asked.amount_u, str(asked.id))
    if answer.state == "asked":
        return asked
    with db.write() as conn:
        return end(conn, asked.id, answer.state, answer.provider_ref, clock.now_s())


def end(conn: Connection, refund_id: int, state: str, provider_ref: str, now_s: int) -> Refund:
    """`state`: done or failed; whichever is told first stands."""
    asked = get(conn, refund_id)
    if asked.state != "asked":
        return asked
    payment = payments.get(conn, asked.payment_id)
    way = _on_its_way(payment.provider)
    if state == "failed" and asked.source == ledger.SUSPENSE:
        suspense.open_(
            conn,
            key=f"payrefund:{refund_id}",
            direction="in",
            account=way,
            amount_u=asked.amount_u,
            why="refund failed",
            payment_id=payment.id,
            now_s=now_s,
        )
    else:
        target = ledger.clearing(payment.provider) if state == "done" else asked.source
        _post(conn, asked, "end", way, target, now_s)
    conn.execute(
        sa.update(payment_refunds)
        .where(payment_refunds.c.id == refund_id)
        .values(state=state, provider_ref=provider_ref, ended_at=now_s)
    )
    if state == "done" and _refunded_u(conn, payment.id, ("done",)) == payment.amount_u:
        payments.change(conn, payment, "refunded", now_s)
    return get(conn, refund_id)


def open_(conn: Connection, provider: str, asked_before: int) -> list[Refund]:
    """Those that the provider has not decided about."""
    r = payment_refunds.c
    rows = conn.execute(
        sa.select(*_COLUMNS)
        .join(payments_table, payments_table.c.id == r.payment_id)
        .where(r.state == "asked", r.asked_at <= asked_before)
        .where(payments_table.c.provider == provider)
        .order_by(r.id)
    )
    return [Refund(*row) for row in rows]


def find(conn: Connection, refund_id: int) -> Refund | None:
    return _where(conn, payment_refunds.c.id == refund_id)


def get(conn: Connection, refund_id: int) -> Refund:
    found = find(conn, refund_id)
    if found is None:
        raise NotFound(f"There is no refund {refund_id}.")
    return found


def of(conn: Connection, payment_id: int) -> list[Refund]:
    query = sa.select(*_COLUMNS).where(payment_refunds.c.payment_id == payment_id)
    return [Refund(*row) for row in conn.execute(query.order_by(payment_refunds.c.id))]


def _source(payment: Payment) -> str:
    if payment.purpose == "wallet":
        return ledger.wallet(payment.tenant_id or 0)
    if payment.outcome == "suspense":
        return ledger.SUSPENSE
    return ledger.refund_due(payment.meter or "", payment.ch or 0)


def _due_u(conn: Connection, payment: Payment, source: str) -> int:
    if source != ledger.SUSPENSE:
        return ledger.balance_u(conn, source)
    item = suspense.open_of(conn, payment.id)
    return 0 if item is None else item.amount_u


def _take_from_suspense(
    conn: Connection, payment: Payment, amount_u: int, way: str, by: str, now_s: int
) -> None:
    item = suspense.open_of(conn, payment.id)
    if item is None or item.amount_u != amount_u:
        raise StationError(f"Payment {payment.id} is in suspense; refund all of it.")
    suspense.send_back(conn, item, way, by, now_s)


def _on_its_way(provider: str) -> str:
    return f"refunding:{provider}"


def _refunded_u(
    conn: Connection, payment_id: int, states: tuple[str, ...] = ("asked", "done")
) -> int:
    return sum(each.amount_u for each in of(conn, payment_id) if each.state in states)


def _post(conn: Connection, asked: Refund, step: str, debit: str, credit: str, now_s: int) -> None:
    # Both ways to end share one key: one of them can be posted.
    ledger.post(
        conn,
        key=f"payrefund:{asked.id}:{step}",
        debit=debit,
        credit=credit,
        amount_u=asked.amount_u,
        created_at=now_s,
    )


def _where(conn: Connection, *conditions: sa.ColumnElement[bool]) -> Refund | None:
    row = conn.execute(sa.select(*_COLUMNS).where(*conditions)).first()
    return None if row is None else Refund(*row)
