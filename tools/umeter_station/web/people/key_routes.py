"""API keys of machines: made with what they may do, shown once, ended."""

from typing import Annotated, Any

from fastapi import Form, Request
from fastapi.responses import Response

from umeter_station.api.deps import BooksDep, Caller, IdPath
from umeter_station.errors import StationError
from umeter_station.ops.jobs import zone
from umeter_station.people import keys, roles
from umeter_station.web import forms, route
from umeter_station.web.forms import Tick, Typed
from umeter_station.web.guard import page
from umeter_station.web.language import gettext as _
from umeter_station.web.route import go_on, status_of
from umeter_station.web.templating import render

router = route.router("/console/people/keys")

Reader = Annotated[Caller, page("people:read")]
Giver = Annotated[Caller, page("people:write")]
Scopes = Annotated[tuple[str, ...], Form(max_length=64)]
_MOST = 1_000


@router.get("")
def list_keys(request: Request, books: BooksDep, who: Reader) -> Response:
    return _list(request, books, who)


@router.post("")
def add(
    request: Request,
    books: BooksDep,
    who: Giver,
    name: Typed = "",
    scopes: Scopes = (),
    until: Typed = "",
) -> Response:
    wanted = frozenset(scopes)
    try:
        expires_at = forms.moment_s(until, zone(books.config.jobs.timezone), 0) or None
        with books.db.write() as conn:
            _key, secret = keys.add(conn, name, wanted, who.by, who.now_s, expires_at)
    except StationError as error:
        typed = {"name": name, "scopes": wanted, "until": until}
        return _list(request, books, who, typed, str(error), status_of(error))
    return _list(request, books, who, told=secret)


@router.post("/{key_id}/end")
def end(
    request: Request, key_id: IdPath, books: BooksDep, who: Giver, sure: Tick = ""
) -> Response:
    try:
        if not sure:
            raise StationError(_("Tick that it is meant; nothing was done."))
        with books.db.write() as conn:
            keys.revoke(conn, key_id, who.by, who.now_s)
    except StationError as error:
        return _list(request, books, who, None, str(error), status_of(error))
    return go_on("/console/people/keys", "done")


def _list(
    request: Request,
    books: Any,
    who: Caller,
    typed: dict[str, Any] | None = None,
    wrong: str = "",
    status: int = 200,
    told: str = "",
) -> Response:
    with books.db.read() as conn:
        found = keys.page(conn, _MOST)
    return render(
        request,
        "people/keys.html",
        status,
        keys=sorted(found, key=lambda key: (key.revoked_at is not None, key.name)),
        areas=[(a, [s for s in _of(a) if s in roles.KEY_SCOPES]) for a in roles.AREAS],
        typed=typed or {"name": "", "scopes": frozenset(), "until": ""},
        wrong=wrong,
        told=told,
        may_give=who.may("people:write"),
    )


def _of(area: str) -> tuple[str, str]:
    return f"{area}:read", f"{area}:write"
