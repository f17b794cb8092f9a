"""Live pages: server-sent events that carry a part of the page anew whenever it has changed.

The page names the parts as `<div data-live="/live/...">`; what comes replaces what it holds. A
part that is made of many pieces is sent whole only when there are others than before; else only
the pieces that changed, each of which takes the place of the element with its id. A browser that
lost the connection asks again by itself, and says meanwhile how old its data is.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Hashable
from dataclasses import dataclass

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from umeter_station.people import sessions
from umeter_station.web import route

router = route.router("/live")

LOOK_S = 1.0
_SIGN_OF_LIFE_S = 15.0
# A connection is not for ever: a browser comes again, and its session is looked at anew.
_LASTS_S = 600.0
_RETRY_MS = 3000
_MARK_CHARS = 6


@dataclass(frozen=True)
class Piece:
    """`shows`: all that its HTML depends on; `html` makes it, an element with this `id`."""

    id: str
    shows: Hashable
    html: Callable[[], str]

    @property
    def mark(self) -> str:
        return hashlib.sha256(repr((self.id, self.shows)).encode()).hexdigest()[:_MARK_CHARS]


def marks(pieces: list[Piece]) -> str:
    """What a page with these pieces asks for further ones with."""
    return "".join(piece.mark for piece in pieces)


def stream(
    request: Request, part: Callable[[], str], every_s: float = LOOK_S
) -> StreamingResponse:
    """`part` makes the HTML, in a worker's thread; it is sent when it is another than before."""
    return _response(request, _Whole(part).look, every_s)


def stream_pieces(
    request: Request,
    look: Callable[[], list[Piece]],
    whole: Callable[[list[Piece]], str],
    have: str = "",
    every_s: float = LOOK_S,
) -> StreamingResponse:
    """The same for a part of pieces: `whole` makes all of it; `have` are the marks of those that
    the page came with."""
    return _response(request, _Pieces(look, whole, have).look, every_s)


class _Whole:
    def __init__(self, part: Callable[[], str]) -> None:
        self._part = part
        self._before = b""

    def look(self) -> bytes:
        """The event to send, empty if there is no news."""
        html = self._part()
        mark = hashlib.sha256(html.encode()).digest()
        if mark == self._before:
            return b""
        self._before = mark
        return _event("part", html)


class _Pieces:
    def __init__(
        self,
        look: Callable[[], list[Piece]],
        whole: Callable[[list[Piece]], str],
        have: str,
    ) -> None:
        self._look = look
        self._whole = whole
        self._have = [have[at : at + _MARK_CHARS] for at in range(0, len(have), _MARK_CHARS)]
        self._ids: list[str] | None = None

    def look(self) -> bytes:
        pieces = self._look()
        ids = [piece.id for piece in pieces]
        now = [piece.mark for piece in pieces]
        # Of the page's own pieces only the number is known: were they others, all marks differ.
        alike = ids == self._ids if self._ids is not None else len(now) == len(self._have)
        before, self._have, self._ids = self._have, now, ids
        if not alike:
            return _event("part", self._whole(pieces))
        pairs = zip(pieces, now, before, strict=True)
        changed = [piece for piece, mark, was in pairs if mark != was]
        return _event("pieces", "".join(piece.html() for piece in changed)) if changed else b""


def _event(name: str, html: str) -> bytes:
    lines = "".join(f"data: {line}\n" for line in html.splitlines())
    return f"event: {name}\n{lines}\n".encode()


def _response(
    request: Request, look: Callable[[], bytes], every_s: float
) -> StreamingResponse:
    first = look()  # What there is not is refused before anything is sent.
    return StreamingResponse(
        _events(request, look, every_s, first),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


async def _events(
    request: Request, look: Callable[[], bytes], every_s: float, first: bytes
) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    end_s = loop.time() + _LASTS_S
    told_s = loop.time()
    yield b"retry: %d\n\n" % _RETRY_MS + first
    while loop.time() < end_s and not await request.is_disconnected():
        if not await run_in_threadpool(_is_signed_in, request):
            yield b"event: gone\ndata: \n\n"
            return
        news = await run_in_threadpool(look)
        if news:
            yield news
            told_s = loop.time()
        elif loop.time() - told_s >= _SIGN_OF_LIFE_S:
            yield b"event: alive\ndata: \n\n"
            told_s = loop.time()
        await asyncio.sleep(every_s)


def _is_signed_in(request: Request) -> bool:
    books = request.app.state.books
    token = request.cookies.get(request.app.state.settings.cookie)
    if not token:
        return False
    with books.db.read() as conn:
        return sessions.find(conn, token, books.clock.now_s()) is not None
