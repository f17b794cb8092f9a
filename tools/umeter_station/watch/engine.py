"""The rules over all meters: look without keeping anybody from writing, then write what it comes
to. It may be run as often as one likes; once a minute is meant.
"""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.db import Database
from umeter_station.models_watch import watch_progress
from umeter_station.sql import insert
from umeter_station.station import Books
from umeter_station.watch import load, settle, traffic
from umeter_station.watch.catalog import FAST, HOUR, SLOW
from umeter_station.watch.looks import look
from umeter_station.watch.recent import Recent
from umeter_station.watch.settle import Verdict

_SWEEP_S = 3600
_MOST = 500  # profiles in one look: after a rest of the station not all at once


@dataclass(frozen=True)
class Look:
    """What the rules said, and of which meters the profile was judged."""

    now_s: int
    verdicts: list[Verdict]
    meters: int
    hourly: tuple[str, ...]
    slow: tuple[str, ...]
    since_s: int


_RECENT: WeakKeyDictionary[Database, Recent] = WeakKeyDictionary()


def run(books: Books) -> settle.Outcome:
    """One look at everything; what was found is written in a short transaction of its own."""
    now_s = books.clock.now_s()
    recent = _RECENT.setdefault(books.db, Recent())
    with books.db.read() as conn:
        seen = look_at(conn, now_s, recent)
    with books.db.write() as conn:
        return write(conn, seen)


def run_once(conn: Connection, now_s: int) -> settle.Outcome:
    """The same inside the caller's write transaction, from the database alone."""
    return write(conn, look_at(conn, now_s, Recent()))


def look_at(conn: Connection, now_s: int, recent: Recent) -> Look:
    """Read-only."""
    everything = load.fleet(conn, now_s)
    recent.read(conn, everything.since_s, now_s)
    verdicts: list[Verdict] = []

    def judge(windows, pace: str) -> None:
        for window in windows:
            verdicts.extend(
                Verdict(window.meter, rule, tuple(seen)) for rule, seen in look(window, pace)
            )

    judge(load.fast(everything, recent), FAST)
    hourly = load.due(everything, everything.hour_at, load.HOUR_S)[:_MOST]
    judge(load.hourly(conn, everything, hourly, recent), HOUR)
    slow = load.due(everything, everything.slow_at, load.SLOW_S)[:_MOST]
    judge(load.slow(conn, everything, slow), SLOW)
    return Look(
        now_s=now_s,
        verdicts=verdicts,
        meters=len(everything.rows),
        hourly=tuple(row.meter for row in hourly),
        slow=tuple(row.meter for row in slow),
        since_s=everything.since_s,
    )


def write(conn: Connection, seen: Look) -> settle.Outcome:
    """Inside a write transaction. A look that another one has overtaken writes nothing."""
    p = watch_progress.c
    before_s = conn.execute(sa.select(p.fast_at).where(p.meter == "")).scalar() or 0
    if before_s > seen.now_s:
        return settle.Outcome(0, 0, 0, 0)
    outcome = settle.settle(conn, seen.verdicts, seen.now_s)
    _note_progress(conn, "", fast_at=seen.now_s)
    slow = set(seen.slow)
    for meter in seen.hourly:
        more = {"slow_at": seen.now_s} if meter in slow else {}
        _note_progress(conn, meter, hour_at=seen.now_s, **more)
    for meter in slow - set(seen.hourly):
        _note_progress(conn, meter, slow_at=seen.now_s)
    if seen.now_s // _SWEEP_S != before_s // _SWEEP_S:
        traffic.sweep(conn, seen.now_s)
    return outcome


def _note_progress(conn: Connection, meter: str, **values: int) -> None:
    conn.execute(
        insert(conn, watch_progress)
        .values(meter=meter, **values)
        .on_conflict_do_update(index_elements=["meter"], set_=values)
    )
