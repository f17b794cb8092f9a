"""Releases of the firmware: bundles that were added, and bringing one to meters."""

from io import BytesIO
from typing import Annotated, Any

from fastapi import Form, Path, Request, UploadFile
from fastapi.responses import Response

from umeter_deploy import bundle as bundles
from umeter_station import releases, update
from umeter_station.api.deps import BooksDep, Caller
from umeter_station.desk import tariffs
from umeter_station.errors import Conflict, StationError
from umeter_station.fleet import names, rollout_plan, select
from umeter_station.people import sites
from umeter_station.web import route
from umeter_station.web.fleet import release_view
from umeter_station.web.fleet.choosing import Meters, MetersDep, Speed, UpdateSpeedDep
from umeter_station.web.fleet.rollout_new import EXAMPLES, MOST_SITES
from umeter_station.web.guard import page
from umeter_station.web.language import gettext as _
from umeter_station.web.route import go_on, status_of
from umeter_station.web.templating import render

router = route.router("/console/fleet/releases")

Reader = Annotated[Caller, page("fleet:read")]
Writer = Annotated[Caller, page("fleet:write")]
Manifest = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
_UPDATES = 50


@router.get("")
def list_releases(request: Request, books: BooksDep, who: Reader) -> Response:
    return _list(request, books, who)


@router.post("")
def add(
    request: Request, books: BooksDep, who: Writer, bundle: UploadFile | None = None
) -> Response:
    """What `umeter bundle` has made; adding it again changes nothing."""
    try:
        if bundle is None or not bundle.filename:
            raise StationError(_("Choose the bundle's file."))
        try:
            read = bundles.read(BytesIO(bundle.file.read()), bundle.filename)
        except ValueError as error:
            raise StationError(f"{error}.") from None
        with books.db.write() as conn:
            name = update.add_bundle(conn, read, who.now_s)
    except StationError as error:
        return _list(request, books, who, str(error), status_of(error))
    return go_on(f"/console/fleet/releases/{name}", "saved")


@router.get("/{manifest}")
def show(
    request: Request,
    manifest: Manifest,
    books: BooksDep,
    who: Reader,
    wish: MetersDep,
    speed: UpdateSpeedDep,
) -> Response:
    return _form(request, books, who, manifest, wish, speed)


@router.post("/{manifest}")
def start(
    request: Request,
    manifest: Manifest,
    books: BooksDep,
    who: Writer,
    wish: MetersDep,
    speed: UpdateSpeedDep,
    seen: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    try:
        with books.db.read() as conn:
            chosen = wish.selection(conn, who.now_s)
            found = select.choose(conn, chosen, who.now_s)
            release = releases.get(conn, manifest)
        if release_view.looked(release, found).mark != seen:
            raise Conflict(_("The meters have changed since; look at them again."))
        with books.db.write() as conn:
            rollout_id = rollout_plan.start_update(
                conn, chosen, manifest, speed.pace(), who.by, who.now_s
            )
    except StationError as error:
        return _form(request, books, who, manifest, wish, speed, str(error), status_of(error))
    return go_on(f"/console/fleet/rollouts/{rollout_id}", "rollout-begun")


def _list(
    request: Request, books: Any, who: Caller, wrong: str = "", status: int = 200
) -> Response:
    with books.db.read() as conn:
        found = releases.newest(conn)
        running = release_view.running(conn)
        latest = releases.latest_updates(conn, _UPDATES)
    return render(
        request,
        "fleet/releases.html",
        status,
        releases=[(each, running.get((each.board, each.release), 0)) for each in found],
        updates=latest,
        wrong=wrong,
        may_write=who.may("fleet:write"),
    )


def _form(
    request: Request,
    books: Any,
    who: Caller,
    manifest: str,
    wish: Meters,
    speed: Speed,
    wrong: str = "",
    status: int = 200,
) -> Response:
    dry = None
    with books.db.read() as conn:
        release = releases.get(conn, manifest)
        if not wish.is_empty:
            try:
                found = select.choose(conn, wish.selection(conn, who.now_s), who.now_s)
                speed.pace()
                dry = release_view.looked(release, found)
            except StationError as error:
                wrong, status = wrong or str(error), max(status, status_of(error))
        context = {
            "sites": sites.page(conn, MOST_SITES),
            "tariffs": [each.name for each in tariffs.all_newest(conn)],
        }
    return render(
        request,
        "fleet/release.html",
        status,
        release=release,
        wish=wish,
        speed=speed,
        query=release_view.query(wish, speed),
        dry=dry,
        wrong=wrong,
        examples=EXAMPLES,
        fields=names.FIELDS,
        may_start=who.may("fleet:write"),
        **context,
    )
