"""The sandbox's own page among ours, where one plays the payer and no money moves.

It stands where a real provider's page would: it knows the payment by the provider's reference, and
leads back to the payer's page.
"""

from typing import Annotated

from fastapi import Form, Request
from fastapi.responses import Response

from umeter_station.api.deps import BooksDep, Caller
from umeter_station.api.routes_hooks import Delivery, Outcome, ReferencePath, play, sandbox
from umeter_station.errors import NotFound
from umeter_station.pay import back_pages, payments
from umeter_station.web import route
from umeter_station.web.guard import stranger
from umeter_station.web.language import gettext as _
from umeter_station.web.route import go_on
from umeter_station.web.templating import render

router = route.router("/pay/sandbox")

Player = Annotated[
    Caller | None, stranger("it moves no money, and is there only where it is switched on")
]


@router.get("/{reference}")
def show(request: Request, reference: ReferencePath, books: BooksDep, _who: Player) -> Response:
    name = sandbox(books).name
    with books.db.read() as conn:
        payment = payments.by_reference(conn, name, reference)
        if payment is None:
            raise NotFound(_("There is no such payment here."))
        back = back_pages.path(conn, payment.id, payment.payer, payment.way)
    return render(request, "pay/sandbox.html", payment=payment, back=back)


@router.post("/{reference}")
def finish(
    reference: ReferencePath,
    books: BooksDep,
    _who: Player,
    outcome: Annotated[Outcome, Form()],
    webhook: Annotated[Delivery, Form()] = "once",
) -> Response:
    play(books, reference, outcome, webhook)
    return go_on(f"/pay/sandbox/{reference}")
