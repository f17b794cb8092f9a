"""What a household used in a day, week, month or year, beside the same part of the one before."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from sqlalchemy import Connection

from umeter_station.errors import StationError
from umeter_station.web import language
from umeter_station.web.charts import energy, figures
from umeter_station.web.charts.energy import Source
from umeter_station.web.charts.figures import Asked, Figure
from umeter_station.web.language import gettext as _

STEPS = {"day": "quarter", "week": "day", "month": "day", "year": "month"}
_DAY_S = 86_400
_FIRST_YEAR, _LAST_YEAR = 2000, 2099


@dataclass(frozen=True)
class Period:
    """`first` its first day; from `from_s` on and before `until_s`."""

    span: str
    first: date
    from_s: int
    until_s: int


@dataclass(frozen=True)
class Use:
    """None for what is not known. `percent`: how much more, or less, than `before_wh`, which is of
    the same part of the period before."""

    wh: int | None
    cost_u: int | None
    rates_wh: tuple[int, ...]
    before_wh: int | None
    before_u: int | None
    percent: int | None
    figure: Figure


def period(span: str, at: str, where: tzinfo, now_s: int) -> Period:
    """`at`: a day in it as 2026-11-29, "" for today. Raises StationError."""
    if span not in STEPS:
        raise StationError(_("A period is a day, a week, a month or a year."))
    try:
        day = date.fromisoformat(at) if at else datetime.fromtimestamp(now_s, where).date()
    except ValueError:
        day = None
    if day is None or not _FIRST_YEAR < day.year < _LAST_YEAR:
        raise StationError(_("“%(text)s” is no day; write it as 2026-11-29.") % {"text": at})
    first = _first(span, day)
    return Period(span, first, _midnight_s(first, where), _midnight_s(_next(span, first), where))


def before(now: Period, where: tzinfo) -> Period:
    first = _first(now.span, now.first - timedelta(days=1))
    return Period(now.span, first, _midnight_s(first, where), now.from_s)


def after(now: Period) -> date:
    return _next(now.span, now.first)


def _first(span: str, day: date) -> date:
    if span == "week":
        return day - timedelta(days=day.weekday())
    if span == "month":
        return day.replace(day=1)
    return day.replace(month=1, day=1) if span == "year" else day


def _next(span: str, first: date) -> date:
    days = {"day": 1, "week": 7, "month": 31, "year": 366}[span]
    return _first(span, first + timedelta(days=days))


def _midnight_s(day: date, where: tzinfo) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=where).timestamp())


def title(now: Period) -> str:
    speak = language.current()
    if now.span == "week":
        ends = {"first": speak.day(now.from_s), "last": speak.day(now.until_s - 1)}
        return _("%(first)s to %(last)s") % ends
    if now.span == "month":
        return speak.month(now.from_s)
    return str(now.first.year) if now.span == "year" else speak.day(now.from_s)


def of(
    conn: Connection, sources: tuple[Source, ...], now: Period, where: tzinfo, now_s: int
) -> Use:
    asked = Asked(sources, now.from_s, now.until_s, step=STEPS[now.span])
    drawn = figures.figure(conn, asked, where, now_s)
    # A running month is held against as much of the one before.
    earlier = before(now, where)
    passed_s = min(now.until_s, max(now_s, now.from_s + 1)) - now.from_s
    end_s = min(earlier.from_s + passed_s, earlier.until_s)
    was = energy.columns(conn, where, sources, (earlier.from_s, end_s), now_s, "day")
    wh, before_wh = _total(drawn.data["wh"]), _total(was["wh"])
    percent = None
    # Of a month in whose middle somebody moved in there is nothing to hold against.
    is_whole = all(source.since_s <= earlier.from_s for source in sources)
    if wh is not None and before_wh and is_whole:
        percent = (100 * wh - 100 * before_wh) // before_wh
    return Use(
        wh=wh,
        cost_u=_total(drawn.data["cost_u"] or ()),
        rates_wh=tuple(_total(rate) or 0 for rate in drawn.data["rates"]),
        before_wh=before_wh if is_whole else None,
        before_u=_total(was["cost_u"] or ()) if is_whole else None,
        percent=percent,
        figure=drawn,
    )


def power(
    conn: Connection, sources: tuple[Source, ...], now: Period, where: tzinfo, now_s: int
) -> Figure | None:
    """Of one channel and one day as a line; of today it goes on while one looks."""
    if now.span != "day" or len(sources) != 1 or now.from_s > now_s:
        return None
    is_today = now.until_s > now_s
    span = (now_s - _DAY_S, now_s) if is_today else (now.from_s, now.until_s)
    asked = Asked(sources, *span, "power", is_live=is_today)
    return figures.figure(conn, asked, where, now_s)


def _total(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
