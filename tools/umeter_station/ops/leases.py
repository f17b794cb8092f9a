"""What only one process at a time may do, on one machine or on many: a row says whose turn it is.

A holder renews long before its time is over; one that was killed is succeeded when it is. Leases
run on the machine's clock (see models_ops.py).
"""

import secrets
import socket

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.ops.models_ops import leases
from umeter_station.sql import insert


def new_holder() -> str:
    return f"{socket.gethostname()}:{secrets.token_hex(6)}"


def take(conn: Connection, name: str, holder: str, now_s: int, length_s: int) -> bool:
    """Take or renew it, inside the caller's write transaction; False while it is another's."""
    row = conn.execute(sa.select(leases).where(leases.c.name == name)).first()
    # The upper bound: a clock that was set back keeps nobody out for longer than a lease is.
    if row is not None and row.holder != holder and now_s < row.until_s <= now_s + length_s:
        return False
    values = {"holder": holder, "until_s": now_s + length_s}
    conn.execute(
        insert(conn, leases)
        .values(name=name, **values)
        .on_conflict_do_update(index_elements=["name"], set_=values)
    )
    return True


def give_back(conn: Connection, name: str, holder: str) -> None:
    conn.execute(sa.delete(leases).where(leases.c.name == name, leases.c.holder == holder))


def holder_of(conn: Connection, name: str, now_s: int) -> str | None:
    row = conn.execute(sa.select(leases).where(leases.c.name == name)).first()
    return row.holder if row is not None and row.until_s > now_s else None
