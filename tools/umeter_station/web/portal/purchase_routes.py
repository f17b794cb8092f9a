"""/home/purchases: what was paid, what became of it, and the receipts."""

from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import Response

from umeter_station.api import own_sales, papers
from umeter_station.api.deps import BooksDep, Caller, IdPath
from umeter_station.api.routes_sales import RegisterPath
from umeter_station.desk import receipts, sales
from umeter_station.errors import NotFound
from umeter_station.pay import unsettled
from umeter_station.web import route
from umeter_station.web.guard import page
from umeter_station.web.papers import written
from umeter_station.web.portal import purchases
from umeter_station.web.templating import render

router = route.router("/home/purchases")

Reader = Annotated[Caller, page("own:read")]


@router.get("")
def bought(
    request: Request,
    books: BooksDep,
    who: Reader,
    before: Annotated[int | None, Query(ge=1, le=(1 << 53) - 1)] = None,
) -> Response:
    with books.db.read() as conn:
        found, older_id = purchases.page(conn, who, before)
        open_ = unsettled.of(conn, who.by, who.now_s) if before is None else []
        several = len(who.channels(conn) or ()) > 1
    return render(
        request,
        "portal/purchases.html",
        purchases=found,
        payments=open_,
        older=f"/home/purchases?before={older_id}" if older_id else "",
        newer="/home/purchases" if before else "",
        several=several,
    )


@router.get("/{register}/{receipt_no}")
def receipt(
    register: RegisterPath, receipt_no: IdPath, books: BooksDep, who: Reader
) -> Response:
    with books.db.read() as conn:
        own_sales.check_receipt(conn, who, register, receipt_no)
        sale = sales.by_receipt(conn, register, receipt_no)
        if sale is None:
            raise NotFound(f"There is no receipt {receipt_no} of {register}.")
        paper = receipts.of_sale(conn, sale, written(books))
    return papers.answer(paper, "html")
