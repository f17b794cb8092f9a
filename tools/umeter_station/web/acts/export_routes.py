"""Readings, load profiles, the ledger and purchases as files, chosen in a form."""

from typing import Annotated, Any, Literal

from fastapi import Query, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from umeter_station.api import routes_exports
from umeter_station.api.deps import BooksDep, Caller
from umeter_station.api.export_formats import FORMATS
from umeter_station.api.export_tables import TABLES
from umeter_station.errors import StationError
from umeter_station.ops.jobs import zone
from umeter_station.web import forms, route
from umeter_station.web.guard import page
from umeter_station.web.route import status_of
from umeter_station.web.templating import render

router = route.router("/console/exports")

Reader = Annotated[Caller, page("exports:read")]
Moment = Annotated[str, Query(max_length=20)]


@router.get("")
def choose(request: Request, _who: Reader) -> Response:
    return _form(request, {})


@router.get("/file")
def export(
    request: Request,
    books: BooksDep,
    who: Reader,
    table: Literal[tuple(TABLES)],
    format: Literal[tuple(FORMATS)] = "csv",
    since: Moment = "",
    until: Moment = "",
    meter: Annotated[str, Query(max_length=32, pattern=r"^[A-Za-z0-9_-]*$")] = "",
) -> Response:
    """As the API's, with its moments as people write them; `until` is not in it any more."""
    try:
        where = zone(books.config.jobs.timezone)
        until_s = forms.moment_s(until, where, 0) or None
        since_s = forms.moment_s(since, where, 0) or None
        return routes_exports.export(table, books, who, format, since_s, until_s, meter or None)
    except (StationError, HTTPException) as error:
        typed = {"table": table, "format": format, "since": since, "until": until}
        is_ours = isinstance(error, StationError)
        status = status_of(error) if is_ours else error.status_code
        wrong = str(error) if is_ours else str(error.detail)
        return _form(request, {**typed, "meter": meter}, wrong, status)


def _form(request: Request, typed: dict[str, Any], wrong: str = "", status: int = 200) -> Response:
    blank = {"table": "readings", "format": "csv", "since": "", "until": "", "meter": ""}
    return render(
        request,
        "acts/exports.html",
        status,
        typed={**blank, **typed},
        tables=tuple(TABLES),
        formats=tuple(FORMATS),
        wrong=wrong,
    )
