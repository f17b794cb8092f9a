"""/home/usage: what was used, what it cost, and by which tariff."""

from datetime import tzinfo
from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import Response
from sqlalchemy import Connection

from umeter_station.api.deps import BooksDep, Caller
from umeter_station.errors import NotFound
from umeter_station.ops.jobs import zone
from umeter_station.web import route
from umeter_station.web.charts.energy import Source
from umeter_station.web.charts.routes import sources_of
from umeter_station.web.guard import page
from umeter_station.web.language import gettext as _
from umeter_station.web.portal import tariff_words, usage
from umeter_station.web.templating import render

router = route.router("/home/usage")

Reader = Annotated[Caller, page("own:read")]
Short = Annotated[str, Query(max_length=48)]


@router.get("")
def used(
    request: Request,
    books: BooksDep,
    who: Reader,
    channel: Short = "",
    span: Short = "month",
    at: Short = "",
) -> Response:
    """`channel` as m1.2; without one, all of the household's together."""
    where = zone(books.config.jobs.timezone)
    period = usage.period(span, at, where, who.now_s)
    with books.db.read() as conn:
        own = sources_of(conn, who)
        chosen = chosen_of(own, channel)
        found = usage.of(conn, chosen, period, where, who.now_s) if chosen else None
        power = usage.power(conn, chosen, period, where, who.now_s) if chosen else None
        words = _words(conn, chosen, where, who.now_s)
    newer = usage.after(period)
    return render(
        request,
        "portal/usage.html",
        own=own,
        chosen=chosen,
        channel=channel if len(own) > 1 else "",
        period=period,
        title=usage.title(period),
        use=found,
        power=power,
        tariffs=words,
        older=usage.before(period, where).first.isoformat(),
        newer=newer.isoformat() if period.until_s <= who.now_s else "",
    )


def _words(
    conn: Connection, chosen: tuple[Source, ...], where: tzinfo, now_s: int
) -> list[tuple[Source, tariff_words.Words]]:
    found = [
        (each, tariff_words.of(conn, each.meter, each.ch, where, now_s)) for each in chosen
    ]
    return [(each, words) for each, words in found if words is not None]


def chosen_of(own: tuple[Source, ...], channel: str) -> tuple[Source, ...]:
    """All, or the one of this name; NotFound if none of one's own has it."""
    if not channel:
        return own
    for each in own:
        if f"{each.meter}.{each.ch}" == channel:
            return (each,)
    raise NotFound(_("Choose one of your channels."))
