"""Money whose owner is not known yet, and the work list by which people find one.

`in`: it came to us and belongs to somebody: assigned to a channel or wallet, or returned. `out`:
it was taken from us (a chargeback) and somebody owes it: recovered, or written off. Each item ends
once; the ledger's suspense account is the sum of what is open.
"""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import ledger
from umeter_station.amounts import format_u
from umeter_station.desk import sales
from umeter_station.errors import NotFound, StationError
from umeter_station.models_pay import suspense_items
from umeter_station.people import acts, tenants

BAD_DEBT = "bad-debt"
GIVEN_BACK = "given back"


@dataclass(frozen=True)
class Item:
    """`account`: the ledger account the money came from, or went to."""

    id: int
    key: str
    direction: str
    account: str
    amount_u: int
    why: str
    text: str
    party: str
    payment_id: int | None
    opened_at: int
    state: str
    closed_at: int | None
    closed_by: str
    closing: str


_COLUMNS = [suspense_items.c[name] for name in Item.__dataclass_fields__]


def open_(
    conn: Connection,
    *,
    key: str,
    direction: str,
    account: str,
    amount_u: int,
    why: str,
    now_s: int,
    text: str = "",
    party: str = "",
    payment_id: int | None = None,
) -> bool:
    """Book it and list it, once per `key`; False if that was done before."""
    debit, credit = (account, ledger.SUSPENSE)
    if direction == "out":
        debit, credit = credit, debit
    new = ledger.post(
        conn,
        key=f"suspense:{key}",
        debit=debit,
        credit=credit,
        amount_u=amount_u,
        created_at=now_s,
    )
    if new:
        row = {
            "key": key,
            "direction": direction,
            "account": account,
            "amount_u": amount_u,
            "why": why,
            "text": text,
            "party": party,
            "payment_id": payment_id,
            "opened_at": now_s,
        }
        conn.execute(suspense_items.insert().values(row))
    return new


def get(conn: Connection, item_id: int) -> Item:
    return _one(conn, suspense_items.c.id == item_id, str(item_id))


def by_key(conn: Connection, key: str) -> Item | None:
    row = conn.execute(sa.select(*_COLUMNS).where(suspense_items.c.key == key)).first()
    return None if row is None else Item(*row)


def open_of(conn: Connection, payment_id: int) -> Item | None:
    """The money of a payment that is in suspense."""
    s = suspense_items.c
    row = conn.execute(
        sa.select(*_COLUMNS).where(
            s.payment_id == payment_id, s.state == "open", s.direction == "in"
        )
    ).first()
    return None if row is None else Item(*row)


def _one(conn: Connection, where: sa.ColumnElement[bool], name: str) -> Item:
    row = conn.execute(sa.select(*_COLUMNS).where(where)).first()
    if row is None:
        raise NotFound(f"There is no item {name} in suspense.")
    return Item(*row)


def page(
    conn: Connection, limit: int, after_id: int = 0, state: str | None = "open"
) -> list[Item]:
    """The oldest first."""
    query = sa.select(*_COLUMNS).where(suspense_items.c.id > after_id)
    if state is not None:
        query = query.where(suspense_items.c.state == state)
    return [Item(*row) for row in conn.execute(query.order_by(suspense_items.c.id).limit(limit))]


def assign(conn: Connection, item_id: int, meter: str, ch: int, by: str, now_s: int) -> sales.Sale:
    """The money is for this channel: sell for it."""
    closing = f"sale to {meter}/{ch}"
    item = _check(conn, item_id, "in", "assigned", closing)
    # Asked again the same way, the sale's own key answers with the same sale.
    sale = sales.sell(
        conn,
        meter=meter,
        ch=ch,
        paid_u=item.amount_u,
        key=f"suspense:{item.id}",
        way=_way(item),
        paid_from=ledger.SUSPENSE,
        by=by,
        now_s=now_s,
    )
    if item.state == "open":
        _close(conn, item, "assigned", closing, by, now_s)
    return sale


def assign_wallet(conn: Connection, item_id: int, tenant_id: int, by: str, now_s: int) -> bool:
    """The money is this tenant's."""
    tenants.get(conn, tenant_id)
    return _end(
        conn,
        item_id,
        "in",
        "assigned",
        ledger.wallet(tenant_id),
        f"tenant:{tenant_id}",
        by,
        now_s,
    )


def assign_clearing(conn: Connection, item_id: int, provider: str, by: str, now_s: int) -> bool:
    """A bank's line that is a provider's payout of what it had cleared."""
    account = ledger.clearing(provider)
    return _end(conn, item_id, "in", "assigned", account, account, by, now_s)


def return_(conn: Connection, item_id: int, by: str, now_s: int, note: str = "") -> bool:
    """It was sent back to where it came from, by hand."""
    item = get(conn, item_id)
    if item.payment_id is not None and item.state == "open":
        raise StationError(f"Item {item_id} is of payment {item.payment_id}; refund that one.")
    return _end(conn, item_id, "in", "returned", item.account, note or "sender", by, now_s)


def recover(conn: Connection, item_id: int, meter: str, ch: int, by: str, now_s: int) -> bool:
    """Make good for what was taken from us out of credit that the meter has given back."""
    item, account = get(conn, item_id), ledger.refund_due(meter, ch)
    due_u = ledger.balance_u(conn, account)
    if item.state == "open" and due_u < item.amount_u:
        raise StationError(
            f"Only {format_u(due_u)} is due back from {meter} channel {ch}; take back"
            f" {format_u(item.amount_u)} of its credit first."
        )
    return _end(conn, item_id, "out", "recovered", account, f"{meter}/{ch}", by, now_s)


def write_off(conn: Connection, item_id: int, by: str, now_s: int, note: str = "") -> bool:
    return _end(conn, item_id, "out", "written off", BAD_DEBT, note or BAD_DEBT, by, now_s)


def give_back(conn: Connection, item: Item, now_s: int) -> None:
    """What was taken from us has come back by itself: a dispute that was won."""
    _end(conn, item.id, "out", "recovered", item.account, GIVEN_BACK, "system", now_s)


def send_back(conn: Connection, item: Item, account: str, by: str, now_s: int) -> None:
    """Its payment is refunded (refunds.py); `account` has the money until that is done."""
    _end(conn, item.id, "in", "returned", account, account, by, now_s)


def _end(
    conn: Connection,
    item_id: int,
    direction: str,
    state: str,
    account: str,
    closing: str,
    by: str,
    now_s: int,
) -> bool:
    item = _check(conn, item_id, direction, state, closing)
    if item.state != "open":
        return False
    debit, credit = (ledger.SUSPENSE, account)
    if direction == "out":
        debit, credit = credit, debit
    ledger.post(
        conn,
        key=f"suspense:{item.key}:end",
        debit=debit,
        credit=credit,
        amount_u=item.amount_u,
        created_at=now_s,
    )
    _close(conn, item, state, closing, by, now_s)
    return True


def _check(conn: Connection, item_id: int, direction: str, state: str, closing: str) -> Item:
    """Open and of this direction, or closed in just this way before."""
    item = get(conn, item_id)
    if item.direction != direction:
        done = "was taken from us" if item.direction == "out" else "came to us"
        raise StationError(f"Item {item_id} {done}; it cannot be {state}.")
    if item.state != "open" and (item.state, item.closing) != (state, closing):
        raise StationError(f"Item {item_id} was {item.state} already ({item.closing}).")
    return item


def _close(conn: Connection, item: Item, state: str, closing: str, by: str, now_s: int) -> None:
    s = suspense_items.c
    values = {"state": state, "closing": closing, "closed_by": by, "closed_at": now_s}
    closed = conn.execute(
        sa.update(suspense_items).where(s.id == item.id, s.state == "open").values(values)
    )
    if closed.rowcount != 1:
        raise RuntimeError(f"item {item.id} was closed behind a write lock")
    detail = {"amount_u": item.amount_u, "state": state, "closing": closing}
    acts.note(conn, by, "suspense.close", f"suspense:{item.id}", detail, now_s)


def _way(item: Item) -> str:
    return "bank" if item.account.startswith(ledger.bank("")) else "web"
