"""What became of a key: every step of a sale that is known, with its amount and its time.

For whoever was cut off in the middle of it, by whatever way it was paid.
"""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import ledger, orders, vending
from umeter_station.desk import sales
from umeter_station.desk.sales import Sale
from umeter_station.errors import NotFound
from umeter_station.models import order_keys, transfers
from umeter_station.models_desk import payouts, sale_voids

WALLET = "wallet"
# An order's states, as the buyer understands them.
_STEPS = {"created": "ordered"}


@dataclass(frozen=True)
class Step:
    """`step`: paid, ordered, sent, delivered, applied, held, refused, cancelled, unclear, refund
    due, refunded or voided. `order_n`: the number of the order to the meter that it is about.
    `detail`: the meter's code, or where the money went back to, as WALLET."""

    step: str
    at: int
    amount_u: int
    order_n: int | None = None
    detail: str = ""


@dataclass(frozen=True)
class Fate:
    """`state` is the last step that counts; `steps` in their order."""

    key: str
    state: str
    sale: Sale
    steps: tuple[Step, ...]

    @property
    def in_wallet(self) -> bool:
        """The money is back in the wallet that had paid."""
        return any(step.step == "refunded" and step.detail == WALLET for step in self.steps)


def of(conn: Connection, key: str) -> Fate:
    """NotFound means that nothing was ever sold with this key: it may be used for a new sale."""
    sale = sales.by_key(conn, key)
    if sale is None:
        raise NotFound(f"Nothing was sold with key {key!r}; it can be used.")
    steps = [Step("paid", sale.at, sale.quote.paid_u)]
    for command_id in _orders(conn, sale):
        steps += _of_order(conn, sale, command_id)
    steps += _settled(conn, sale)
    steps.sort(key=lambda step: step.at)
    return Fate(key, _state(steps), sale, tuple(steps))


def _orders(conn: Connection, sale: Sale) -> list[int]:
    again = conn.execute(
        sa.select(order_keys.c.command_id)
        .where(order_keys.c.purchase_id == sale.purchase.id)
        .order_by(order_keys.c.command_id)
    )
    return [sale.purchase.command_id, *again.scalars()]


def _of_order(conn: Connection, sale: Sale, command_id: int) -> list[Step]:
    command = orders.get(conn, command_id)
    found = []
    for row in orders.states(conn, command_id):
        step = _STEPS.get(row.state, row.state)
        if step == "refused" and command.code in vending.HELD_CODES:
            step = "held"
        final = step not in ("ordered", "sent", "delivered")
        detail = (command.code or "") if final else ""
        found.append(Step(step, row.at, sale.purchase.amount_u, command.n, detail))
    return found


def _settled(conn: Connection, sale: Sale) -> list[Step]:
    t, quote, found = transfers.c, sale.quote, []
    key = ledger.settlement_key(sale.purchase.command_id)
    row = conn.execute(sa.select(t.credit, t.created_at).where(t.key == key)).first()
    if row is not None and row.credit != ledger.customer(quote.meter, quote.ch):
        found.append(Step("refund due", row.created_at, quote.paid_u))
    if ledger.is_back_in_wallet(conn, sale.purchase.command_id):
        found.append(Step("refunded", found[0].at, quote.paid_u, detail=WALLET))
    v = sale_voids.c
    void = conn.execute(
        sa.select(v.at, v.amount_u).where(v.purchase_id == sale.purchase.id)
    ).first()
    if void is not None:
        found.append(Step("voided", void.at, void.amount_u))
    p = payouts.c
    paid = sa.select(p.at, p.amount_u, p.paid_to).where(p.purchase_id == sale.purchase.id)
    for at, amount_u, paid_to in conn.execute(paid.order_by(p.id)):
        found.append(Step("refunded", at, amount_u, detail=paid_to))
    return found


def _state(steps: list[Step]) -> str:
    for state in ("voided", "refunded", "refund due"):
        if any(step.step == state for step in steps):
            return state
    return steps[-1].step
