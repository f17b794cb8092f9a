"""Quotes, sales at the desk and by agents, what became of a key, and receipts."""

from typing import Annotated, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from umeter_station import holding, ledger
from umeter_station.api import own_sales
from umeter_station.api.deps import (
    LARGEST,
    AmountU,
    BooksDep,
    Caller,
    ChField,
    IdempotencyKey,
    IdPath,
    In,
    MeterField,
    Out,
    Page,
    PageDep,
    need,
)
from umeter_station.api.papers import RESPONSES, PaperColumns, PaperForm, answer
from umeter_station.desk import fate, quotes, receipts, sales, writing
from umeter_station.desk.sales import Sale
from umeter_station.errors import NotFound
from umeter_station.models_desk import sales as sales_table
from umeter_station.people import acts

router = APIRouter(prefix="/v1", tags=["sales"])

Seller = Annotated[Caller, need("sales:write")]
Reader = Annotated[Caller, need("sales:read", "own:read")]
Refunder = Annotated[Caller, need("refunds:write")]
KeyPath = Annotated[str, Path(min_length=1, max_length=255, pattern=r"^[!-~]+$")]
RegisterPath = Annotated[str, Path(pattern=r"^[A-Za-z0-9_.:-]{1,32}$")]
Way = Literal["desk", "web", "phone", "bank", "agent"]
AgentField = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,24}$")]
MeterQuery = Annotated[str, Query(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
ChQuery = Annotated[int, Query(ge=1, le=64)]


class PartOut(Out):
    block: int
    rate: int
    price_u_per_kwh: int
    wh: int
    amount_u: int


class QuoteOut(Out):
    """paid_u = fee_u + tax_u + credit_u, exactly. `order_u` is what the meter credits, money or
    millionths of a kWh as `unit` says; debt, energy and its parts are estimates."""

    meter: str
    ch: int
    way: str
    paid_u: int
    fee_u: int
    tax_u: int
    credit_u: int
    unit: str
    order_u: int
    debt_u: int
    debt_known: bool
    balance_u: int | None
    energy_wh: int | None
    parts: list[PartOut]
    standing_u_per_day: int
    min_u: int
    max_u: int
    notes: list[str]


class NewSale(In):
    """Paid in cash: to the caller's open shift, else to the desk without shifts; or to an agent.
    `account`: the number of the account that is paid for, if it must be that one."""

    meter: MeterField
    ch: ChField
    paid_u: AmountU
    account: Annotated[int, Field(ge=1, lt=1 << 30)] | None = None
    agent: AgentField | None = None


class SaleOut(Out):
    key: str
    meter: str
    ch: int
    at: int
    by: str
    way: str
    register_: Annotated[str, Field(serialization_alias="register")]
    receipt_no: int
    shift_id: int | None
    repeated: bool
    voided: bool
    refunded: bool
    quote: QuoteOut


class StepOut(Out):
    step: str
    at: int
    amount_u: int
    order_n: int | None
    detail: str


class FateOut(Out):
    key: str
    state: str
    steps: list[StepOut]
    sale: SaleOut


class Refunded(Out):
    """What was paid, of which parts, and all that is due back on the channel by now."""

    paid_u: int
    credit_u: int
    fee_u: int
    tax_u: int
    refund_due_u: int


def shown(sale: Sale) -> SaleOut:
    return SaleOut(
        key=sale.purchase.key,
        meter=sale.quote.meter,
        ch=sale.quote.ch,
        at=sale.at,
        by=sale.by,
        way=sale.way,
        register_=sale.register,
        receipt_no=sale.receipt_no,
        shift_id=sale.shift_id,
        repeated=sale.repeated,
        voided=sale.voided,
        refunded=sale.purchase.refunded,
        quote=QuoteOut.of(sale.quote),
    )


@router.get("/quote")
def get_quote(
    meter: MeterQuery,
    ch: ChQuery,
    paid_u: Annotated[int, Query(gt=0, le=LARGEST)],
    books: BooksDep,
    who: Reader,
    way: Way = "web",
) -> QuoteOut:
    """What an amount buys on a channel now."""
    with books.db.read() as conn:
        who.check_channel(conn, meter, ch)
        return QuoteOut.of(quotes.quote(conn, meter, ch, paid_u, way, who.now_s))


@router.post("/sales", status_code=201, responses={200: {"model": SaleOut}})
def new_sale(
    body: NewSale, books: BooksDep, who: Seller, key: IdempotencyKey, response: Response
) -> SaleOut:
    """Sell for cash, once per key; 200 if it was sold before, 409 if the key is another sale's."""
    args = {"by": who.by, "now_s": who.now_s, "account": body.account}
    with books.db.write() as conn:
        if body.agent is None:
            sale = sales.sell_at_desk(conn, body.meter, body.ch, body.paid_u, key, **args)
        else:
            sale = sales.sell(
                conn,
                meter=body.meter,
                ch=body.ch,
                paid_u=body.paid_u,
                key=key,
                way="agent",
                paid_from=ledger.agent(body.agent),
                **args,
            )
    if sale.repeated:
        response.status_code = 200
    return shown(sale)


@router.get("/sales")
def list_sales(
    books: BooksDep,
    page: PageDep,
    who: Reader,
    shift_id: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
) -> Page[SaleOut]:
    """The newest first; a tenant's own since he or she lives there."""
    where = sa.true() if shift_id is None else sales_table.c.shift_id == shift_id
    before = page.after(int)
    with books.db.read() as conn:
        where &= own_sales.only(conn, who)
        rows = sales.page(conn, page.limit + 1, before[0] if before else None, where)
    return page.of(rows, key=lambda sale: (sale.purchase.id,), make=shown)


@router.get("/sales/by-key/{key}")
def sale_by_key(key: KeyPath, books: BooksDep, who: Reader) -> FateOut:
    """What became of a key: each step with its time. 404: nothing was sold, it can be used."""
    with books.db.read() as conn:
        sale = sales.by_key(conn, key)
        if sale is None or not own_sales.is_own(conn, who, sale):
            raise NotFound(f"Nothing was sold with key {key!r}; it can be used.")
        found = fate.of(conn, key)
    steps = [StepOut.of(step) for step in found.steps]
    return FateOut(key=key, state=found.state, steps=steps, sale=shown(found.sale))


@router.post("/sales/by-key/{key}/resend")
def resend_sale(key: KeyPath, books: BooksDep, who: Seller, order_key: IdempotencyKey) -> FateOut:
    """Bring a sale that the meter held up to it again, once per Idempotency-Key."""
    with books.db.write() as conn:
        given = holding.resend(conn, key, order_key, who.now_s)
        if not given.repeated:
            detail = {"command_id": given.command_id}
            acts.note(conn, who.by, "sale.resend", f"sale:{key}", detail, who.now_s)
    return sale_by_key(key, books, who)


@router.post("/sales/by-key/{key}/refund")
def refund_sale(key: KeyPath, books: BooksDep, who: Refunder) -> Refunded:
    """Give up bringing a held sale to its meter: all that was paid is due back."""
    with books.db.write() as conn:
        sale = sales.by_key(conn, key)
        if sale is None:
            raise NotFound(f"Nothing was sold with key {key!r}.")
        if holding.refund(conn, key, who.now_s):
            acts.note(conn, who.by, "sale.refund", f"sale:{key}", {}, who.now_s)
        quote = sale.quote
        due_u = ledger.balance_u(conn, ledger.refund_due(quote.meter, quote.ch))
    parts = {name: getattr(quote, name) for name in ("paid_u", "credit_u", "fee_u", "tax_u")}
    return Refunded(**parts, refund_due_u=due_u)


@router.get("/receipts/{register}/{receipt_no}", responses=RESPONSES)
def look_at_receipt(
    register: RegisterPath,
    receipt_no: IdPath,
    books: BooksDep,
    who: Reader,
    form: PaperForm = "json",
    columns: PaperColumns = "48",
) -> Response:
    """What is on it, marked as no receipt."""
    with books.db.read() as conn:
        own_sales.check_receipt(conn, who, register, receipt_no)
        how = writing.of(books.config)
        return answer(receipts.preview(conn, register, receipt_no, how), form, columns)


@router.post("/receipts/{register}/{receipt_no}/prints", responses=RESPONSES)
def print_receipt(
    register: RegisterPath,
    receipt_no: IdPath,
    books: BooksDep,
    who: Seller,
    form: PaperForm = "escpos",
    columns: PaperColumns = "48",
) -> Response:
    """Counted: the first is the original, every other one is marked as a copy."""
    with books.db.write() as conn:
        how = writing.of(books.config)
        paper = receipts.print_(conn, register, receipt_no, form, who.by, who.now_s, how)
    return answer(paper, form, columns)
