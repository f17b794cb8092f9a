"""Where the charts' script gets its numbers: with the rights, and the limits, of the pages."""

from typing import Annotated

from fastapi import Depends, Query
from fastapi.responses import JSONResponse, Response
from sqlalchemy import Connection

from umeter_station.api.deps import BooksDep, Caller, ChPath, MeterPath
from umeter_station.ops.jobs import zone
from umeter_station.people import tenants
from umeter_station.station import Books
from umeter_station.web import route
from umeter_station.web.charts import figures
from umeter_station.web.charts.energy import Source
from umeter_station.web.charts.figures import Asked
from umeter_station.web.guard import page

router = route.router("/charts")
_LATEST_S = 1 << 40


class Wanted:
    """What of a channel: from when until when, or the last so many seconds."""

    def __init__(
        self,
        from_s: Annotated[int, Query(ge=0, le=_LATEST_S)] = 0,
        until_s: Annotated[int, Query(ge=0, le=_LATEST_S)] = 0,
        last_s: Annotated[int, Query(ge=0, le=_LATEST_S)] = 0,
        kind: str = "energy",
        step: str = "",
    ) -> None:
        self.from_s, self.until_s, self.last_s = from_s, until_s, last_s
        self.kind, self.step = kind, step

    def of(self, sources: tuple[Source, ...], now_s: int) -> Asked:
        span = (now_s - self.last_s, now_s) if self.last_s else (self.from_s, self.until_s)
        return Asked(sources, *span, self.kind, self.step, bool(self.last_s))


@router.get("/own.json")
def own(
    books: BooksDep,
    who: Annotated[Caller, page("own:read")],
    wanted: Annotated[Wanted, Depends()],
) -> Response:
    """All channels of a tenant together."""
    with books.db.read() as conn:
        return _answer(books, conn, wanted.of(sources_of(conn, who), who.now_s), who)


@router.get("/{meter}/{ch}.json")
def one(
    books: BooksDep,
    meter: MeterPath,
    ch: ChPath,
    who: Annotated[Caller, page("readings:read", "own:read")],
    wanted: Annotated[Wanted, Depends()],
) -> Response:
    with books.db.read() as conn:
        source = source_of(conn, who, meter, ch)
        return _answer(books, conn, wanted.of((source,), who.now_s), who)


def source_of(conn: Connection, who: Caller, meter: str, ch: int) -> Source:
    """A channel that the caller may see, and from when on; NotFound if they may not."""
    who.check_channel(conn, meter, ch)
    return Source(meter, ch, who.since_s(conn, meter, ch))


def sources_of(conn: Connection, who: Caller) -> tuple[Source, ...]:
    """All that a tenant has now."""
    found = sorted(tenants.channels_of(conn, who.tenant_id or 0, who.now_s))
    return tuple(source_of(conn, who, meter, ch) for meter, ch in found)


def _answer(books: Books, conn: Connection, asked: Asked, who: Caller) -> Response:
    where = zone(books.config.jobs.timezone)
    return JSONResponse(figures.columns(conn, asked, where, who.now_s))
