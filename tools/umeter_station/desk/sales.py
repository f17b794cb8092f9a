"""A sale, whoever pays in whatever way: quote, purchase, money, receipt and order, at once.

The money that is not credit is transfers of its own: the fee and the tax, and an agent's
commission. The receipt is numbered in the same transaction: the customer gets it when the money is
taken, and its number has no gaps, whatever the meter says later.
"""

import json
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import ledger, ledger_meter, orders, vending
from umeter_station.desk import agents, charges, quotes, registers, shifts
from umeter_station.desk.quotes import Quote
from umeter_station.errors import Conflict, StationError
from umeter_station.models import purchases, transfers
from umeter_station.models_desk import sale_voids, sales
from umeter_station.people import acts
from umeter_station.vending import Purchase


@dataclass(frozen=True)
class Sale:
    """`receipt_no` is given with the payment, and counts within `register`; 0 for what was sold
    before there were receipts. `voided`: taken back at the desk before the order was ever sent.
    """

    purchase: Purchase
    quote: Quote
    way: str
    paid_from: str
    shift_id: int | None
    register: str
    receipt_no: int
    at: int
    by: str
    commission_u: int = 0
    voided: bool = False

    @property
    def from_wallet(self) -> bool:
        return ledger.is_wallet(self.paid_from)

    @property
    def repeated(self) -> bool:
        """This key was sold before, and this is that same sale."""
        return self.purchase.repeated


def sell(
    conn: Connection,
    *,
    meter: str,
    ch: int,
    paid_u: int,
    key: str,
    way: str,
    paid_from: str,
    by: str,
    now_s: int,
    account: int | None = None,
    shift_id: int | None = None,
) -> Sale:
    """Sell once per key, inside the caller's write transaction. `paid_from`: the ledger's account
    that has the money, as ledger.cash(shift_id), clearing, bank or agent names it.

    Asked again with the same key: the same sale; with the same key for something else: Conflict,
    and nothing happens.
    """
    vending.check_key(key)
    earlier = by_key(conn, key)
    if earlier is not None:
        _check_same(conn, earlier, meter, ch, paid_u, way, paid_from, account)
        return earlier
    found = quotes.quote(conn, meter, ch, paid_u, way, now_s)
    _check_drawer(conn, paid_from, shift_id)
    commission_u = agents.take(conn, paid_from, paid_u)
    _check_unit(conn, found)
    credited_from = ledger.units(meter, ch) if found.is_kwh else paid_from
    purchase = vending.sell(conn, meter, ch, found.order_u, key, now_s, account, credited_from)
    asides = [
        ("fee", paid_from, ledger.REVENUE_FEES, found.fee_u),
        ("tax", paid_from, ledger.TAX, found.tax_u),
        ("prepaid", paid_from, ledger.prepaid(meter, ch), found.credit_u if found.is_kwh else 0),
        ("commission", ledger.COMMISSION, paid_from, commission_u),
    ]
    for what, debit, credit, amount_u in asides:
        ledger.post_aside(conn, what, debit, credit, amount_u, now_s, purchase.command_id)
    register = _register(conn, way, paid_from, shift_id)
    row = {
        "way": way,
        "paid_from": paid_from,
        "shift_id": shift_id,
        "register": register,
        "receipt_no": registers.next_receipt(conn, register),
        "at": now_s,
        "by": by,
        "commission_u": commission_u,
    }
    conn.execute(
        sales.insert().values(
            purchase_id=purchase.id,
            unit=found.unit,
            paid_u=paid_u,
            fee_u=found.fee_u,
            tax_u=found.tax_u,
            credit_u=found.credit_u,
            quote=json.dumps(found.to_dict(), separators=(",", ":")),
            **row,
        )
    )
    detail = {"key": key, "paid_u": paid_u, "way": way, "receipt": [register, row["receipt_no"]]}
    acts.note(conn, by, "sale", f"{meter}/{ch}", detail, now_s)
    return Sale(purchase=purchase, quote=found, **row)


def sell_at_desk(
    conn: Connection,
    meter: str,
    ch: int,
    paid_u: int,
    key: str,
    now_s: int,
    by: str = "system",
    account: int | None = None,
) -> Sale:
    """For cash: into the drawer of the cashier's open shift, else of the desk without shifts."""
    shift = shifts.open_of(conn, by)
    shift_id = None if shift is None else shift.id
    return sell(
        conn,
        meter=meter,
        ch=ch,
        paid_u=paid_u,
        key=key,
        way="desk",
        paid_from=ledger.cash(shift_id),
        by=by,
        now_s=now_s,
        account=account,
        shift_id=shift_id,
    )


def by_key(conn: Connection, key: str) -> Sale | None:
    """The answer to "did my sale go through?" after whoever asked was cut off."""
    purchase = vending.by_key(conn, key)
    return None if purchase is None else of(conn, purchase)


def page(
    conn: Connection,
    limit: int,
    before_id: int | None = None,
    where: sa.ColumnElement[bool] | None = None,
) -> list[Sale]:
    """The newest first; with `before_id` those whose purchase is older. `where`: of columns of
    the tables of sales and of purchases."""
    p = purchases.c
    query = sa.select(p.key).join(sales, sales.c.purchase_id == p.id)
    if before_id is not None:
        query = query.where(p.id < before_id)
    if where is not None:
        query = query.where(where)
    keys = list(conn.execute(query.order_by(p.id.desc()).limit(limit)).scalars())
    found = (by_key(conn, key) for key in keys)
    return [sale for sale in found if sale is not None]


def of_channel(conn: Connection, meter: str, ch: int, limit: int) -> list[Sale]:
    """The newest first."""
    p = purchases.c
    return page(conn, limit, where=(p.meter == meter) & (p.ch == ch))


def by_receipt(conn: Connection, register: str, receipt_no: int) -> Sale | None:
    key = conn.execute(
        sa.select(purchases.c.key)
        .join(sales, sales.c.purchase_id == purchases.c.id)
        .where(sales.c.register == register, sales.c.receipt_no == receipt_no)
    ).scalar()
    return None if key is None else by_key(conn, key)


def by_order(conn: Connection, command_id: int) -> Sale | None:
    """The sale that a credit order brings to its meter, the first one or another."""
    first = vending.sale_of(conn, command_id)
    key = conn.execute(sa.select(purchases.c.key).where(purchases.c.command_id == first)).scalar()
    return None if key is None else by_key(conn, key)


def of(conn: Connection, purchase: Purchase) -> Sale:
    row = conn.execute(sa.select(sales).where(sales.c.purchase_id == purchase.id)).first()
    if row is None:
        return _without_receipt(purchase)
    v = sale_voids.c
    voided = conn.execute(sa.select(v.at).where(v.purchase_id == purchase.id)).first()
    return Sale(
        purchase=purchase,
        quote=quotes.from_dict(json.loads(row.quote)),
        way=row.way,
        paid_from=row.paid_from,
        shift_id=row.shift_id,
        register=row.register,
        receipt_no=row.receipt_no,
        at=row.at,
        by=row.by,
        commission_u=row.commission_u,
        voided=voided is not None,
    )


def _without_receipt(purchase: Purchase) -> Sale:
    """As it was sold before there were fees, taxes and receipts."""
    found = quotes.plain(purchase.meter, purchase.ch, purchase.amount_u, "desk")
    at, drawer = purchase.created_at, ledger.CASH_DESK
    return Sale(purchase, found, "desk", drawer, None, "", 0, at, "system")


def _check_same(
    conn: Connection,
    earlier: Sale,
    meter: str,
    ch: int,
    paid_u: int,
    way: str,
    paid_from: str,
    account: int | None,
) -> None:
    # Which drawer the cash went into is the desk's own matter: the shift may have changed since.
    accounts = [
        "cash" if name.startswith("cash:") else name for name in (earlier.paid_from, paid_from)
    ]
    quote = earlier.quote
    before = (quote.meter, quote.ch, quote.paid_u, earlier.way, accounts[0])
    before_account = orders.get(conn, earlier.purchase.command_id).args.get("account")
    if (*before, before_account) != (meter, ch, paid_u, way, accounts[1], account):
        raise Conflict(
            f"Purchase key {earlier.purchase.key!r} was used for another sale"
            f" ({quote.meter} channel {quote.ch}); use a new key."
        )


def _check_drawer(conn: Connection, paid_from: str, shift_id: int | None) -> None:
    if shift_id is not None:
        shifts.check_open(conn, shift_id)
    if paid_from.startswith("cash:") and paid_from != ledger.cash(shift_id):
        raise StationError("Cash goes into the drawer of the shift that sells; name that shift.")


def _check_unit(conn: Connection, found: Quote) -> None:
    """A ledger account holds money or kWh, and so do a meter's totals: never both."""
    t = transfers.c
    of_money = conn.execute(
        sa.select(t.id)
        .where(t.credit == ledger.transit(found.meter, found.ch))
        .where(t.debit != ledger.units(found.meter, found.ch))
        .limit(1)
    ).first()
    of_kwh = ledger_meter.counts_kwh(conn, found.meter, found.ch)
    if of_kwh if not found.is_kwh else of_money is not None:
        before = "kWh" if of_kwh else "money"
        raise StationError(
            f"Channel {found.ch} of {found.meter} was sold {before} before and counts something"
            f' else now; set its unit back to "{before.lower()}".'
        )


def _register(conn: Connection, way: str, paid_from: str, shift_id: int | None) -> str:
    if shift_id is not None:
        return shifts.get(conn, shift_id).register
    return paid_from if paid_from.startswith("agent:") else charges.check_way(way)
