"""A meter's pages: live values and supply, charts, events, orders, settings, and its state."""

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Query, Request
from fastapi.responses import Response
from sqlalchemy import Connection

from umeter_station import meters
from umeter_station.api.deps import LARGEST, BooksDep, Caller, IdPath, MeterPath
from umeter_station.meters import Meter
from umeter_station.models import events as events_table
from umeter_station.ops.jobs import zone
from umeter_station.people import roles
from umeter_station.station import Books
from umeter_station.web import live, route
from umeter_station.web.charts import figures
from umeter_station.web.charts.energy import Source
from umeter_station.web.charts.figures import Asked
from umeter_station.web.guard import page
from umeter_station.web.language import gettext as _
from umeter_station.web.templating import render
from umeter_station.web.watch import channels, event_words, findings, meter_orders, meter_state

router = route.router()

Reader = Annotated[Caller, page("meters:read")]
SettingsReader = Annotated[Caller, page("settings:read")]
OrdersReader = Annotated[Caller, page("orders:read")]
Before = Annotated[int | None, Query(ge=1, le=LARGEST)]
EVENTS = 100
_LOOK_S = 2.0
_DAY_S = 86_400
# How long a chart looks back, by what the reader calls it; the kinds that a range can have.
RANGES = {"day": _DAY_S, "3days": 3 * _DAY_S, "week": 7 * _DAY_S, "month": 31 * _DAY_S}
RANGES |= {"year": 366 * _DAY_S}
_BY_READINGS = ("day", "3days")


def _tabs(who: Caller, meter: str) -> list[tuple[str, str]]:
    """(path, title) of those that the reader may open."""
    base = f"/console/meters/{meter}"
    found = [(base, _("Now")), (f"{base}/usage", _("Charts")), (f"{base}/events", _("Events"))]
    if who.may("orders:read"):
        found.append((f"{base}/orders", _("Orders")))
    if who.may("settings:read"):
        found.append((f"{base}/settings", _("Settings")))
    return [*found, (f"{base}/state", _("Software and logs"))]


def shown(
    request: Request,
    template: str,
    books: Books,
    conn: Connection,
    who: Caller,
    known: Meter,
    status: int = 200,
    **context: Any,
) -> Response:
    """A page of this meter, with its head and tabs."""
    return render(
        request,
        template,
        status,
        known=known,
        site=findings.site_names(conn, [known.meter]).get(known.meter, ""),
        tabs=_tabs(who, known.meter),
        **context,
    )


@router.get("/console/meters/{meter}")
def now(
    meter: MeterPath, request: Request, books: BooksDep, who: Reader, order: Before = None
) -> Response:
    """`order`: one that was just given, to be followed."""
    with books.db.read() as conn:
        known = meters.get(conn, meter)
        followed = meter_orders.one(conn, order) if order and who.may("orders:read") else None
        if followed and followed.command.meter != meter:
            followed = None
        context = _live(books, conn, who, known)
        return shown(
            request, "watch/meter.html", books, conn, who, known, followed=followed, **context
        )


def _live(books: Books, conn: Connection, who: Caller, known: Meter) -> dict[str, Any]:
    seen = channels.live(
        conn,
        known,
        books.clock.now_s(),
        with_findings=who.may("findings:read"),
        with_tenants=who.may("tenants:read"),
    )
    may_decide = who.may("supply:write") and who.role in roles.APPROVERS
    return {"live": seen, "may_decide": may_decide}


@router.get("/live/meters/{meter}")
def now_live(meter: MeterPath, request: Request, books: BooksDep, who: Reader) -> Response:
    templates = request.app.state.templates

    def part() -> str:
        with books.db.read() as conn:
            context = _live(books, conn, who, meters.get(conn, meter))
        return templates.html(request, "watch/_meter_now.html", context)

    return live.stream(request, part, _LOOK_S)


@router.get("/console/meters/{meter}/usage")
def usage(
    meter: MeterPath,
    request: Request,
    books: BooksDep,
    who: Annotated[Caller, page("readings:read")],
    ch: Annotated[int, Query(ge=1, le=meters.MAX_CHANNELS)] = 1,
    kind: Annotated[str, Query(max_length=16)] = "energy",
    last: Annotated[str, Query(max_length=8)] = "week",
) -> Response:
    """One channel at a time."""
    last = last if last in RANGES else "week"
    kind = kind if kind in figures.KINDS else "energy"
    if kind in ("voltage", "current") and last not in _BY_READINGS:
        last = _BY_READINGS[-1]
    with books.db.read() as conn:
        known = meters.get(conn, meter)
        meters.check_channel(known, ch)
        now_s = books.clock.now_s()
        span = max(0, now_s - RANGES[last]), now_s
        asked = Asked((Source(meter, ch),), *span, kind, is_live=True)
        chart = figures.figure(conn, asked, zone(books.config.jobs.timezone), now_s)
        return shown(
            request,
            "watch/meter_usage.html",
            books,
            conn,
            who,
            known,
            ch=ch,
            kind=kind,
            last=last,
            chart=chart,
            lasts=_BY_READINGS if kind in ("voltage", "current") else tuple(RANGES),
            kinds=figures.KINDS,
        )


@router.get("/console/meters/{meter}/events")
def events(
    meter: MeterPath, request: Request, books: BooksDep, who: Reader, before: Before = None
) -> Response:
    e = events_table.c
    query = sa.select(events_table).where(e.meter == meter)
    if before is not None:
        query = query.where(e.n < before)
    with books.db.read() as conn:
        known = meters.get(conn, meter)
        rows = conn.execute(query.order_by(e.n.desc()).limit(EVENTS + 1)).all()
        told = [event_words.told(row) for row in rows[:EVENTS]]
        older = rows[EVENTS - 1].n if len(rows) > EVENTS else None
        return shown(
            request, "watch/meter_events.html", books, conn, who, known, events=told, older=older
        )


@router.get("/console/meters/{meter}/orders")
def orders(
    meter: MeterPath,
    request: Request,
    books: BooksDep,
    who: OrdersReader,
    before: Before = None,
    chores: bool = False,
) -> Response:
    """`chores`: those that the station gives by itself, too."""
    with books.db.read() as conn:
        known = meters.get(conn, meter)
        found, older = meter_orders.of_meter(conn, meter, before, chores)
        return shown(
            request,
            "watch/meter_orders.html",
            books,
            conn,
            who,
            known,
            orders=found,
            older=older,
            chores=chores,
            step_text=meter_orders.step_text,
        )


@router.get("/console/meters/{meter}/settings")
def settings(meter: MeterPath, request: Request, books: BooksDep, who: SettingsReader) -> Response:
    with books.db.read() as conn:
        known = meters.get(conn, meter)
        twin, rows = meter_state.settings(conn, meter)
        return shown(
            request, "watch/meter_settings.html", books, conn, who, known, twin=twin, rows=rows
        )


@router.get("/console/meters/{meter}/state")
def state(meter: MeterPath, request: Request, books: BooksDep, who: Reader) -> Response:
    with books.db.read() as conn:
        known = meters.get(conn, meter)
        found = meter_state.state(conn, known, with_audit=who.may("audit:read"))
        return shown(request, "watch/meter_state.html", books, conn, who, known, state=found)


@router.get("/console/orders/{order_id}/progress")
def order_progress(
    order_id: IdPath, request: Request, books: BooksDep, who: OrdersReader
) -> Response:
    """A part of a page: it asks for itself again until the meter has answered."""
    return progress(request, books, order_id)


def progress(request: Request, books: Books, order_id: int) -> Response:
    with books.db.read() as conn:
        order = meter_orders.one(conn, order_id)
    return render(request, "watch/_order.html", followed=order)
