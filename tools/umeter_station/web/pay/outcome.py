"""Where a payer returns to: what became of the payment, and its receipt.

A tenant's page is only the one who pays' own, and moves by itself. Who paid without a sign-in has
a page of a name that nobody guesses; it tells of the payment alone, of no balance and no use, and
is looked at again by hand.
"""

from typing import Annotated

from fastapi import Path, Request
from fastapi.responses import Response
from sqlalchemy import Connection

from umeter_station.api import papers
from umeter_station.api.deps import BooksDep, Caller, IdPath
from umeter_station.errors import NotFound
from umeter_station.pay import back_pages, payments
from umeter_station.pay.payments import Payment
from umeter_station.web import live, route
from umeter_station.web.guard import page, stranger
from umeter_station.web.language import gettext as _
from umeter_station.web.papers import written
from umeter_station.web.pay import progress
from umeter_station.web.templating import render

router = route.router()

Payer = Annotated[Caller, page("own:read")]
Stranger = Annotated[Caller | None, stranger("its address is known to nobody but who paid")]
ReferencePath = Annotated[str, Path(pattern=r"^[0-9]{1,16}-[0-9a-f]{32}$")]


@router.get("/home/payments/{payment_id}")
def own(request: Request, payment_id: IdPath, books: BooksDep, who: Payer) -> Response:
    with books.db.read() as conn:
        payment = _own(conn, payment_id, who)
        stands = progress.of(conn, payment, who.now_s)
    more = {"again": "/home/top-up", "back": "/home", "live": f"/live/payments/{payment_id}"}
    receipt = f"/home/payments/{payment_id}/receipt"
    return _shown(request, payment, stands, receipt=receipt, **more)


@router.get("/live/payments/{payment_id}")
def own_live(request: Request, payment_id: IdPath, books: BooksDep, who: Payer) -> Response:
    templates = request.app.state.templates
    with books.db.read() as conn:
        _own(conn, payment_id, who)

    def part() -> str:
        with books.db.read() as conn:
            payment = _own(conn, payment_id, who)
            stands = progress.of(conn, payment, books.clock.now_s())
        receipt = f"/home/payments/{payment_id}/receipt"
        context = {"payment": payment, "stands": stands, "receipt": receipt}
        return templates.html(request, "pay/stands.html", context)

    return live.stream(request, part)


@router.get("/home/payments/{payment_id}/receipt")
def own_receipt(payment_id: IdPath, books: BooksDep, who: Payer) -> Response:
    with books.db.read() as conn:
        payment = _own(conn, payment_id, who)
        paper = progress.receipt(conn, payment, written(books), for_anybody=False)
    return papers.answer(paper, "html")


@router.get("/pay/payments/{reference}")
def anybodys(
    request: Request, reference: ReferencePath, books: BooksDep, _who: Stranger
) -> Response:
    with books.db.read() as conn:
        payment = _by_reference(conn, reference)
        stands = progress.of(conn, payment, books.clock.now_s())
    more = {"again": "/pay", "back": "/pay", "live": ""}
    receipt = f"/pay/payments/{reference}/receipt"
    return _shown(request, payment, stands, receipt=receipt, **more)


@router.get("/pay/payments/{reference}/receipt")
def anybodys_receipt(reference: ReferencePath, books: BooksDep, _who: Stranger) -> Response:
    with books.db.read() as conn:
        payment = _by_reference(conn, reference)
        paper = progress.receipt(conn, payment, written(books), for_anybody=True)
    return papers.answer(paper, "html")


def _shown(
    request: Request, payment: Payment, stands: progress.Progress, **context: str
) -> Response:
    return render(request, "pay/outcome.html", payment=payment, stands=stands, **context)


def _own(conn: Connection, payment_id: int, who: Caller) -> Payment:
    """To everybody else it does not exist."""
    found = payments.find(conn, payment_id)
    if found is None or found.payer != who.by:
        raise NotFound(_("There is no such payment here."))
    return found


def _by_reference(conn: Connection, reference: str) -> Payment:
    """What a tenant paid on the web has no other page than that behind the sign-in."""
    payment_id = back_pages.payment_id(conn, reference)
    found = None if payment_id is None else payments.find(conn, payment_id)
    if found is None or back_pages.is_behind_sign_in(found.payer, found.way):
        raise NotFound(_("There is no such payment here."))
    return found
