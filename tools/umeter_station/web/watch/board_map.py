"""The map of meters, live; reading many of them at once; and strangers who would be meters."""

from dataclasses import asdict
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import Depends, Form, Query, Request
from fastapi.responses import Response

from umeter_station import meters, strangers
from umeter_station.api.deps import BooksDep, Caller, IdPath, MeterPath
from umeter_station.errors import StationError
from umeter_station.fleet import reads
from umeter_station.fleet.select import Selection
from umeter_station.people import sites
from umeter_station.station import Books
from umeter_station.web import live, route
from umeter_station.web.guard import page
from umeter_station.web.language import gettext as _
from umeter_station.web.live import Piece
from umeter_station.web.route import go_on, status_of
from umeter_station.web.templating import render
from umeter_station.web.watch import boards as view
from umeter_station.web.watch.boards import Board, Sight, Wish

router = route.router()

Reader = Annotated[Caller, page("meters:read")]
Adopter = Annotated[Caller, page("meters:write")]
ReadsReader = Annotated[Caller, page("fleet:read")]
ReadsWriter = Annotated[Caller, page("fleet:write")]
MOST_SITES = 500
_SITE = r"^([1-9][0-9]{0,14}|none)?$"
_Presence = Literal["", "online", "offline", "unknown"]
_LOOK_S = 2.0


def _wish(
    site: Annotated[str, Query(pattern=_SITE)] = "",
    presence: _Presence = "",
    text: Annotated[str, Query(max_length=80)] = "",
    page: Annotated[int, Query(ge=0, le=10_000)] = 0,
) -> Wish:
    return Wish(site, presence, text, page)


WishDep = Annotated[Wish, Depends(_wish)]


def _shown(
    site: Annotated[str, Form(pattern=_SITE)] = "",
    presence: Annotated[_Presence, Form()] = "",
    text: Annotated[str, Form(max_length=80)] = "",
    page: Annotated[int, Form(ge=0, le=10_000)] = 0,
) -> Wish:
    """The same out of a form of that page."""
    return Wish(site, presence, text, page)


def _query(wish: Wish, **more: object) -> str:
    wanted = {name: value for name, value in (asdict(wish) | more).items() if value}
    return "?" + urlencode(wanted) if wanted else ""


@router.get("/console/meters")
def meters_map(request: Request, books: BooksDep, who: Reader, wish: WishDep) -> Response:
    sight = _look(books, who, wish)
    with books.db.read() as conn:
        known_sites = sites.page(conn, MOST_SITES)
        waiting = len(strangers.all_strangers(conn)) if who.may("meters:write") else 0
    pieces = [_piece(request, board) for board in sight.boards]
    part = request.headers.get("HX-Request")
    return render(
        request,
        "watch/_map.html" if part else "watch/map.html",
        wish=wish,
        sites=known_sites,
        strangers=waiting,
        sight=sight,
        boards=sight.boards,
        with_sites=True,
        words=words(),
        live_path="/live/meters" + _query(wish, have=live.marks(pieces)),
        newer="/console/meters" + _query(wish, page=wish.page - 1) if wish.page else "",
        older="/console/meters" + _query(wish, page=wish.page + 1) if sight.has_more else "",
    )


def _look(books: Books, who: Caller, wish: Wish) -> Sight:
    with books.db.read() as conn:
        return view.look(
            conn,
            wish,
            books.clock.now_s(),
            with_findings=who.may("findings:read"),
            with_tenants=who.may("tenants:read"),
        )


def words() -> dict[str, str]:
    """What tiles say again and again, translated once."""
    return {
        "fed": _("fed"),
        "open": _("contact open"),
        "low": _("low"),
        "out": _("out"),
        "emergency": _("emergency"),
        "old": _("front end silent"),
        "online": _("online"),
        "offline": _("offline"),
        "unknown": _("never heard"),
        "critical": _("critical"),
        "alarm": _("alarm"),
        "warn": _("warning"),
        "info": _("information"),
        "choose": _("Choose"),
    }


def _piece(request: Request, board: Board) -> Piece:
    def html() -> str:
        return _boards_html(request, [board], with_sites=False)

    return Piece(board.id, board, html)


def _boards_html(request: Request, boards: list[Board], with_sites: bool = True) -> str:
    context = {"boards": boards, "words": words(), "with_sites": with_sites}
    return request.app.state.templates.html(request, "watch/_boards.html", context)


@router.get("/live/meters")
def map_live(
    request: Request,
    books: BooksDep,
    who: Reader,
    wish: WishDep,
    have: Annotated[str, Query(max_length=2000, pattern=r"^[0-9a-f]*$")] = "",
) -> Response:
    def look() -> list[Piece]:
        return [_piece(request, board) for board in _look(books, who, wish).boards]

    def whole(_pieces: list[Piece]) -> str:
        return _boards_html(request, _look(books, who, wish).boards)

    return live.stream_pieces(request, look, whole, have, _LOOK_S)


@router.post("/console/reads")
def read_many(
    books: BooksDep,
    who: ReadsWriter,
    wish: Annotated[Wish, Depends(_shown)],
    meter: Annotated[list[str] | None, Form(max_length=1000)] = None,
    where: Annotated[str, Form(max_length=2_000)] = "",
    shown: Annotated[str, Form(max_length=3)] = "",
) -> Response:
    """Those that are ticked, or all that are shown, or those that an expression chooses. A meter
    that still has one to answer is not asked twice, so that sending it again does no harm."""
    if shown:
        selection = Selection(tuple(board.meter for board in _look(books, who, wish).boards))
    else:
        selection = Selection(where=where) if where.strip() else Selection(tuple(meter or ()))
    with books.db.write() as conn:
        read_id = reads.order(conn, selection, who.by, who.now_s)
    return go_on(f"/console/reads/{read_id}")


@router.get("/console/reads/{read_id}")
def read_progress(
    read_id: IdPath, request: Request, books: BooksDep, who: ReadsReader
) -> Response:
    return render(request, "watch/read.html", **_read(books, read_id))


@router.get("/live/reads/{read_id}")
def read_live(read_id: IdPath, request: Request, books: BooksDep, who: ReadsReader) -> Response:
    templates = request.app.state.templates

    def part() -> str:
        return templates.html(request, "watch/_read.html", _read(books, read_id))

    return live.stream(request, part)


def _read(books: Books, read_id: int) -> dict[str, object]:
    with books.db.read() as conn:
        read = reads.get(conn, read_id)
    late = [answer for answer in read.answers if answer.answer_s is None]
    answered = sorted(
        (a for a in read.answers if a.answer_s is not None), key=lambda a: -(a.answer_s or 0)
    )
    times = reads.times(read.answers)
    return {"read": read, "late": late, "answered": answered, "times": times}


@router.get("/console/strangers")
def list_strangers(request: Request, books: BooksDep, who: Reader) -> Response:
    return _strangers(request, books)


def _strangers(
    request: Request, books: Books, status: int = 200, error: str = "", meter: str = ""
) -> Response:
    with books.db.read() as conn:
        found = strangers.all_strangers(conn)
    return render(
        request, "watch/strangers.html", status, strangers=found, error=error, wrong=meter
    )


@router.post("/console/strangers/{meter}/adopt")
def adopt(
    meter: MeterPath,
    request: Request,
    books: BooksDep,
    who: Adopter,
    key: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """`key`: what its board was given; it is not shown again, even if it is refused."""
    try:
        found = meters.parse_key(key.strip())
        with books.db.write() as conn:
            strangers.adopt(conn, meter, found, who.by, who.now_s)
    except StationError as error:
        return _strangers(request, books, status_of(error), str(error), meter)
    return go_on(f"/console/meters/{meter}", "adopted")


@router.post("/console/strangers/{meter}/forget")
def forget(meter: MeterPath, books: BooksDep, who: Adopter) -> Response:
    """It comes back when it reports again."""
    with books.db.write() as conn:
        strangers.forget(conn, meter, who.by, who.now_s)
    return go_on("/console/strangers", "done")
