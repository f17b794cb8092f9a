"""Paying out what is due back: credit that a meter gave back, or a sale that nothing came of.

Only what is in the ledger's refund-due account of the channel can be paid out, and that gets there
by the meter's own answer. From a drawer or from the bank here; by the provider that the money came
from in pay/refunds.py.
"""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import account_orders, keyed, ledger, meters, vending
from umeter_station.amounts import check_amount_u, format_u
from umeter_station.desk import registers, shifts
from umeter_station.errors import Conflict, StationError
from umeter_station.models_desk import payouts
from umeter_station.people import acts


@dataclass(frozen=True)
class Payout:
    """`paid_to`: the ledger's account that the money left; `repeated`: this key was paid out
    before, and this is that same payout."""

    id: int
    key: str
    meter: str
    ch: int
    amount_u: int
    paid_to: str
    shift_id: int | None
    register: str
    receipt_no: int
    at: int
    by: str
    reason: str
    repeated: bool = False


_COLUMNS = [payouts.c[n] for n in Payout.__dataclass_fields__ if n != "repeated"]


def take_back(
    conn: Connection, meter: str, ch: int, amount_u: int, key: str, by: str, now_s: int
) -> keyed.Given:
    """Order the meter to give credit back: at most this, and never what is used already. What it
    takes is due back to the customer by its own answer."""
    op, args = account_orders.debit(ch, amount_u)
    given = keyed.place(conn, meter, op, args, key, now_s)
    if not given.repeated:
        acts.note(conn, by, "credit.take_back", f"{meter}/{ch}", {"amount_u": amount_u}, now_s)
    return given


def close_account(
    conn: Connection, meter: str, ch: int, key: str, by: str, now_s: int
) -> keyed.Given:
    """Order the meter to close the channel's account, once per key: what is left of its credit is
    due back by the meter's answer, and it takes no purchase until another account is opened."""
    op, args = account_orders.account(ch, "close")
    given = keyed.place(conn, meter, op, args, key, now_s)
    if not given.repeated:
        acts.note(conn, by, "account.close", f"{meter}/{ch}", {}, now_s)
    return given


def open_account(
    conn: Connection, meter: str, ch: int, account: int, key: str, by: str, now_s: int
) -> keyed.Given:
    """Order the meter to open an account of that number, once per key."""
    op, args = account_orders.account(ch, "open", account)
    given = keyed.place(conn, meter, op, args, key, now_s)
    if not given.repeated:
        acts.note(conn, by, "account.open", f"{meter}/{ch}", {"account": account}, now_s)
    return given


def due_u(conn: Connection, meter: str, ch: int) -> int:
    return ledger.balance_u(conn, ledger.refund_due(meter, ch))


def pay_out(
    conn: Connection,
    *,
    meter: str,
    ch: int,
    amount_u: int,
    key: str,
    reason: str,
    by: str,
    now_s: int,
    shift_id: int | None = None,
    bank: str | None = None,
    purchase: str | None = None,
) -> Payout:
    """Once per key: in cash from the shift's drawer (None: the desk without shifts), or from the
    bank account of that name. `purchase`: the key of the sale that it is about, if of one."""
    vending.check_key(key)
    check_amount_u(amount_u)
    paid_to = ledger.cash(shift_id) if bank is None else ledger.bank(bank)
    earlier = find(conn, payouts.c.key == key)
    if earlier is not None:
        before = (earlier.meter, earlier.ch, earlier.amount_u, earlier.paid_to)
        if before != (meter, ch, amount_u, paid_to):
            raise Conflict(f"Key {key!r} was used for another payout; use a new key.")
        return earlier
    meters.check_channel(meters.get(conn, meter), ch)
    if len(reason) > 200 or not (reason == "" or reason.isprintable()):
        raise StationError("A reason has at most 200 printable characters.")
    purchase_id = None if purchase is None else _purchase_id(conn, purchase, meter, ch)
    held_u = due_u(conn, meter, ch)
    if held_u < amount_u:
        raise StationError(
            f"{format_u(held_u)} is due back from {meter} channel {ch}; pay out no more than that,"
            " or have the meter give credit back first."
        )
    if shift_id is not None:
        shifts.check_open(conn, shift_id)
        if bank is None and shifts.expected_u(conn, shift_id) < amount_u:
            raise StationError(
                f"The drawer does not hold {format_u(amount_u)}; bring cash into it first."
            )
    register = "desk" if shift_id is None else shifts.get(conn, shift_id).register
    values = {"meter": meter, "ch": ch, "amount_u": amount_u, "paid_to": paid_to}
    conn.execute(
        payouts.insert().values(
            key=key,
            **values,
            shift_id=shift_id,
            purchase_id=purchase_id,
            register=register,
            receipt_no=registers.next_receipt(conn, register),
            at=now_s,
            by=by,
            reason=reason,
        )
    )
    ledger.post(
        conn,
        key=f"payout:{key}",
        debit=ledger.refund_due(meter, ch),
        credit=paid_to,
        amount_u=amount_u,
        created_at=now_s,
    )
    acts.note(conn, by, "refund", f"{meter}/{ch}", {"key": key, **values}, now_s)
    return _first(conn, payouts.c.key == key)


def _purchase_id(conn: Connection, key: str, meter: str, ch: int) -> int:
    found = vending.by_key(conn, key)
    if found is None or (found.meter, found.ch) != (meter, ch):
        raise StationError(f"Channel {ch} of {meter} has no purchase {key!r}; leave it out.")
    return found.id


def find(conn: Connection, where: sa.ColumnElement[bool]) -> Payout | None:
    row = conn.execute(sa.select(*_COLUMNS).where(where)).first()
    return None if row is None else Payout(*row, repeated=True)


def page(
    conn: Connection, limit: int, before_id: int | None, where: sa.ColumnElement[bool]
) -> list[Payout]:
    """The newest first; with `before_id` those that are older."""
    older = sa.true() if before_id is None else payouts.c.id < before_id
    query = sa.select(*_COLUMNS).where(where, older).order_by(payouts.c.id.desc())
    return [Payout(*row) for row in conn.execute(query.limit(limit))]


def by_key(conn: Connection, key: str) -> Payout | None:
    return find(conn, payouts.c.key == key)


def by_receipt(conn: Connection, register: str, receipt_no: int) -> Payout | None:
    p = payouts.c
    return find(conn, (p.register == register) & (p.receipt_no == receipt_no))


def _first(conn: Connection, where: sa.ColumnElement[bool]) -> Payout:
    return Payout(*conn.execute(sa.select(*_COLUMNS).where(where)).one())
