"""The list of tariffs, one in plain words, and making a new one or a new version."""

from typing import Annotated, Any

from fastapi import Form, Path, Query, Request
from fastapi.responses import Response

from umeter_station.api.deps import LARGEST, BooksDep, Caller
from umeter_station.desk import charges, tariffs
from umeter_station.errors import Conflict, StationError
from umeter_station.web import route
from umeter_station.web.guard import page
from umeter_station.web.language import gettext as _
from umeter_station.web.route import go_on, status_of
from umeter_station.web.tariffs import costs, shape, words
from umeter_station.web.templating import render

router = route.router("/console/tariffs")

Reader = Annotated[Caller, page("tariffs:read")]
Writer = Annotated[Caller, page("tariffs:write")]
NamePath = Annotated[str, Path(pattern=r"^[A-Za-z0-9_. -]{1,40}$")]
Field = Annotated[str, Form(max_length=40)]
Kwh = Annotated[int, Query(ge=0, le=100_000)]
_USE_KWH = 250


@router.get("")
def list_tariffs(request: Request, books: BooksDep, who: Reader) -> Response:
    with books.db.read() as conn:
        found = tariffs.all_newest(conn)
        used = tariffs.counts(conn, who.now_s)
    return render(
        request,
        "tariffs/list.html",
        tariffs=[
            (tariff, words.of(tariff.document), used.get(tariff.name, 0)) for tariff in found
        ],
        may_write=who.may("tariffs:write"),
    )


@router.get("/new")
def new(request: Request, books: BooksDep, who: Writer) -> Response:
    return _form(request, books, who, "", shape.Typed(), 0)


@router.get("/of/{name}")
def one(
    request: Request,
    name: NamePath,
    books: BooksDep,
    who: Reader,
    kwh: Kwh = _USE_KWH,
    version: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
) -> Response:
    return tariff_page(request, books, who, name, kwh=kwh, version=version)


@router.get("/of/{name}/change")
def change(request: Request, name: NamePath, books: BooksDep, who: Writer) -> Response:
    with books.db.read() as conn:
        newest = tariffs.get(conn, name)
    return _form(request, books, who, name, shape.of(newest.document), newest.version)


@router.post("/save")
def save(
    request: Request,
    books: BooksDep,
    who: Writer,
    act: Annotated[str, Form(pattern="^(look|save)$")] = "look",
    name: Annotated[str, Form(max_length=64)] = "",
    base: Annotated[int, Form(ge=0, le=LARGEST)] = 0,
    kwh: Annotated[int, Form(ge=0, le=100_000)] = _USE_KWH,
    shape_: Annotated[str, Form(alias="shape", pattern="^(flat|night|step|document)$")] = "flat",
    price: Field = "",
    second: Field = "",
    day_from: Field = "",
    day_to: Field = "",
    step_kwh: Field = "",
    standing: Field = "",
    document: Annotated[str, Form(max_length=20_000)] = "",
) -> Response:
    """`look` shows what it would mean, and writes nothing; `base` is the version that was seen."""
    name = name.strip()
    typed = shape.Typed(shape_, price, second, day_from, day_to, step_kwh, standing, document)
    try:
        with books.db.read() as conn:
            newest = _newest(conn, name)
        made = shape.made(typed, newest.document if newest else {})
        tariffs.check(name, made)
        if act == "look":
            return _form(request, books, who, name, typed, base, kwh=kwh, made=made)
        with books.db.write() as conn:
            newest = _newest(conn, name)
            if (newest.version if newest else 0) != base and (
                newest is None or newest.document != made
            ):
                raise Conflict(
                    _("Somebody has saved that tariff since you opened it; look at it again.")
                )
            tariffs.save(conn, name, made, who.by, who.now_s)
    except StationError as error:
        status = status_of(error)
        return _form(
            request, books, who, name, typed, base, kwh=kwh, wrong=str(error), status=status
        )
    return go_on(f"/console/tariffs/of/{name}", "tariff-saved")


def _newest(conn: Any, name: str) -> tariffs.Tariff | None:
    found = tariffs.versions(conn, name)
    return found[0] if found else None


def tariff_page(
    request: Request,
    books: Any,
    who: Caller,
    name: str,
    *,
    kwh: int = _USE_KWH,
    version: int | None = None,
    wrong: str = "",
    status: int = 200,
    waits: int = 0,
    **typed: str,
) -> Response:
    with books.db.read() as conn:
        tariff = tariffs.get(conn, name, version)
        versions = tariffs.versions(conn, name)
        cost = charges.in_force(conn, "desk", who.now_s)
        given = tariffs.given(conn, name, who.now_s)
    before = next((each for each in versions if each.version < tariff.version), None)
    try:
        found = costs.compared(
            before.document if before else None, tariff.document, kwh, cost, who.now_s
        )
    except StationError:  # It sets other things than prices.
        found = []
    return render(
        request,
        "tariffs/tariff.html",
        status,
        tariff=tariff,
        words=words.of(tariff.document),
        versions=versions,
        before=before,
        compared=found,
        kwh=kwh,
        given=given,
        waits=waits or request.query_params.get("waits", ""),
        may_write=who.may("tariffs:write"),
        may_roll_out=who.may("tariffs:write") and who.may("fleet:write"),
        typed={"place": "", "date": ""} | typed,
        wrong=wrong,
    )


def _form(
    request: Request,
    books: Any,
    who: Caller,
    name: str,
    typed: shape.Typed,
    base: int,
    *,
    kwh: int = _USE_KWH,
    made: dict[str, Any] | None = None,
    wrong: str = "",
    status: int = 200,
) -> Response:
    found: list[costs.Compared] = []
    if made is not None:
        with books.db.read() as conn:
            before = _newest(conn, name)
            cost = charges.in_force(conn, "desk", who.now_s)
        document = before.document if before else None
        found = costs.compared(document, made, kwh, cost, who.now_s)
    return render(
        request,
        "tariffs/form.html",
        status,
        name=name,
        typed=typed,
        base=base,
        kwh=kwh,
        made=made,
        words=words.of(made) if made is not None else None,
        compared=found,
        wrong=wrong,
    )
