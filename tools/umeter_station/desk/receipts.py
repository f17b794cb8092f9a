"""Receipts: of a sale, and of money paid out. The first print is the original; each further one is
counted and marked COPY n. What was voided says so on every print from then on.
"""

from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import orders
from umeter_station.amounts import format_u
from umeter_station.desk import payouts, sales
from umeter_station.desk.paper import Lines, Paper
from umeter_station.desk.payouts import Payout
from umeter_station.desk.sales import Sale
from umeter_station.errors import NotFound
from umeter_station.models_desk import receipt_prints
from umeter_station.models_people import site_meters, sites
from umeter_station.words import time_text

FORMS = ("html", "escpos")


def print_(
    conn: Connection, register: str, receipt_no: int, form: str, by: str, now_s: int
) -> Paper:
    """Count one print, inside the caller's write transaction, and say what is on it."""
    make = _maker(conn, register, receipt_no)
    n = printed(conn, register, receipt_no)
    values = {"register": register, "receipt_no": receipt_no, "n": n, "form": form}
    conn.execute(receipt_prints.insert().values(**values, at=now_s, by=by))
    return make(f"COPY {n}" if n else "")


def printed(conn: Connection, register: str, receipt_no: int) -> int:
    """How often; the first is the original."""
    p = receipt_prints.c
    query = sa.select(sa.func.count())
    return conn.execute(
        query.where(p.register == register, p.receipt_no == receipt_no)
    ).scalar_one()


def preview(conn: Connection, register: str, receipt_no: int) -> Paper:
    """The same without being counted, and marked as no receipt."""
    return _maker(conn, register, receipt_no)("NOT A RECEIPT")


def _maker(conn: Connection, register: str, receipt_no: int) -> Callable[[str], Paper]:
    sale = sales.by_receipt(conn, register, receipt_no)
    if sale is not None:
        return lambda mark: of_sale(conn, sale, mark)
    payout = payouts.by_receipt(conn, register, receipt_no)
    if payout is not None:
        return lambda mark: of_payout(conn, payout, mark)
    raise NotFound(f"There is no receipt {receipt_no} of {register}.")


def of_sale(
    conn: Connection, sale: Sale, mark: str = "", for_anybody: bool = False
) -> Paper:
    """`for_anybody`: who paid may be another than who lives there; what tells of the household's
    credit, debts or use is left out."""
    quote, out = sale.quote, Lines()
    _head(out, sale.register, sale.receipt_no, sale.at, sale.by)
    out.pair("Meter", f"{quote.meter} channel {quote.ch}")
    out.pair("Purchase", sale.purchase.key)
    out.rule()
    out.big("Paid", format_u(quote.paid_u))
    if quote.fee_u:
        out.pair("of it fee", format_u(quote.fee_u))
    if quote.tax_u:
        out.pair("of it tax", format_u(quote.tax_u))
    if quote.is_kwh:
        out.pair("for energy", format_u(quote.credit_u))
    out.big("Credit", format_u(quote.order_u) + (" kWh" if quote.is_kwh else ""))
    footer = _fate(conn, sale)
    if not for_anybody:
        _energy(out, sale)
        out.rule()
        _balances(conn, out, sale)
        footer = [*quote.notes, *footer]
    marks = [text for text in ("VOID" if sale.voided else "", mark) if text]
    return Paper(
        title="Receipt",
        header=_header(conn, quote.meter),
        mark=" - ".join(marks),
        lines=tuple(out.found),
        footer=tuple(footer),
        code=sale.purchase.key,
    )


def of_payout(conn: Connection, payout: Payout, mark: str = "") -> Paper:
    out = Lines()
    _head(out, payout.register, payout.receipt_no, payout.at, payout.by)
    out.pair("Meter", f"{payout.meter} channel {payout.ch}")
    out.pair("Refund", payout.key)
    out.rule()
    out.big("Paid out", format_u(payout.amount_u))
    out.pair("from", payout.paid_to)
    if payout.reason:
        out.text(payout.reason)
    return Paper(
        title="Refund",
        header=_header(conn, payout.meter),
        mark=mark,
        lines=tuple(out.found),
        footer=("Signature:", "", "____________________"),
        code=payout.key,
    )


def _head(out: Lines, register: str, receipt_no: int, at: int, by: str) -> None:
    out.pair("No.", f"{register}-{receipt_no}")
    out.pair("Time", f"{time_text(at)} UTC")
    out.pair("Cashier", by.partition(":")[2] or by)


def _energy(out: Lines, sale: Sale) -> None:
    quote = sale.quote
    if quote.debt_u:
        about = "" if quote.debt_known else " at most"
        out.pair(f"of it for debts{about}", format_u(quote.debt_u))
    if quote.energy_wh is not None:
        out.pair("Energy, about", f"{_kwh(quote.energy_wh)} kWh")
    for part in quote.parts:
        price = format_u(part.price_u_per_kwh)
        name = f"  block {part.block} rate {part.rate}, {_kwh(part.wh)} kWh at {price}"
        out.pair(name, format_u(part.amount_u))
    if quote.standing_u_per_day:
        out.pair("Standing charge a day", format_u(quote.standing_u_per_day))


def _kwh(wh: int) -> str:
    return f"{wh // 1000}.{wh % 1000 // 10:02}"


def _balances(conn: Connection, out: Lines, sale: Sale) -> None:
    quote = sale.quote
    unit = " kWh" if quote.is_kwh else ""
    if quote.balance_u is not None:
        out.pair("Balance before, last known", format_u(quote.balance_u) + unit)
    last = orders.get(conn, sale.purchase.last_command_id)
    told = (last.result or {}).get("balance_u")
    if last.state == "applied" and type(told) is int:
        out.pair("Balance, by the meter", format_u(told) + unit)
    elif quote.balance_u is not None and not sale.voided:
        after_u = quote.balance_u + quote.order_u - quote.debt_u
        out.pair("Balance after, about", format_u(after_u) + unit)


def _fate(conn: Connection, sale: Sale) -> list[str]:
    if sale.voided:
        return [f"Void: {format_u(sale.quote.paid_u)} was given back."]
    if sale.purchase.refunded:
        return [f"{format_u(sale.quote.paid_u)} is due back: the meter did not take it."]
    if orders.get(conn, sale.purchase.last_command_id).state == "applied":
        return ["Credited by the meter."]
    return ["Paid; on its way to the meter."]


def _header(conn: Connection, meter: str) -> tuple[str, ...]:
    """Who sells: the meter's site."""
    row = conn.execute(
        sa.select(sites.c.name, sites.c.address)
        .join(site_meters, site_meters.c.site_id == sites.c.id)
        .where(site_meters.c.meter == meter)
    ).first()
    return () if row is None else tuple(text for text in (row.name, row.address) if text)
