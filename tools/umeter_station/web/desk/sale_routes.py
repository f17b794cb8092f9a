"""A sale afterwards: its receipt, what became of it, taking it back; those that a meter held."""

from typing import Annotated, Any

from fastapi import Form, Path, Query, Request
from fastapi.responses import Response

from umeter_station import holding, ledger
from umeter_station.api import papers
from umeter_station.api.deps import LARGEST, BooksDep, Caller, IdPath
from umeter_station.desk import fate, receipts, sales, shifts, voids
from umeter_station.errors import NotFound, StationError
from umeter_station.models_desk import sales as sales_table
from umeter_station.people import acts
from umeter_station.vending import new_key
from umeter_station.web import live, route
from umeter_station.web.desk import customer
from umeter_station.web.forms import Tick
from umeter_station.web.guard import page
from umeter_station.web.language import gettext as _
from umeter_station.web.papers import written
from umeter_station.web.route import go_on, status_of
from umeter_station.web.templating import render

router = route.router()

Reader = Annotated[Caller, page("sales:read")]
Seller = Annotated[Caller, page("sales:write")]
Voider = Annotated[Caller, page("shifts:write")]
Refunder = Annotated[Caller, page("refunds:write")]
KeyPath = Annotated[str, Path(min_length=1, max_length=255, pattern=r"^[!-~]+$")]
RegisterPath = Annotated[str, Path(pattern=r"^[A-Za-z0-9_.:-]{1,32}$")]
_PAGE = 50


@router.get("/console/desk/sales")
def all_sales(
    request: Request,
    books: BooksDep,
    who: Reader,
    before: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
    shift: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
) -> Response:
    where = None if shift is None else sales_table.c.shift_id == shift
    with books.db.read() as conn:
        found = sales.page(conn, _PAGE + 1, before, where)
        shown = customer.with_states(conn, found[:_PAGE])
    older = ""
    if len(found) > _PAGE:
        of_shift = "" if shift is None else f"&shift={shift}"
        older = f"/console/desk/sales?before={found[_PAGE - 1].purchase.id}{of_shift}"
    return render(request, "desk/sales.html", sold=shown, shift_id=shift, older=older)


@router.get("/console/desk/sales/{key}")
def one_sale(
    request: Request,
    key: KeyPath,
    books: BooksDep,
    who: Reader,
    given_u: Annotated[int, Query(ge=0, le=LARGEST)] = 0,
) -> Response:
    return _sale(request, books, who, key, given_u=given_u)


@router.get("/live/desk/sales/{key}")
def live_sale(request: Request, key: KeyPath, books: BooksDep, who: Reader) -> Response:
    templates = request.app.state.templates

    def part() -> str:
        with books.db.read() as conn:
            found = fate.of(conn, key)
        return templates.html(request, "desk/steps.html", {"fate": found})

    return live.stream(request, part)


@router.post("/console/desk/sales/{key}/void")
def void(
    request: Request, key: KeyPath, books: BooksDep, who: Voider, given_back: Tick = ""
) -> Response:
    try:
        if not given_back:
            raise StationError(_("Give the money back first, and say so by the tick."))
        with books.db.write() as conn:
            sale = _must(conn, key)
            _check_own(conn, who, sale.shift_id)
            voids.void_last(conn, sale.shift_id or 0, key, who.by, who.now_s)
    except StationError as error:
        return _sale(request, books, who, key, wrong=str(error), status=status_of(error))
    return go_on(f"/console/desk/sales/{key}", "done")


@router.post("/console/desk/sales/{key}/resend")
def resend(
    request: Request,
    key: KeyPath,
    books: BooksDep,
    who: Seller,
    order_key: Annotated[str, Form(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")],
) -> Response:
    try:
        with books.db.write() as conn:
            _must(conn, key)
            given = holding.resend(conn, key, order_key, who.now_s)
            if not given.repeated:
                detail = {"command_id": given.command_id}
                acts.note(conn, who.by, "sale.resend", f"sale:{key}", detail, who.now_s)
    except StationError as error:
        return _sale(request, books, who, key, wrong=str(error), status=status_of(error))
    return go_on(f"/console/desk/sales/{key}", "ordered")


@router.post("/console/desk/sales/{key}/refund")
def refund(
    request: Request, key: KeyPath, books: BooksDep, who: Refunder, sure: Tick = ""
) -> Response:
    try:
        if not sure:
            raise StationError(_("Say by the tick that this sale shall not reach its meter."))
        with books.db.write() as conn:
            sale = _must(conn, key)
            if holding.refund(conn, key, who.now_s):
                acts.note(conn, who.by, "sale.refund", f"sale:{key}", {}, who.now_s)
            in_wallet = ledger.is_back_in_wallet(conn, sale.purchase.command_id)
    except StationError as error:
        return _sale(request, books, who, key, wrong=str(error), status=status_of(error))
    at = f"at/{sale.quote.meter}/{sale.quote.ch}/back"
    return go_on(f"/console/desk/{f'sales/{key}' if in_wallet else at}", "done")


@router.get("/console/desk/held")
def held(request: Request, books: BooksDep, who: Reader) -> Response:
    """Purchases that wait for a decision."""
    with books.db.read() as conn:
        found = holding.held(conn)
    return render(request, "desk/held.html", held=found)


@router.post("/console/desk/receipts/{register}/{receipt_no}/prints")
def print_receipt(
    request: Request,
    register: RegisterPath,
    receipt_no: IdPath,
    books: BooksDep,
    who: Seller,
    form: Annotated[papers.PaperForm, Form()] = "html",
    columns: Annotated[papers.PaperColumns, Form()] = "48",
) -> Response:
    """The first is the original, every other one says that it is a copy."""
    how = written(books, form)
    with books.db.write() as conn:
        paper = receipts.print_(conn, register, receipt_no, form, who.by, who.now_s, how)
    return paper_answer(request, paper, form, columns, f"receipt-{register}-{receipt_no}")


def paper_answer(request: Request, paper: Any, form: Any, columns: Any, name: str) -> Response:
    """A page that prints itself, or a file for a receipt printer."""
    script = request.app.state.templates.asset("print.js")
    answer = papers.answer(paper, form, columns, script)
    if form == "escpos":
        answer.headers["Content-Disposition"] = f'attachment; filename="{name}.escpos"'
    return answer


def _must(conn: Any, key: str) -> Any:
    sale = sales.by_key(conn, key)
    if sale is None:
        raise NotFound(f"Nothing was sold with key {key!r}.")
    return sale


def _check_own(conn: Any, who: Caller, shift_id: int | None) -> None:
    """A cashier takes back what they sold themselves; whoever may see the audit, anybody's."""
    if shift_id is None:
        raise StationError(_("That was not sold in a shift; have its meter give the credit back."))
    if shifts.get(conn, shift_id).cashier != who.by and not who.may("audit:read"):
        raise StationError(_("That was sold by another cashier, who alone can take it back."))


def _sale(
    request: Request,
    books: Any,
    who: Caller,
    key: str,
    *,
    given_u: int = 0,
    wrong: str = "",
    status: int = 200,
) -> Response:
    with books.db.read() as conn:
        _must(conn, key)
        found = fate.of(conn, key)
        sale, quote = found.sale, found.sale.quote
        printed = receipts.printed(conn, sale.register, sale.receipt_no)
        paper = receipts.of_sale(conn, sale, written(books)) if sale.receipt_no else None
        shift = None if sale.shift_id is None else shifts.get(conn, sale.shift_id)
        due_u = ledger.balance_u(conn, ledger.refund_due(quote.meter, quote.ch))
    is_own = shift is not None and (shift.cashier == who.by or who.may("audit:read"))
    may_void = is_own and shift is not None and shift.is_open and who.may("shifts:write")
    return render(
        request,
        "desk/sale.html",
        status,
        fate=found,
        sale=sale,
        cashier=receipts.cashier(sale),
        paper=paper,
        printed=printed,
        given_u=given_u if given_u >= quote.paid_u else 0,
        may_void=may_void and not sale.voided and found.state in ("paid", "ordered"),
        may_sell=who.may("sales:write"),
        may_refund=who.may("refunds:write"),
        due_u=due_u,
        order_key=new_key(),
        wrong=wrong,
    )
