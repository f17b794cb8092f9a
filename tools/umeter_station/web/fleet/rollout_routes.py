"""Rollouts: which there are, how far one is, and its pausing, ending and going back."""

from typing import Annotated, Any

from fastapi import Form, Query, Request
from fastapi.responses import Response

from umeter_station.api.deps import LARGEST, BooksDep, Caller, IdPath
from umeter_station.errors import StationError
from umeter_station.fleet import approving as approving  # Registers what an approval does.
from umeter_station.fleet import rollout_plan, rollouts, waves
from umeter_station.web import live, route
from umeter_station.web.fleet import rollout_view
from umeter_station.web.forms import Tick
from umeter_station.web.guard import page
from umeter_station.web.language import gettext as _
from umeter_station.web.route import go_on, status_of
from umeter_station.web.templating import render

router = route.router()

Reader = Annotated[Caller, page("fleet:read")]
Writer = Annotated[Caller, page("fleet:write")]
View = Annotated[str, Query(max_length=16)]
After = Annotated[str, Query(max_length=32)]
_LISTED, _DIFFERENT, _LOOK_S = 25, 12, 2.0


@router.get("/console/fleet")
def fleet(
    request: Request,
    books: BooksDep,
    who: Reader,
    before: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
) -> Response:
    with books.db.read() as conn:
        found = rollout_view.listed(conn, _LISTED + 1, before)
        different = [] if before else rollout_view.differences(conn, who.now_s)
    return render(
        request,
        "fleet/fleet.html",
        rollouts=found[:_LISTED],
        older=f"?before={found[_LISTED - 1].rollout.id}" if len(found) > _LISTED else "",
        different=different[:_DIFFERENT],
        different_meters=len(different),
        may_start=who.may("fleet:write"),
    )


@router.get("/console/fleet/rollouts/{rollout_id}")
def rollout(
    request: Request,
    rollout_id: IdPath,
    books: BooksDep,
    who: Reader,
    view: View = "",
    after: After = "",
) -> Response:
    return _page(request, books, who, rollout_id, view, after)


@router.get("/live/fleet/rollouts/{rollout_id}")
def watch(
    request: Request,
    rollout_id: IdPath,
    books: BooksDep,
    who: Reader,
    view: View = "",
    after: After = "",
) -> Response:
    templates = request.app.state.templates
    context = _context(books, who, rollout_id, view, after)  # 404 before anything is sent.

    def part() -> str:
        now = {**context, **_context(books, who, rollout_id, view, after)}
        return templates.html(request, "fleet/_rollout.html", now)

    return live.stream(request, part, _LOOK_S)


@router.post("/console/fleet/rollouts/{rollout_id}/pause")
def pause(request: Request, rollout_id: IdPath, books: BooksDep, who: Writer) -> Response:
    return _do(request, books, who, rollout_id, rollouts.pause)


@router.post("/console/fleet/rollouts/{rollout_id}/resume")
def resume(
    request: Request,
    rollout_id: IdPath,
    books: BooksDep,
    who: Writer,
    failing_permille: Annotated[int | None, Form(ge=0, le=1_000)] = None,
) -> Response:
    return _do(request, books, who, rollout_id, rollouts.resume, failing_permille)


@router.post("/console/fleet/rollouts/{rollout_id}/abort")
def abort(
    request: Request, rollout_id: IdPath, books: BooksDep, who: Writer, sure: Tick = ""
) -> Response:
    return _do(request, books, who, rollout_id, rollouts.abort, sure=sure)


@router.post("/console/fleet/rollouts/{rollout_id}/back")
def back(
    request: Request, rollout_id: IdPath, books: BooksDep, who: Writer, sure: Tick = ""
) -> Response:
    try:
        _check_sure(sure)
        with books.db.write() as conn:
            back_id = rollout_plan.roll_back(conn, rollout_id, who.by, who.now_s, waves.BACK)
    except StationError as error:
        return _page(request, books, who, rollout_id, wrong=str(error), status=status_of(error))
    return go_on(f"/console/fleet/rollouts/{back_id}", "rollout-begun")


def _do(
    request: Request,
    books: Any,
    who: Caller,
    rollout_id: int,
    act: Any,
    *more: Any,
    sure: str = "yes",
) -> Response:
    try:
        _check_sure(sure)
        with books.db.write() as conn:
            act(conn, rollout_id, who.by, who.now_s, *more)
    except StationError as error:
        return _page(request, books, who, rollout_id, wrong=str(error), status=status_of(error))
    return go_on(f"/console/fleet/rollouts/{rollout_id}", "done")


def _check_sure(sure: str) -> None:
    if not sure:
        raise StationError(_("Tick that it is meant; nothing was done."))


def _page(
    request: Request,
    books: Any,
    who: Caller,
    rollout_id: int,
    view: str = "",
    after: str = "",
    wrong: str = "",
    status: int = 200,
) -> Response:
    context = _context(books, who, rollout_id, view, after)
    return render(request, "fleet/rollout.html", status, wrong=wrong, **context)


def _context(books: Any, who: Caller, rollout_id: int, view: str, after: str) -> dict[str, Any]:
    with books.db.read() as conn:
        shown = rollout_view.shown(conn, rollout_id, view, after)
    view = view if view in rollout_view.VIEWS else ""
    return {
        "shown": shown,
        "rollout": shown.rollout,
        "view": view,
        "query": f"?view={view}&after={after}",
        "may_steer": who.may("fleet:write"),
    }
