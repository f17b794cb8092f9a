"""A tenant's wallet: money paid in by bank transfer or provider, to buy with on the web or by
telephone."""

from sqlalchemy import Connection

from umeter_station import ledger
from umeter_station.amounts import format_u
from umeter_station.desk import sales
from umeter_station.desk.sales import Sale
from umeter_station.errors import Conflict, StationError


def account(tenant_id: int) -> str:
    return f"wallet:{tenant_id}"


def balance_u(conn: Connection, tenant_id: int) -> int:
    return ledger.balance_u(conn, account(tenant_id))


def check_holds(conn: Connection, tenant_id: int, amount_u: int) -> None:
    """Inside the write transaction that then takes it: nobody else takes it in between."""
    held_u = balance_u(conn, tenant_id)
    if held_u < amount_u:
        raise StationError(
            f"The wallet holds {format_u(max(held_u, 0))}, less than {format_u(amount_u)}; pay in"
            " first."
        )


def buy(
    conn: Connection,
    *,
    tenant_id: int,
    meter: str,
    ch: int,
    paid_u: int,
    key: str,
    way: str,
    by: str,
    now_s: int,
    seen_u: int | None = None,
) -> Sale:
    """Once per key; StationError if it holds too little. `seen_u`: what the buyer was shown that
    it holds; Conflict if it is another by now, as when a second window has bought the same."""
    # Asked again it is the same answer, whatever is left by then.
    if sales.by_key(conn, key) is None:
        if seen_u is not None and seen_u != balance_u(conn, tenant_id):
            raise Conflict("The wallet holds another amount by now; look at it and pay once more.")
        check_holds(conn, tenant_id, paid_u)
    return sales.sell(
        conn,
        meter=meter,
        ch=ch,
        paid_u=paid_u,
        key=key,
        way=way,
        paid_from=account(tenant_id),
        by=by,
        now_s=now_s,
    )
