"""What a household does about its own supply from afar: restore it, switch it off, take the
emergency credit. Each is a page of its own that says what will happen, and is done once."""

import secrets
from typing import Annotated, Literal

from fastapi import Form, Query, Request
from fastapi.responses import Response

from umeter_station import account_orders, keyed
from umeter_station.account_orders import Order
from umeter_station.api.deps import BooksDep, Caller
from umeter_station.errors import StationError
from umeter_station.ops.jobs import zone
from umeter_station.people import acts
from umeter_station.web import forms, route
from umeter_station.web.guard import page
from umeter_station.web.language import gettext as _
from umeter_station.web.portal import household
from umeter_station.web.portal.household import CLOSED, EMERGENCY_OFFERED, Channel
from umeter_station.web.route import go_on
from umeter_station.web.templating import render

router = route.router("/home/supply")

Hand = Annotated[Caller, page("own:write")]
Act = Literal["restore", "emergency", "off"]
MeterQuery = Annotated[str, Query(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
ChQuery = Annotated[int, Query(ge=1, le=64)]
MeterForm = Annotated[str, Form(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
ChForm = Annotated[int, Form(ge=1, le=64)]


@router.get("/{act}")
def ask(
    request: Request, act: Act, books: BooksDep, who: Hand, meter: MeterQuery, ch: ChQuery
) -> Response:
    with books.db.read() as conn:
        found = household.one(conn, who, meter, ch, zone(books.config.jobs.timezone))
    return _form(request, found, act)


@router.post("/{act}")
def do(
    request: Request,
    act: Act,
    books: BooksDep,
    who: Hand,
    meter: MeterForm,
    ch: ChForm,
    key: forms.Key,
    sure: forms.Tick = "",
) -> Response:
    # The household's own: nobody else's key can be hit upon.
    own_key = f"hand:{who.tenant_id}:{key}"
    with books.db.read() as conn:
        found = household.one(conn, who, meter, ch, zone(books.config.jobs.timezone))
        is_repeated = keyed.find(conn, own_key) is not None
    try:
        if not is_repeated:
            _check(found, act, bool(sure))
        with books.db.write() as conn:
            given = keyed.place(conn, meter, *_order(act, ch), own_key, who.now_s)
            if not given.repeated:
                detail = {"order_id": given.command_id}
                acts.note(conn, who.by, f"own.{act}", f"{meter}/{ch}", detail, who.now_s)
    except StationError as error:
        return _form(request, found, act, key, str(error), route.status_of(error))
    return go_on("/home", "ordered")


def _order(act: Act, ch: int) -> Order:
    if act == "restore":
        return account_orders.restore(ch)
    return account_orders.emergency(ch) if act == "emergency" else account_orders.user(ch, "open")


def _check(found: Channel, act: Act, is_sure: bool) -> None:
    """The meter judges again; this says it at once."""
    if not is_sure:
        raise StationError(_("Tick that you have read it, so that nobody is surprised."))
    if found.has(CLOSED):
        raise StationError(_("This account is closed; call your operator."))
    if act == "emergency" and not found.has(EMERGENCY_OFFERED):
        raise StationError(_("The meter does not offer emergency credit now."))


def _form(
    request: Request, found: Channel, act: Act, key: str = "", error: str = "", status: int = 200
) -> Response:
    key = key or secrets.token_urlsafe(16)
    return render(
        request, "portal/hand.html", status, channel=found, act=act, key=key, error=error
    )
