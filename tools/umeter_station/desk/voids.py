"""Taking the last sale of a shift back, while its order has not left the station.

Afterwards it is as if nothing had been paid: the order is cancelled, the money is back from where
it was booked and paid out of the drawer. The receipt keeps its number and is marked VOID.
"""

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import ledger, orders, vending
from umeter_station.amounts import format_u
from umeter_station.desk import sales, shifts
from umeter_station.desk.sales import Sale
from umeter_station.errors import NotFound, StationError
from umeter_station.models_desk import sale_voids
from umeter_station.models_desk import sales as sales_table
from umeter_station.people import acts


def void_last(conn: Connection, shift_id: int, key: str, by: str, now_s: int) -> Sale:
    """`key`: of the sale that is meant, so that a repeated request voids no second one."""
    sale = sales.by_key(conn, key)
    if sale is None or sale.shift_id != shift_id:
        raise NotFound(f"Shift {shift_id} has sold nothing with key {key!r}.")
    if sale.voided:
        return sale
    shifts.check_open(conn, shift_id)
    _check_last(conn, sale)
    _check_unsent(conn, sale)
    purchase, quote = sale.purchase, sale.quote
    drawer = ledger.cash(shift_id)
    if sale.paid_from != drawer:
        raise StationError(
            f"Sale {key} was not paid in cash; it is refunded by the way that it was paid."
        )
    if shifts.expected_u(conn, shift_id) < quote.paid_u:
        raise StationError(
            f"The drawer does not hold {format_u(quote.paid_u)}; bring cash into it first."
        )
    orders.cancel(conn, purchase.command_id, by, now_s)
    ledger.post_settlement(
        conn,
        quote.meter,
        quote.ch,
        purchase.amount_u,
        now_s,
        purchase.command_id,
        sale_id=purchase.command_id,
        applied=False,
    )
    ledger.post(
        conn,
        key=f"void:{purchase.command_id}",
        debit=ledger.refund_due(quote.meter, quote.ch),
        credit=drawer,
        amount_u=quote.paid_u,
        created_at=now_s,
        command_id=purchase.command_id,
    )
    values = {"shift_id": shift_id, "amount_u": quote.paid_u}
    conn.execute(sale_voids.insert().values(purchase_id=purchase.id, **values, at=now_s, by=by))
    acts.note(conn, by, "sale.void", f"{quote.meter}/{quote.ch}", {"key": key, **values}, now_s)
    return sales.of(conn, vending.by_key(conn, key) or purchase)


def _check_last(conn: Connection, sale: Sale) -> None:
    s = sales_table.c
    last = conn.execute(
        sa.select(sa.func.max(s.purchase_id)).where(s.shift_id == sale.shift_id)
    ).scalar()
    if last != sale.purchase.id:
        raise StationError(
            f"Sale {sale.purchase.key} is not the last of its shift; take its credit back from the"
            " meter (`debit`) and pay that out."
        )


def _check_unsent(conn: Connection, sale: Sale) -> None:
    key = sale.purchase.key
    last = orders.get(conn, sale.purchase.last_command_id)
    if last.state == "applied":
        raise StationError(
            f"{last.meter} has credited sale {key}; take its credit back (`debit`) and pay that"
            " out."
        )
    if last.id != sale.purchase.command_id or last.state != "created":
        raise StationError(
            f"The order of sale {key} was sent to {last.meter}, which may have credited it; wait"
            " for its answer, then refund the sale or take its credit back."
        )
