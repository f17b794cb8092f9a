"""A tenant's wallet: money paid in by bank transfer or provider, to buy with by telephone."""

from sqlalchemy import Connection

from umeter_station import ledger
from umeter_station.amounts import format_u
from umeter_station.errors import StationError


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
