"""Live pages: server-sent events that carry a part of the page anew whenever it has changed.

The page names the parts as `<div data-live="/live/...">`; what comes replaces what it holds. A
browser that lost the connection asks again by itself, and says meanwhile how old its data is.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable

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


def stream(
    request: Request, part: Callable[[], str], every_s: float = LOOK_S
) -> StreamingResponse:
    """`part` makes the HTML, in a worker's thread; it is sent when it is another than before."""
    return StreamingResponse(
        _events(request, part, every_s),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


async def _events(
    request: Request, part: Callable[[], str], every_s: float
) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    end_s = loop.time() + _LASTS_S
    told_s, before = loop.time(), b""
    yield b"retry: %d\n\n" % _RETRY_MS
    while loop.time() < end_s and not await request.is_disconnected():
        if not await run_in_threadpool(_is_signed_in, request):
            yield b"event: gone\ndata: \n\n"
            return
        html = await run_in_threadpool(part)
        mark = hashlib.sha256(html.encode()).digest()
        if mark != before:
            lines = "".join(f"data: {line}\n" for line in html.splitlines())
            yield f"event: part\n{lines}\n".encode()
            told_s, before = loop.time(), mark
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
