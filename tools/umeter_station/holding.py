"""Purchases that a meter would not take now: the money stays in transit until they are sent again
or refunded, never both.

Only the meter's signed refusal of the last order for a purchase lets a next one be given, or the
money be returned; and the ledger has room for one end of a sale only.
"""

import json
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import keyed, ledger, orders, vending
from umeter_station.errors import StationError
from umeter_station.keyed import Given
from umeter_station.models import commands, order_keys, purchases
from umeter_station.vending import HELD_CODES, Purchase


@dataclass(frozen=True)
class Held:
    """One purchase that waits for a decision: the meter refused its last order, number `n`, with
    `code` and, if it said so, a `reason`."""

    key: str
    meter: str
    ch: int
    amount_u: int
    created_at: int
    n: int
    refused_at: int
    code: str
    reason: str


def held(conn: Connection, meter: str | None = None) -> list[Held]:
    """All of them (of one meter), the oldest first."""
    c, k, p = commands.c, order_keys.c, purchases.c
    later = order_keys.alias().c
    rows = conn.execute(
        sa.select(p.key, p.meter, p.ch, p.amount_u, p.created_at)
        .add_columns(c.n, c.answered_at, c.code, c.result)
        .select_from(commands)
        .outerjoin(order_keys, k.command_id == c.id)
        .join(purchases, (p.command_id == c.id) | (p.id == k.purchase_id))
        .where(c.op == "credit", c.state == "refused", c.code.in_(HELD_CODES))
        .where(meter is None or c.meter == meter)
        .where(~sa.exists().where(later.purchase_id == p.id, later.command_id > c.id))
        .where(~ledger.is_ended(p.command_id))
        .order_by(p.id)
    )
    return [Held(*row[:-1], reason=_reason(row.result)) for row in rows]


def _reason(result: str) -> str:
    reason = json.loads(result).get("reason")
    return reason if isinstance(reason, str) else ""


def resend(conn: Connection, key: str, order_key: str, now_s: int) -> Given:
    """Bring the purchase `key` to its meter again, once per `order_key`, inside the caller's
    write transaction. While an order for it is under way, or once it is credited, that order is
    the answer, and nothing more is sent."""
    purchase = _purchase(conn, key)
    first = orders.get(conn, purchase.command_id)
    earlier = keyed.find(conn, order_key)
    if earlier is None:
        last = orders.get(conn, purchase.last_command_id)
        if last.is_open or last.state == "applied":
            return Given(last.id, order_key, repeated=True)
        _check_decidable(conn, purchase, last)
    return keyed.place(
        conn, purchase.meter, "credit", first.args, order_key, now_s, purchase_id=purchase.id
    )


def refund(conn: Connection, key: str, now_s: int) -> bool:
    """Give up bringing the purchase to its meter: its money is due back to the customer, or back
    in the wallet that paid. False if it is already."""
    purchase = _purchase(conn, key)
    if purchase.refunded:
        return False
    last = orders.get(conn, purchase.last_command_id)
    if last.is_open or last.state == "applied":
        fate = "credited by" if last.state == "applied" else "on its way to"
        raise StationError(f"Purchase {key} is {fate} {last.meter}; it cannot be refunded.")
    _check_decidable(conn, purchase, last)
    ledger.post_settlement(
        conn,
        purchase.meter,
        purchase.ch,
        purchase.amount_u,
        now_s,
        last.id,
        sale_id=purchase.command_id,
        applied=False,
    )
    return True


def _purchase(conn: Connection, key: str) -> Purchase:
    purchase = vending.by_key(conn, key)
    if purchase is None:
        raise StationError(f"There is no purchase {key!r}; `umeter-station held` names them.")
    return purchase


def _check_decidable(conn: Connection, purchase: Purchase, last: orders.Command) -> None:
    """Only a purchase that is held may be sent again or refunded."""
    if purchase.refunded:
        raise StationError(
            f"Purchase {purchase.key} is due back to the customer already; sell it anew."
        )
    if last.code not in HELD_CODES:
        raise StationError(
            f"{last.meter} cannot say whether purchase {purchase.key} was credited ({last.code});"
            " compare its totals with the ledger before anything else is done."
        )
