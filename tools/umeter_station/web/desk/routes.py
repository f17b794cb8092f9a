"""Finding the customer, the quote, and the sale."""

from typing import Annotated, Any

from fastapi import Form, Query, Request
from fastapi.responses import Response

from umeter_station.amounts import MICRO, format_u
from umeter_station.api.deps import LARGEST, BooksDep, Caller, ChPath, MeterPath
from umeter_station.desk import find, sales, shifts
from umeter_station.errors import Conflict, StationError
from umeter_station.vending import new_key
from umeter_station.web import forms, route
from umeter_station.web.desk import customer, selling
from umeter_station.web.forms import Key, Typed
from umeter_station.web.guard import page
from umeter_station.web.route import go_on, status_of
from umeter_station.web.templating import render

router = route.router("/console/desk")

Reader = Annotated[Caller, page("sales:read")]
Seller = Annotated[Caller, page("sales:write")]
Sought = Annotated[str, Query(max_length=120)]
Wanted = Annotated[str, Query(max_length=40)]
KeyQuery = Annotated[str, Query(max_length=64, pattern=r"^[A-Za-z0-9_-]*$")]
Micro = Annotated[int, Form(gt=0, le=LARGEST)]

_MOST, _RECENT = 20, 8


@router.get("")
def desk(request: Request, books: BooksDep, who: Reader, q: Sought = "") -> Response:
    """Straight to the customer, or to the sale, if only one is meant."""
    with books.db.read() as conn:
        places = find.places(conn, q, who.now_s, _MOST)
        if len(places) == 1:
            return go_on(f"/console/desk/at/{places[0].meter}/{places[0].ch}")
        sale = find.sale(conn, q) if q.strip() and not places else None
        if sale is not None:
            return go_on(f"/console/desk/sales/{sale.purchase.key}")
        context = _drawer(conn, who)
        recent = customer.with_states(conn, sales.page(conn, _RECENT))
    return render(request, "desk/desk.html", places=places, q=q, recent=recent, **context)


@router.get("/found")
def found(request: Request, books: BooksDep, who: Reader, q: Sought = "") -> Response:
    """The part of the desk that changes while somebody types."""
    with books.db.read() as conn:
        places = find.places(conn, q, who.now_s, _MOST)
    return render(request, "desk/found.html", places=places, q=q)


@router.get("/at/{meter}/{ch}")
def at(
    request: Request,
    meter: MeterPath,
    ch: ChPath,
    books: BooksDep,
    who: Reader,
    paid: Wanted = "",
    key: KeyQuery = "",
) -> Response:
    """With `paid`, what it buys. The key is in the address from then on: whoever comes back to
    this page after the sale is led to what was sold."""
    with books.db.read() as conn:
        if key and sales.by_key(conn, key) is not None:
            return go_on(f"/console/desk/sales/{key}", "sold-before")
    return _customer(request, books, who, meter, ch, paid=paid, key=key)


@router.get("/change")
def change(
    request: Request,
    who: Reader,
    paid_u: Annotated[int, Query(gt=0, le=LARGEST)],
    given: Wanted = "",
) -> Response:
    """What is to be given back, while somebody types."""
    wrong, change_u = "", None
    try:
        change_u = selling.change_u(forms.amount_u(given), paid_u) if given.strip() else None
    except StationError as error:
        wrong = str(error)
    return render(request, "desk/change.html", change_u=change_u, wrong=wrong)


@router.post("/at/{meter}/{ch}/sales")
def sell(
    request: Request,
    meter: MeterPath,
    ch: ChPath,
    books: BooksDep,
    who: Seller,
    key: Key,
    paid_u: Micro,
    order_u: Micro,
    given: Typed = "",
) -> Response:
    seen = selling.Seen(meter, ch, paid_u, order_u)
    try:
        given_u = forms.amount_u(given) if given.strip() else paid_u
        selling.change_u(given_u, paid_u)
        with books.db.write() as conn:
            selling.sell(conn, seen, key, who.by, who.now_s)
    except StationError as error:
        typed = {"paid": format_u(paid_u), "given": given, "wrong": str(error)}
        # A key that is another sale's would be refused for ever.
        key = "" if isinstance(error, Conflict) else key
        return _customer(request, books, who, meter, ch, key=key, status=status_of(error), **typed)
    return go_on(f"/console/desk/sales/{key}?given_u={given_u}")


def _customer(
    request: Request,
    books: Any,
    who: Caller,
    meter: str,
    ch: int,
    *,
    paid: str = "",
    given: str = "",
    key: str = "",
    wrong: str = "",
    status: int = 200,
) -> Response:
    quote = None
    with books.db.read() as conn:
        seen = customer.of(conn, meter, ch, who.now_s)
        if paid.strip():
            try:
                paid_u = forms.amount_u(paid)
                quote = selling.quote(conn, meter, ch, paid_u, who.now_s)
            except StationError as error:
                wrong, status = wrong or str(error), max(status, status_of(error))
        context = _drawer(conn, who)
    return render(
        request,
        "desk/customer.html",
        status,
        customer=seen,
        quote=quote,
        paid=paid.strip(),
        given=given,
        key=key or new_key(),
        wrong=wrong,
        amounts=[(each, each * MICRO) for each in selling.AMOUNTS],
        **context,
    )


def _drawer(conn: Any, who: Caller) -> dict[str, Any]:
    shift = shifts.open_of(conn, who.by)
    held_u = None if shift is None else shifts.expected_u(conn, shift.id)
    return {"shift": shift, "drawer_u": held_u, "may_sell": who.may("sales:write")}
