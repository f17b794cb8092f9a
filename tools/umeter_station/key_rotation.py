"""A meter's key gives way to another one, without a moment in which the two do not understand
each other.

`key_state` of a meter: "steady"; "offered", the new key is sealed as `next_key` and its order on
its way or given up, orders are signed with the old one; "moved", the meter has said that it has
the new key, which signs from now on, and `old_key` still opens the answers that were on their way.
The first answer under the new key makes it "steady" again. The meter, for its part, takes orders
under the old key until one has come under the new.
"""

import base64
import hashlib
import hmac
import secrets as random_source

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import envelope, meters, orders, secrets
from umeter_station.errors import StationError
from umeter_station.models import commands
from umeter_station.models import meters as table
from umeter_station.orders import Command


def rotate(conn: Connection, meter: str, now_s: int) -> int:
    """Make a new key and order the meter to take it; returns the order's id.

    An order that was given up is replaced by one with another key: until the meter has answered,
    its old key counts in any case.
    """
    known = meters.get(conn, meter)
    last = orders.latest(conn, meter, "key")
    if known.key_state == "moved" or (last is not None and last.is_open):
        raise StationError(
            f"{meter} has not used its last new key yet; wait until it has answered."
        )
    old, new = meters.key_of(conn, meter), random_source.token_bytes(secrets.KEY_BYTES)
    n = conn.execute(sa.select(table.c.next_n).where(table.c.meter == meter)).scalar_one()
    command_id = orders.place(conn, meter, "key", wrapped(old, new, n), now_s)
    _put(conn, meter, next_key=secrets.seal(conn, meter, new), key_state="offered")
    return command_id


def wrapped(old: bytes, new: bytes, n: int) -> dict[str, str]:
    """The fields of order `n`: the new key, readable to who has the old one, and a mark of it."""
    mask = hmac.digest(old, b"umeter key %d" % n, "sha256")
    covered = bytes(a ^ b for a, b in zip(new, mask, strict=True))
    return {
        "wrapped": base64.urlsafe_b64encode(covered).decode().rstrip("="),
        "check": hashlib.sha256(new).digest()[:8].hex(),
    }


def verified(conn: Connection, meter: str, token: bytes) -> tuple[bytes | None, bool]:
    """An answer's payload, None if no key of the meter has signed it; and whether that was the key
    that orders are signed with."""
    row = conn.execute(sa.select(table.c.key, table.c.old_key).where(table.c.meter == meter)).one()
    for sealed in filter(None, row):
        payload = envelope.verify(secrets.opened(conn, meter, sealed), token)
        if payload is not None:
            return payload, sealed is row.key
    return None, False


def note_used(conn: Connection, meter: str) -> None:
    """The meter has answered under the key that orders are signed with."""
    conn.execute(
        sa.update(table)
        .where(table.c.meter == meter, table.c.key_state == "moved")
        .values(old_key=None, key_state="steady")
    )


def note_answer(conn: Connection, command: Command, now_s: int) -> None:
    """A `key` order is settled: the meter has the new key, or will not have it."""
    row = conn.execute(
        sa.select(table.c.key, table.c.next_key, table.c.key_state).where(
            table.c.meter == command.meter
        )
    ).one()
    newest = orders.latest(conn, command.meter, "key")
    if row.key_state != "offered" or newest.n != command.n:
        return
    if command.state == "applied":
        _put(
            conn,
            command.meter,
            key=row.next_key,
            key_at=now_s,
            next_key=None,
            old_key=row.key,
            key_state="moved",
        )
        # Any answer under the new key ends the old one: this makes for one soon.
        orders.order_read(conn, command.meter, now_s)
    elif command.state == "refused":
        _put(conn, command.meter, next_key=None, key_state="steady")


def retire(conn: Connection, meter: str, now_s: int) -> bool:
    """Have no more to do with a meter; False if that was so before. Its books stay."""
    if meters.get(conn, meter).retired_at is not None:
        return False
    c = commands.c
    waiting = sa.select(c.n).where(
        c.meter == meter, c.state.in_(orders.OPEN_STATES), c.op.in_(orders.MONEY_OPS)
    )
    n = conn.execute(waiting).scalars().first()
    if n is not None:
        raise StationError(
            f"{meter} has not told yet what became of the money of order {n}; it can be retired"
            " when it has answered."
        )
    left = sa.select(c.id).where(c.meter == meter, c.state.in_(orders.OPEN_STATES))
    for command_id in conn.execute(left).scalars().all():
        orders.give_up(conn, command_id, now_s)
    _put(
        conn,
        meter,
        retired_at=now_s,
        presence="offline",
        next_key=None,
        old_key=None,
        key_state="steady",
    )
    return True


def _put(conn: Connection, meter: str, **values) -> None:
    conn.execute(sa.update(table).where(table.c.meter == meter).values(values))
