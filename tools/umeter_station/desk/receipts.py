"""Receipts: of a sale, and of money paid out. The first print is the original; each further one is
counted and marked COPY n. What was voided says so on every print from then on. Whoever asks for a
paper hands in how it is written (writing.py).
"""

from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import ledger, orders
from umeter_station.desk import payouts, sales
from umeter_station.desk.paper import Lines, Paper
from umeter_station.desk.payouts import Payout
from umeter_station.desk.quotes import Quote
from umeter_station.desk.sales import Sale
from umeter_station.desk.writing import Writing
from umeter_station.errors import NotFound
from umeter_station.models_desk import receipt_prints
from umeter_station.models_people import site_meters, sites

FORMS = ("html", "escpos")
# Ways to pay at which somebody takes the money.
_TAKEN_BY_SOMEBODY = ("desk", "agent")


def print_(
    conn: Connection,
    register: str,
    receipt_no: int,
    form: str,
    by: str,
    now_s: int,
    writing: Writing,
) -> Paper:
    """Count one print, inside the caller's write transaction, and say what is on it."""
    make = _maker(conn, register, receipt_no, writing)
    n = printed(conn, register, receipt_no)
    values = {"register": register, "receipt_no": receipt_no, "n": n, "form": form}
    conn.execute(receipt_prints.insert().values(**values, at=now_s, by=by))
    return make(writing.say("COPY %(number)s") % {"number": n} if n else "")


def printed(conn: Connection, register: str, receipt_no: int) -> int:
    """How often; the first is the original."""
    p = receipt_prints.c
    query = sa.select(sa.func.count())
    return conn.execute(
        query.where(p.register == register, p.receipt_no == receipt_no)
    ).scalar_one()


def preview(conn: Connection, register: str, receipt_no: int, writing: Writing) -> Paper:
    """The same without being counted, and marked as no receipt."""
    return _maker(conn, register, receipt_no, writing)(writing.say("NOT A RECEIPT"))


def cashier(sale: Sale) -> str:
    """The name of who took the money; empty for what was paid without anybody."""
    return _name(sale.by) if sale.way in _TAKEN_BY_SOMEBODY else ""


def _maker(
    conn: Connection, register: str, receipt_no: int, writing: Writing
) -> Callable[[str], Paper]:
    sale = sales.by_receipt(conn, register, receipt_no)
    if sale is not None:
        return lambda mark: of_sale(conn, sale, writing, mark)
    payout = payouts.by_receipt(conn, register, receipt_no)
    if payout is not None:
        return lambda mark: of_payout(conn, payout, writing, mark)
    raise NotFound(f"There is no receipt {receipt_no} of {register}.")


def of_sale(
    conn: Connection, sale: Sale, writing: Writing, mark: str = "", for_anybody: bool = False
) -> Paper:
    """`for_anybody`: who paid may be another than who lives there; what tells of the household's
    credit, debts or use is left out."""
    quote, out, say = sale.quote, Lines(), writing.say
    _head(out, sale.register, sale.receipt_no, sale.at, cashier(sale), writing)
    _meter(out, quote.meter, quote.ch, writing)
    out.pair(say("Purchase"), sale.purchase.key)
    out.rule()
    out.big(say("Paid"), writing.named(writing.coins(quote.paid_u)))
    if quote.fee_u:
        out.pair(say("of it fee"), writing.share(quote.fee_u))
    if quote.tax_u:
        out.pair(say("of it tax"), writing.share(quote.tax_u))
    if quote.is_kwh:
        out.pair(say("for energy"), writing.coins(quote.credit_u))
    credit = _kept(quote, quote.order_u, writing)
    out.big(say("Credit"), credit if quote.is_kwh else writing.named(credit))
    footer = _fate(conn, sale, writing)
    if not for_anybody:
        _energy(out, quote, writing)
        out.rule()
        _balances(conn, out, sale, writing)
        footer = [*map(writing.tell, quote.notes), *footer]
    marks = [text for text in (say("VOID") if sale.voided else "", mark) if text]
    return Paper(
        title=say("Receipt"),
        header=_header(conn, quote.meter),
        mark=" - ".join(marks),
        lines=tuple(out.found),
        footer=tuple(footer),
        code=sale.purchase.key,
        lang=writing.lang,
    )


def of_payout(conn: Connection, payout: Payout, writing: Writing, mark: str = "") -> Paper:
    out, say = Lines(), writing.say
    _head(out, payout.register, payout.receipt_no, payout.at, _name(payout.by), writing)
    _meter(out, payout.meter, payout.ch, writing)
    out.pair(say("Refund"), payout.key)
    out.rule()
    out.big(say("Paid out"), writing.named(writing.coins(payout.amount_u)))
    out.pair(say("from"), payout.paid_to)
    if payout.reason:
        out.text(payout.reason)
    return Paper(
        title=say("Refund"),
        header=_header(conn, payout.meter),
        mark=mark,
        lines=tuple(out.found),
        footer=(say("Signature:"), "", "____________________"),
        code=payout.key,
        lang=writing.lang,
    )


def _head(
    out: Lines, register: str, receipt_no: int, at: int, cashier: str, writing: Writing
) -> None:
    out.pair(writing.say("No."), f"{register}-{receipt_no}")
    out.pair(writing.say("Time"), writing.time(at))
    out.pair(writing.say("Cashier"), cashier or None)


def _meter(out: Lines, meter: str, ch: int, writing: Writing) -> None:
    where = writing.say("%(meter)s channel %(ch)s") % {"meter": meter, "ch": ch}
    out.pair(writing.say("Meter"), where)


def _name(by: str) -> str:
    return by.partition(":")[2] or by


def _kept(quote: Quote, amount_u: int, writing: Writing) -> str:
    """As the meter keeps it: money, or millionths of a kWh."""
    return writing.kwh(amount_u // 1000) if quote.is_kwh else writing.coins(amount_u)


def _energy(out: Lines, quote: Quote, writing: Writing) -> None:
    """The shares of the energy are printed so that they add up, to within a coin, to what of the
    credit is left for energy: 29.99997 and 9.99988 are 30.00 and 10.00."""
    say = writing.say
    if quote.debt_u:
        text = say("of it for debts") if quote.debt_known else say("of it for debts at most")
        as_money = writing.share(quote.debt_u)
        out.pair(text, _kept(quote, quote.debt_u, writing) if quote.is_kwh else as_money)
    if quote.energy_wh is not None:
        out.pair(say("Energy, about"), writing.kwh(quote.energy_wh))
    amounts = writing.shares(part.amount_u for part in quote.parts)
    for part, amount in zip(quote.parts, amounts, strict=True):
        told = {"block": part.block, "rate": part.rate, "energy": writing.kwh(part.wh)}
        told["price"] = writing.price(part.price_u_per_kwh)
        name = say("block %(block)s rate %(rate)s, %(energy)s at %(price)s") % told
        out.pair(f"  {name}", amount)
    if quote.standing_u_per_day:
        out.pair(say("Standing charge a day"), writing.price(quote.standing_u_per_day))


def _balances(conn: Connection, out: Lines, sale: Sale, writing: Writing) -> None:
    quote, say = sale.quote, writing.say
    if quote.balance_u is not None:
        out.pair(say("Balance before, last known"), _kept(quote, quote.balance_u, writing))
    last = orders.get(conn, sale.purchase.last_command_id)
    told = (last.result or {}).get("balance_u")
    if last.state == "applied" and type(told) is int:
        out.pair(say("Balance, by the meter"), _kept(quote, told, writing))
    elif quote.balance_u is not None and not sale.voided:
        after_u = quote.balance_u + quote.order_u - quote.debt_u
        out.pair(say("Balance after, about"), _kept(quote, after_u, writing))


def _fate(conn: Connection, sale: Sale, writing: Writing) -> list[str]:
    say, told = writing.say, {"amount": writing.coins(sale.quote.paid_u)}
    if sale.voided:
        return [say("Void: %(amount)s was given back.") % told]
    if ledger.is_back_in_wallet(conn, sale.purchase.command_id):
        return [say("%(amount)s is back in the wallet: the meter did not take it.") % told]
    if sale.purchase.refunded:
        return [say("%(amount)s is due back: the meter did not take it.") % told]
    if orders.get(conn, sale.purchase.last_command_id).state == "applied":
        return [say("Credited by the meter.")]
    return [say("Paid; on its way to the meter.")]


def _header(conn: Connection, meter: str) -> tuple[str, ...]:
    """Who sells: the meter's site."""
    row = conn.execute(
        sa.select(sites.c.name, sites.c.address)
        .join(site_meters, site_meters.c.site_id == sites.c.id)
        .where(site_meters.c.meter == meter)
    ).first()
    return () if row is None else tuple(text for text in (row.name, row.address) if text)
