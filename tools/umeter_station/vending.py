"""A sale: the purchase, the transfer and the order to the meter, in one transaction."""

import secrets
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import ledger, meters, orders
from umeter_station.account_orders import check_account
from umeter_station.amounts import check_amount_u
from umeter_station.errors import Conflict, StationError
from umeter_station.models import order_keys, purchases, transfers

MAX_KEY_CHARS = 255
# What a meter refuses for the moment. A purchase stays valid, and its money in transit.
HELD_CODES = ("too_much", "not_now", "wrong_account")


@dataclass(frozen=True)
class Purchase:
    """`command_id` is the sale's order, `last_command_id` the newest: a purchase that the meter
    refused for the moment may have been sent again. `repeated`: this key was sold before, and
    this is that same purchase. `refunded`: its money is due back to the customer."""

    id: int
    key: str
    meter: str
    ch: int
    amount_u: int
    created_at: int
    command_id: int
    last_command_id: int
    repeated: bool = False
    refunded: bool = False


def new_key() -> str:
    return secrets.token_hex(8)


def check_key(key: str) -> None:
    if not key or len(key) > MAX_KEY_CHARS or not key.isprintable():
        raise StationError(f"A key is 1 to {MAX_KEY_CHARS} printable characters.")


def sell(
    conn: Connection,
    meter: str,
    ch: int,
    amount_u: int,
    key: str,
    now_s: int,
    account: int | None = None,
    paid_from: str = ledger.CASH_DESK,
) -> Purchase:
    """Sell once per key, inside the caller's write transaction. `account`: the number of the
    account that is paid for; the meter refuses if it has another by then. `paid_from`: the
    ledger's account that has the money. Fees, taxes and receipts: desk/sales.py.

    Asked again with the same key: the same purchase; with the same key for something else:
    Conflict, and nothing happens.
    """
    check_key(key)
    args = {"ch": ch, "amount_u": check_amount_u(amount_u)}
    if account is not None:
        args["account"] = check_account(account)
    earlier = by_key(conn, key)
    if earlier is not None:
        before = orders.get(conn, earlier.command_id)
        if (before.meter, before.args) != (meter, args):
            raise Conflict(
                f"Purchase key {key!r} was used for another sale"
                f" ({earlier.meter} channel {earlier.ch}); use a new key."
            )
        return earlier
    meters.check_channel(meters.get(conn, meter), ch)
    command_id = orders.place(conn, meter, "credit", args, now_s)
    ledger.post_sale(conn, meter, ch, amount_u, now_s, command_id, paid_from)
    row = {
        "key": key,
        "meter": meter,
        "ch": ch,
        "amount_u": amount_u,
        "created_at": now_s,
        "command_id": command_id,
    }
    inserted = conn.execute(purchases.insert().values(row))
    return Purchase(id=inserted.inserted_primary_key[0], **row, last_command_id=command_id)


def by_key(conn: Connection, key: str) -> Purchase | None:
    """The answer to "did my sale go through?" after a cashier's program was cut off."""
    row = conn.execute(sa.select(purchases).where(purchases.c.key == key)).first()
    if row is None:
        return None
    again = conn.execute(
        sa.select(sa.func.max(order_keys.c.command_id)).where(order_keys.c.purchase_id == row.id)
    ).scalar()
    credit = conn.execute(
        sa.select(transfers.c.credit).where(
            transfers.c.key == ledger.settlement_key(row.command_id)
        )
    ).scalar()
    return Purchase(
        **row._mapping,
        last_command_id=again or row.command_id,
        repeated=True,
        refunded=credit is not None and credit != ledger.customer(row.meter, row.ch),
    )


def sale_of(conn: Connection, command_id: int) -> int:
    """The first order of the sale that this credit order brings to the meter."""
    first = conn.execute(
        sa.select(purchases.c.command_id)
        .join(order_keys, order_keys.c.purchase_id == purchases.c.id)
        .where(order_keys.c.command_id == command_id)
    ).scalar()
    return command_id if first is None else first
