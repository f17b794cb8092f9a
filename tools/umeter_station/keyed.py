"""Orders that must not be given twice: each under a key, chosen by whoever gives it."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import meters, orders, vending
from umeter_station.errors import Conflict, StationError
from umeter_station.models import commands, order_keys

# Only the answer says how much these moved. A meter can be asked for that once more while nothing
# else has moved the account's money: so the next one waits for it.
_ONE_AT_A_TIME = ("debit", "account")


@dataclass(frozen=True)
class Given:
    """`repeated`: there was such an order before, and this is that same one."""

    command_id: int
    key: str
    repeated: bool = False


def find(conn: Connection, key: str) -> Given | None:
    """The answer to "was my order given?" after a program was cut off."""
    command_id = conn.execute(
        sa.select(order_keys.c.command_id).where(order_keys.c.key == key)
    ).scalar()
    return None if command_id is None else Given(command_id, key, repeated=True)


def place(
    conn: Connection,
    meter: str,
    op: str,
    args: dict[str, Any],
    key: str,
    now_s: int,
    purchase_id: int | None = None,
) -> Given:
    """Give an order about one channel once per key, inside the caller's write transaction.

    Asked again with the same key: the same order; with the same key for something else: Conflict,
    and nothing happens. `purchase_id`: the purchase that the order brings to the meter again.
    """
    vending.check_key(key)
    earlier = find(conn, key)
    if earlier is not None:
        before = orders.get(conn, earlier.command_id)
        same = (before.meter, before.op, before.args) == (meter, op, args)
        if not same or _purchase_of(conn, key) != purchase_id:
            raise Conflict(
                f"Key {key!r} was used for another order ({before.op} to {before.meter} channel"
                f" {before.args['ch']}); use a new key."
            )
        return earlier
    meters.check_channel(meters.get(conn, meter), args["ch"])
    if op in _ONE_AT_A_TIME:
        _check_alone(conn, meter, args["ch"])
    command_id = orders.place(conn, meter, op, args, now_s)
    conn.execute(
        order_keys.insert().values(key=key, command_id=command_id, purchase_id=purchase_id)
    )
    return Given(command_id, key)


def _purchase_of(conn: Connection, key: str) -> int | None:
    return conn.execute(
        sa.select(order_keys.c.purchase_id).where(order_keys.c.key == key)
    ).scalar()


def _check_alone(conn: Connection, meter: str, ch: int) -> None:
    c = commands.c
    ids = conn.execute(
        sa.select(c.id)
        .where(c.meter == meter, c.op.in_(_ONE_AT_A_TIME))
        .where(c.state.in_((*orders.OPEN_STATES, "unclear")))
        .order_by(c.id)
    )
    for command_id in ids.scalars():
        waiting = orders.get(conn, command_id)
        if waiting.args["ch"] == ch:
            raise StationError(
                f"{meter} has not told yet what order {waiting.n} ({waiting.op}) moved on channel"
                f" {ch}; wait for that before the next."
            )
