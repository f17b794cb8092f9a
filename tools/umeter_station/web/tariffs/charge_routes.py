"""Fees and taxes, by way to pay and in time."""

from typing import Annotated, Any

from fastapi import Form, Request
from fastapi.responses import Response

from umeter_station.amounts import MICRO
from umeter_station.api.deps import BooksDep, Caller
from umeter_station.desk import charges
from umeter_station.desk.charges import Charges
from umeter_station.errors import StationError
from umeter_station.ops.jobs import zone
from umeter_station.web import forms, route
from umeter_station.web.forms import Typed
from umeter_station.web.guard import page
from umeter_station.web.route import go_on, status_of
from umeter_station.web.templating import render

router = route.router("/console/tariffs/charges")

Reader = Annotated[Caller, page("tariffs:read")]
Writer = Annotated[Caller, page("tariffs:write")]
Permille = Annotated[int, Form(ge=0, le=999)]
Way = Annotated[str, Form(pattern=r"^(\*|desk|web|phone|bank|agent)$")]
_PAID_U = tuple(amount * MICRO for amount in (5, 10, 50))


@router.get("")
def list_charges(request: Request, books: BooksDep, who: Reader) -> Response:
    return _page(request, books, who)


@router.post("")
def set_charges(
    request: Request,
    books: BooksDep,
    who: Writer,
    act: Annotated[str, Form(pattern="^(look|save)$")] = "look",
    way: Way = "*",
    fee: Typed = "",
    fee_permille: Permille = 0,
    tax_permille: Permille = 0,
    least: Typed = "",
    most: Typed = "",
    date: Typed = "",
) -> Response:
    """`look` shows what would become of payments, and writes nothing."""
    typed: dict[str, Any] = {"way": way, "fee": fee, "least": least, "most": most, "date": date}
    typed |= {"fee_permille": fee_permille, "tax_permille": tax_permille}
    try:
        from_s = forms.moment_s(date, zone(books.config.jobs.timezone), who.now_s)
        fee_u, min_u, max_u = (forms.amount_u(text or "0") for text in (fee, least, most))
        made = Charges(fee_u, fee_permille, tax_permille, min_u, max_u, from_s)
        if act == "look":
            return _page(request, books, who, typed, made=made)
        with books.db.write() as conn:
            charges.set_terms(conn, way, made, who.by, who.now_s)
    except StationError as error:
        return _page(request, books, who, typed, str(error), status_of(error))
    return go_on("/console/tariffs/charges", "saved")


def _page(
    request: Request,
    books: Any,
    who: Caller,
    typed: dict[str, Any] | None = None,
    wrong: str = "",
    status: int = 200,
    made: Charges | None = None,
) -> Response:
    typed = typed or {
        **dict.fromkeys(("fee", "least", "most", "date"), ""),
        **{"way": "*", "fee_permille": 0, "tax_permille": 0},
    }
    with books.db.read() as conn:
        terms = charges.all_terms(conn)
        way = "desk" if typed["way"] == charges.ALL_WAYS else typed["way"]
        now = charges.in_force(conn, way, who.now_s)
    split = []
    if made is not None:
        split = [(u, charges.split(u, now), charges.split(u, made)) for u in _PAID_U]
    return render(
        request,
        "tariffs/charges.html",
        status,
        terms=terms,
        typed=typed,
        split=split,
        may_write=who.may("tariffs:write"),
        wrong=wrong,
    )
