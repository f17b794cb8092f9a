"""Whether the station is there, whether it can do its work, and how it fares."""

import ipaddress
import time
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from umeter_station.api.deps import BooksDep, Caller, Need, Out, address_of, anyone, need_by
from umeter_station.errors import Unavailable
from umeter_station.models import commands, counters, meters
from umeter_station.ops import health
from umeter_station.station import Books

router = APIRouter(tags=["health"])

# An order to a meter that is there, and that nobody has even sent after so long.
OUTBOX_LATE_S = 120
# What a proxy adds: then "this machine" is only where the proxy is.
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")


class Live(Out):
    status: str


class Ready(Out):
    """`missing`: roles of which no process is alive. `outbox_age_s`: of the oldest order that
    nobody has sent to a meter that is there."""

    ready: bool
    database: bool
    missing: list[str]
    outbox_age_s: int


@router.get("/healthz")
def live(_: Annotated[None, anyone("a supervisor has no key", limited=False)]) -> Live:
    """This process answers."""
    return Live(status="live")


@router.get("/readyz", responses={503: {"model": Ready, "description": "Not ready."}})
def ready(
    response: Response,
    books: BooksDep,
    _: Annotated[None, anyone("a supervisor has no key", limited=False)],
) -> Ready:
    """The database can be written, every role has a process, and orders leave the house."""
    found = _ready(books)
    response.status_code = 200 if found.ready else 503
    return found


def _ready(books: Books) -> Ready:
    try:
        with books.db.write() as conn:
            # Changes nothing, but is refused where nothing could be changed.
            conn.execute(sa.update(counters).where(sa.false()).values(count=0))
            # Processes are judged by the machine's clock (ops/models_ops.py).
            processes = health.readiness(conn, int(time.time()))
            c, m = commands.c, meters.c
            oldest = conn.execute(
                sa.select(sa.func.min(c.created_at))
                .join(meters, m.meter == c.meter)
                .where(c.state == "created", c.sent_count == 0, m.presence == "online")
            ).scalar()
    except Unavailable:
        return Ready(ready=False, database=False, missing=[], outbox_age_s=0)
    age_s = 0 if oldest is None else max(0, books.clock.now_s() - oldest)
    return Ready(
        ready=processes.ready and age_s <= OUTBOX_LATE_S,
        database=True,
        missing=list(processes.missing),
        outbox_age_s=age_s,
    )


class _Scraper(Need):
    """Who has a key for it, or asks on this very machine."""

    def admits(self, request: Request) -> Caller | None:
        if any(name in request.headers for name in _FORWARDED):
            return None
        try:
            here = ipaddress.ip_address(address_of(request)).is_loopback
        except ValueError:
            here = False
        if not here or "Authorization" in request.headers:
            return None
        now_s = request.app.state.books.clock.now_s()
        return Caller("system", "scraper", frozenset(self.scopes), now_s)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(
    request: Request, who: Annotated[Caller, need_by(_Scraper("metrics:read"))]
) -> Response:
    """For Prometheus."""
    return Response(request.app.state.metrics.text(), media_type=CONTENT_TYPE_LATEST)
