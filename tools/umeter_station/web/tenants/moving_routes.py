"""Moving in and out: the dates, and what becomes of the account on the meter."""

from typing import Annotated, Any

from fastapi import Form, Query, Request
from fastapi.responses import Response

from umeter_station.api.deps import BooksDep, Caller, IdPath
from umeter_station.desk import find, payouts
from umeter_station.errors import NotFound, StationError
from umeter_station.ops.jobs import zone
from umeter_station.pay import wallets
from umeter_station.people import tenants
from umeter_station.vending import new_key
from umeter_station.web import forms, route
from umeter_station.web.desk import customer
from umeter_station.web.forms import Key, Tick, Typed
from umeter_station.web.guard import page
from umeter_station.web.language import gettext as _
from umeter_station.web.route import go_on, status_of
from umeter_station.web.templating import render
from umeter_station.web.tenants.routes import tenant_page

router = route.router("/console/tenants")

Writer = Annotated[Caller, page("tenants:write")]
Meter = Annotated[str, Query(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
Ch = Annotated[int, Query(ge=1, le=64)]
MeterField = Annotated[str, Form(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
ChField = Annotated[int, Form(ge=1, le=64)]


@router.post("/{tenant_id}/move-in")
def move_in(
    request: Request,
    tenant_id: IdPath,
    books: BooksDep,
    who: Writer,
    key: Key,
    place: Typed = "",
    date: Typed = "",
    opens: Tick = "",
) -> Response:
    """`opens`: have the meter open an account, whose number is that of the tenancy."""
    try:
        meter, ch = find.place_of(place)
        from_s = forms.moment_s(date, zone(books.config.jobs.timezone), who.now_s)
        with books.db.write() as conn:
            tenancy_id = tenants.move_in(conn, tenant_id, meter, ch, from_s, who.by, who.now_s)
            if opens:
                _may_move_money(who)
                payouts.open_account(conn, meter, ch, tenancy_id, key, who.by, who.now_s)
    except StationError as error:
        return tenant_page(
            request, books, who, tenant_id, str(error), status_of(error), place=place, date=date
        )
    return go_on(f"/console/tenants/{tenant_id}", "moved-in")


@router.get("/{tenant_id}/move-out")
def move_out_form(
    request: Request, tenant_id: IdPath, books: BooksDep, who: Writer, meter: Meter, ch: Ch
) -> Response:
    return _form(request, books, who, tenant_id, meter, ch)


@router.post("/{tenant_id}/move-out")
def move_out(
    request: Request,
    tenant_id: IdPath,
    books: BooksDep,
    who: Writer,
    key: Key,
    meter: MeterField,
    ch: ChField,
    date: Typed = "",
    closes: Tick = "",
) -> Response:
    """`closes`: have the meter close the account, which gives back what is left."""
    try:
        until_s = forms.moment_s(date, zone(books.config.jobs.timezone), who.now_s)
        with books.db.write() as conn:
            _check_lives(conn, tenant_id, meter, ch)
            tenants.move_out(conn, meter, ch, until_s, who.by, who.now_s)
            if closes:
                _may_move_money(who)
                if until_s > who.now_s:
                    raise StationError(
                        _("An account is closed when somebody has moved out, not before.")
                    )
                payouts.close_account(conn, meter, ch, key, who.by, who.now_s)
    except StationError as error:
        typed = {"date": date, "wrong": str(error), "status": status_of(error)}
        return _form(request, books, who, tenant_id, meter, ch, **typed)
    return go_on(f"/console/tenants/{tenant_id}", "moved-out")


def _check_lives(conn: Any, tenant_id: int, meter: str, ch: int) -> None:
    if tenants.living_at(conn, meter, ch) != tenant_id:
        raise NotFound(_("That tenant does not live at that channel."))


def _may_move_money(who: Caller) -> None:
    if not who.may("refunds:write"):
        raise StationError(_("Opening or closing an account takes the right refunds:write."))


def _form(
    request: Request,
    books: Any,
    who: Caller,
    tenant_id: int,
    meter: str,
    ch: int,
    *,
    date: str = "",
    wrong: str = "",
    status: int = 200,
) -> Response:
    with books.db.read() as conn:
        tenant = tenants.get(conn, tenant_id)
        if not wrong:
            _check_lives(conn, tenant_id, meter, ch)
        seen = customer.of(conn, meter, ch, who.now_s)
        wallet_u = wallets.balance_u(conn, tenant_id)
    return render(
        request,
        "tenants/move_out.html",
        status,
        tenant=tenant,
        customer=seen,
        wallet_u=wallet_u,
        date=date,
        key=new_key(),
        may_close=who.may("refunds:write"),
        wrong=wrong,
    )
