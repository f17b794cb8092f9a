"""The console's front: what is abnormal now, each finding with its evidence, and what to do."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import Depends, Form, Query, Request
from fastapi.responses import Response

from umeter_station.api.deps import BooksDep, Caller, IdPath
from umeter_station.errors import StationError
from umeter_station.ops.jobs import zone
from umeter_station.people import sites
from umeter_station.station import Books
from umeter_station.watch import catalog, findings
from umeter_station.web import live, route
from umeter_station.web.guard import page
from umeter_station.web.route import go_on
from umeter_station.web.sign_in import inside
from umeter_station.web.templating import render
from umeter_station.web.watch import evidence_chart
from umeter_station.web.watch import findings as view
from umeter_station.web.watch.findings import Wish

router = route.router()

Reader = Annotated[Caller, page("findings:read")]
Writer = Annotated[Caller, page("findings:write")]
Note = Annotated[str, Form(max_length=2000)]
Next = Annotated[str, Form(max_length=2000)]
QUIET_DAYS = (0, 1, 7, 30)
MOST_SITES = 500
_LOOK_S = 2.0


def _wish(
    site: Annotated[str, Query(max_length=120)] = "",
    rule: Annotated[str, Query(pattern=r"^([AR][0-9]{2})?$")] = "",
    state: Literal["current", "open", "acknowledged", "closed"] = "current",
) -> Wish:
    return Wish(site, rule, state)


WishDep = Annotated[Wish, Depends(_wish)]


@router.get("/console")
def abnormal(request: Request, books: BooksDep, who: Reader, wish: WishDep) -> Response:
    with books.db.read() as conn:
        names = [site.name for site in sites.page(conn, MOST_SITES)]
    rules = {rule: view.title(rule) for rule in (*catalog.BY_ID, *catalog.NOTED)}
    context = _list(books, wish)
    return render(
        request,
        "watch/abnormal.html",
        site_names=names,
        rules=rules,
        states=view.STATES,
        query=_query(wish),
        **context,
    )


@router.get("/live/abnormal")
def abnormal_live(request: Request, books: BooksDep, who: Reader, wish: WishDep) -> Response:
    templates = request.app.state.templates

    def part() -> str:
        return templates.html(request, "watch/_groups.html", _list(books, wish))

    return live.stream(request, part, _LOOK_S)


def _query(wish: Wish) -> str:
    found = urlencode({name: value for name, value in asdict(wish).items() if value})
    return f"?{found}"


def _list(books: Books, wish: Wish) -> dict[str, Any]:
    with books.db.read() as conn:
        groups = view.groups(conn, wish)
        calm = view.calm(conn)
    return {
        "groups": groups,
        "counts": view.counts(groups),
        "calm": calm,
        "wish": wish,
        "back": "/console" + _query(wish),
        "quiet_days": QUIET_DAYS,
    }


@router.get("/console/findings/{finding_id}")
def finding(finding_id: IdPath, request: Request, books: BooksDep, who: Reader) -> Response:
    return _page(request, books, finding_id)


def _page(
    request: Request,
    books: Books,
    finding_id: int,
    status: int = 200,
    error: str = "",
    note: str = "",
) -> Response:
    with books.db.read() as conn:
        found = findings.get(conn, finding_id)
        house = view.site_names(conn, [found.meter]).get(found.meter, "")
        history = findings.history(conn, finding_id)
        cause = findings.get(conn, found.cause_id) if found.cause_id else None
        chart = evidence_chart.of(
            conn, found, zone(books.config.jobs.timezone), books.clock.now_s()
        )
        of_meter = findings.list_(conn, state="current", meter=found.meter, explained=True)
    explained = [view.shown(one, house) for one in of_meter if one.cause_id == finding_id]
    return render(
        request,
        "watch/finding.html",
        status,
        shown=view.shown(found, house),
        cause=view.shown(cause, house) if cause else None,
        explained=explained,
        history=[(entry, view.facts(entry.evidence)) for entry in history],
        chart=chart,
        quiet_days=QUIET_DAYS,
        back=f"/console/findings/{finding_id}",
        error=error,
        note=note,
    )


@router.post("/console/findings/{finding_id}/acknowledge")
def acknowledge(
    finding_id: IdPath, books: BooksDep, who: Writer, note: Note = "", next: Next = ""
) -> Response:
    """Whoever does looks after it."""
    assignee = who.session.name if who.session else ""
    with books.db.write() as conn:
        findings.acknowledge(conn, finding_id, who.by, who.now_s, note.strip(), assignee)
    return go_on(inside(next) or "/console", "acknowledged")


@router.post("/console/findings/{finding_id}/close")
def close(
    finding_id: IdPath,
    books: BooksDep,
    who: Writer,
    note: Note = "",
    quiet_days: Annotated[int, Form(ge=0, le=366)] = 1,
    next: Next = "",
) -> Response:
    with books.db.write() as conn:
        quiet_s = quiet_days * 86_400
        findings.close(conn, finding_id, who.by, who.now_s, note.strip(), quiet_s)
    return go_on(inside(next) or "/console", "finding-closed")


@router.post("/console/findings/{finding_id}/note")
def remark(
    request: Request, finding_id: IdPath, books: BooksDep, who: Writer, note: Note = ""
) -> Response:
    def write() -> None:
        with books.db.write() as conn:
            findings.remark(conn, finding_id, note.strip(), who.by, who.now_s)

    return _or_again(write, request, books, finding_id, note)


def _or_again(
    write: Callable[[], None], request: Request, books: Books, finding_id: int, note: str
) -> Response:
    """The page again with what was typed, if that is refused."""
    try:
        write()
    except StationError as error:
        return _page(request, books, finding_id, 400, str(error), note)
    return go_on(f"/console/findings/{finding_id}", "noted")
