"""Templates, which are settings under a name; and readings that are asked for by the clock."""

from typing import Annotated, Any

from fastapi import Form, Path, Request
from fastapi.responses import Response

from umeter_station.api.deps import BooksDep, Caller
from umeter_station.desk import tariffs
from umeter_station.errors import StationError
from umeter_station.fleet import names, reads, schedules, templates
from umeter_station.people import sites
from umeter_station.web import route
from umeter_station.web.fleet import choosing, plan_view
from umeter_station.web.fleet.choosing import Meters
from umeter_station.web.fleet.rollout_new import EXAMPLES, MOST_SITES
from umeter_station.web.forms import Sentence, Tick, Typed
from umeter_station.web.guard import page
from umeter_station.web.language import gettext as _
from umeter_station.web.route import go_on, status_of
from umeter_station.web.templating import render

router = route.router("/console/fleet")

Reader = Annotated[Caller, page("fleet:read")]
Writer = Annotated[Caller, page("fleet:write")]
TemplatePath = Annotated[str, Path(max_length=32)]
SchedulePath = Annotated[int, Path(ge=1)]
Lines = Annotated[tuple[str, ...], Form(max_length=64)]
_READS = 15


@router.get("/templates")
def list_templates(request: Request, books: BooksDep, who: Reader) -> Response:
    return _templates(request, books, who)


@router.post("/templates")
def save_template(
    request: Request,
    books: BooksDep,
    who: Writer,
    name: Typed = "",
    note: Sentence = "",
    base_version: Annotated[int, Form(ge=0)] = 0,
    key: Lines = (),
    value: Lines = (),
) -> Response:
    rows = choosing.rows_of(key, value)
    try:
        settings = choosing.settings_of(rows)
        with books.db.write() as conn:
            made = templates.add(
                conn, name.strip(), settings, note.strip(), who.by, who.now_s, base_version
            )
    except StationError as error:
        typed = {"name": name, "note": note, "rows": rows, "base_version": base_version}
        return _templates(request, books, who, typed, str(error), status_of(error))
    return go_on(f"/console/fleet/templates/{made.name}", "saved")


@router.get("/templates/{name}")
def show_template(request: Request, name: TemplatePath, books: BooksDep, who: Reader) -> Response:
    with books.db.read() as conn:
        versions = templates.versions(conn, name)
    newest = versions[0]
    typed = {
        "name": newest.name,
        "note": newest.note,
        "rows": plan_view.rows_of(newest),
        "base_version": newest.version,
    }
    return render(
        request,
        "fleet/template.html",
        versions=[plan_view.shown(each) for each in versions],
        typed=_with_blank(typed),
        keys=names.setting_names(),
        may_write=who.may("fleet:write"),
    )


@router.get("/schedules")
def list_schedules(request: Request, books: BooksDep, who: Reader) -> Response:
    return _schedules(request, books, who)


@router.post("/schedules")
def add_schedule(
    request: Request,
    books: BooksDep,
    who: Writer,
    name: Typed = "",
    every: Typed = "",
    tz: Typed = "UTC",
    meters: Annotated[str, Form(max_length=8_000)] = "",
    where: Annotated[str, Form(max_length=2_000)] = "",
    site: Annotated[str, Form(max_length=64)] = "",
    tariff: Annotated[str, Form(max_length=64)] = "",
    all: Tick = "",
) -> Response:
    wish = Meters(meters, where, site, tariff, bool(all))
    try:
        with books.db.write() as conn:
            chosen = wish.selection(conn, who.now_s)
            schedules.add(conn, name.strip(), chosen, every, tz, who.by, who.now_s)
    except StationError as error:
        typed = {"name": name, "every": every, "tz": tz, "meters": wish}
        return _schedules(request, books, who, typed, str(error), status_of(error))
    return go_on("/console/fleet/schedules", "saved")


@router.post("/schedules/{schedule_id}/switch")
def switch_schedule(
    request: Request, schedule_id: SchedulePath, books: BooksDep, who: Writer, on: Tick = ""
) -> Response:
    with books.db.write() as conn:
        found = plan_view.schedule_named(conn, schedule_id)
        schedules.switch(conn, found.name, bool(on), who.by, who.now_s)
    return go_on("/console/fleet/schedules", "saved")


@router.post("/schedules/{schedule_id}/remove")
def remove_schedule(
    request: Request, schedule_id: SchedulePath, books: BooksDep, who: Writer, sure: Tick = ""
) -> Response:
    try:
        if not sure:
            raise StationError(_("Tick that it is meant; nothing was done."))
        with books.db.write() as conn:
            found = plan_view.schedule_named(conn, schedule_id)
            schedules.remove(conn, found.name, who.by, who.now_s)
    except StationError as error:
        return _schedules(request, books, who, None, str(error), status_of(error))
    return go_on("/console/fleet/schedules", "done")


def _templates(
    request: Request,
    books: Any,
    who: Caller,
    typed: dict[str, Any] | None = None,
    wrong: str = "",
    status: int = 200,
) -> Response:
    with books.db.read() as conn:
        found = templates.newest(conn)
    blank = {"name": "", "note": "", "rows": (), "base_version": 0}
    return render(
        request,
        "fleet/templates.html",
        status,
        templates=[plan_view.shown(each) for each in found],
        typed=_with_blank(typed or blank),
        keys=names.setting_names(),
        wrong=wrong,
        may_write=who.may("fleet:write"),
    )


def _with_blank(typed: dict[str, Any]) -> dict[str, Any]:
    rows = list(typed["rows"])
    return {**typed, "rows": rows + [("", "")] * max(2, 4 - len(rows))}


def _schedules(
    request: Request,
    books: Any,
    who: Caller,
    typed: dict[str, Any] | None = None,
    wrong: str = "",
    status: int = 200,
) -> Response:
    zone = books.config.jobs.timezone
    blank = {"name": "", "every": "", "tz": zone, "meters": Meters()}
    with books.db.read() as conn:
        found = schedules.all_schedules(conn)
        recent = [reads.get(conn, number) for number in reads.latest(conn, _READS)]
        context = {
            "sites": sites.page(conn, MOST_SITES),
            "tariffs": [each.name for each in tariffs.all_newest(conn)],
        }
    return render(
        request,
        "fleet/schedules.html",
        status,
        schedules=[plan_view.planned(each) for each in found],
        reads=[(read, reads.times(read.answers)) for read in recent],
        typed=typed or blank,
        wrong=wrong,
        examples=EXAMPLES,
        fields=names.FIELDS,
        may_write=who.may("fleet:write"),
        **context,
    )
