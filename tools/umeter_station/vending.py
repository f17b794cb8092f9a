"""A sale: the purchase, the transfer and the order to the meter, in one transaction."""

import secrets
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import ledger, meters, orders
from umeter_station.amounts import check_amount_u
from umeter_station.errors import Conflict, StationError
from umeter_station.models import purchases

MAX_KEY_CHARS = 255


@dataclass(frozen=True)
class Purchase:
    """`repeated`: this key was sold before, and this is that same purchase."""

    id: int
    key: str
    meter: str
    ch: int
    amount_u: int
    created_at: int
    command_id: int
    repeated: bool = False


def new_key() -> str:
    return secrets.token_hex(8)


def sell(conn: Connection, meter: str, ch: int, amount_u: int, key: str, now_s: int) -> Purchase:
    """Sell once per key, inside the caller's write transaction.

    Asked again with the same key: the same purchase; with the same key for something else:
    Conflict, and nothing happens.
    """
    if not key or len(key) > MAX_KEY_CHARS or not key.isprintable():
        raise StationError(f"A purchase key is 1 to {MAX_KEY_CHARS} printable characters.")
    check_amount_u(amount_u)
    earlier = by_key(conn, key)
    if earlier is not None:
        if (earlier.meter, earlier.ch, earlier.amount_u) != (meter, ch, amount_u):
            raise Conflict(
                f"Purchase key {key!r} was used for another sale"
                f" ({earlier.meter} channel {earlier.ch}); use a new key."
            )
        return earlier
    meters.check_channel(meters.get(conn, meter), ch)
    command_id = orders.place(conn, meter, "credit", {"ch": ch, "amount_u": amount_u}, now_s)
    ledger.post_sale(conn, meter, ch, amount_u, now_s, command_id)
    row = {
        "key": key,
        "meter": meter,
        "ch": ch,
        "amount_u": amount_u,
        "created_at": now_s,
        "command_id": command_id,
    }
    inserted = conn.execute(purchases.insert().values(row))
    return Purchase(id=inserted.inserted_primary_key[0], **row)


def by_key(conn: Connection, key: str) -> Purchase | None:
    """The answer to "did my sale go through?" after a cashier's program was cut off."""
    row = conn.execute(sa.select(purchases).where(purchases.c.key == key)).first()
    return None if row is None else Purchase(**row._mapping, repeated=True)
