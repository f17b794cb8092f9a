"""What a shift did, in figures that add up: the content of its Z-report."""

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import ledger
from umeter_station.models import transfers
from umeter_station.models_desk import cash_moves, payouts, sale_voids, sales

if TYPE_CHECKING:
    from umeter_station.desk.shifts import Shift


def make(conn: Connection, shift: "Shift", z_no: int, ending: dict[str, int]) -> dict[str, Any]:
    """`expected_u` is float + sales - voids - payouts + agents + brought - taken, by the ledger;
    each of these is told by its own rows here."""
    s, v, p, m, t = sales.c, sale_voids.c, payouts.c, cash_moves.c, transfers.c
    drawer = ledger.cash(shift.id)
    sold = _row(conn, sales, s.shift_id == shift.id, s.paid_u, s.fee_u, s.tax_u, s.credit_u)
    first, last = conn.execute(
        sa.select(sa.func.min(s.receipt_no), sa.func.max(s.receipt_no)).where(
            s.shift_id == shift.id
        )
    ).one()
    voided = _row(conn, sale_voids, v.shift_id == shift.id, v.amount_u)
    paid = _row(conn, payouts, (p.shift_id == shift.id) & (p.paid_to == drawer), p.amount_u)
    brought = _row(conn, cash_moves, (m.shift_id == shift.id) & (m.into_u > 0), m.into_u)
    taken = _row(conn, cash_moves, (m.shift_id == shift.id) & (m.into_u < 0), m.into_u)
    agents = _row(conn, transfers, (t.debit == drawer) & t.credit.startswith("agent:"), t.amount_u)
    cash = (s.shift_id == shift.id) & (s.paid_from == drawer)
    return {
        "shift": shift.id,
        "register": shift.register,
        "z_no": z_no,
        "cashier": shift.cashier,
        "opened_at": shift.opened_at,
        "float_u": shift.float_u,
        "sales": sold[0],
        "paid_u": sold[1],
        "fee_u": sold[2],
        "tax_u": sold[3],
        "credit_u": sold[4],
        "cash_sales_u": _row(conn, sales, cash, s.paid_u)[1],
        "first_receipt": first,
        "last_receipt": last,
        "voids": voided[0],
        "voided_u": voided[1],
        "payouts": paid[0],
        "paid_out_u": paid[1],
        "agents_u": agents[1],
        "brought_u": brought[1],
        "taken_u": -taken[1],
        **ending,
    }


def _row(conn: Connection, table: sa.Table, where: Any, *columns: sa.Column) -> tuple[int, ...]:
    """(how many rows, the sum of each column)"""
    sums = [sa.cast(sa.func.coalesce(sa.func.sum(c), 0), sa.BigInteger) for c in columns]
    return tuple(
        conn.execute(sa.select(sa.func.count(), *sums).select_from(table).where(where)).one()
    )
