"""A quantity over time as a line: out of the readings for days, and of power out of the load
profile for longer."""

from collections.abc import Iterable
from datetime import tzinfo
from typing import Any

import numpy as np
from sqlalchemy import Connection

from umeter_station import meters, readings
from umeter_station.errors import StationError
from umeter_station.readings import StoredReading
from umeter_station.watch.profile import setup
from umeter_station.web.charts.buckets import cut
from umeter_station.web.charts.energy import Source, profile

# What can be drawn: the column of a reading.
LINES = {"power": "power_dw", "voltage": "voltage_dv", "current": "current_ma"}
POINTS = 720
_DAY_S = 86_400
_LATE_S = 3_600
FROM_READINGS_S = 3 * _DAY_S
_PATIENCE = 3  # readings that may be missing before the line breaks
_AROUND = 5  # readings before and after a silence tell how often the meter reported then
_DW_PER_WH_S = 36_000  # 0.1 W in which a Wh takes a second


def columns(
    conn: Connection, where: tzinfo, source: Source, span: tuple[int, int], kind: str
) -> dict[str, Any]:
    """`t` and `value` (in the unit of the readings' column; None: a gap), `high` the largest of
    what each point stands for. Raises StationError for a range too long for its kind."""
    from_s, until_s = max(span[0], source.since_s), span[1]
    if until_s - from_s <= FROM_READINGS_S:
        known = meters.get(conn, source.meter)
        report_s = setup(known.settings, known.channels).report_s
        found = readings.between(conn, source.meter, from_s, until_s + _LATE_S)
        points = _points(found, source.ch, LINES[kind], (from_s, until_s))
        t, value, high = _thinned(points, (from_s, until_s), report_s)
    elif kind == "power":
        t, value, high = _mean_power(conn, where, source, (from_s, until_s))
    else:
        days = FROM_READINGS_S // _DAY_S
        raise StationError(f"The {kind} is drawn for up to {days} days; ask for fewer.")
    return {"kind": kind, "t": t, "value": value, "high": high, "from": span[0], "end": span[1]}


def _points(
    found: Iterable[StoredReading], ch: int, name: str, span: tuple[int, int]
) -> np.ndarray:
    """Rows (when, value), in the order of time: as the meter's clock says, if that is set."""
    rows = []
    for reading in found:
        at_s = reading.t if reading.clock else reading.received_at
        if span[0] <= at_s < span[1] and ch <= len(reading.channels):
            value = reading.channels[ch - 1][name]
            if value is not None:
                rows.append((at_s, value))
    table = np.array(sorted(rows), np.int64)
    return table.reshape(-1, 2)


def _thinned(
    points: np.ndarray, span: tuple[int, int], report_s: int
) -> tuple[list[int], list[int | None], list[int | None]]:
    """At most POINTS of them, each the mean of those in one piece of time; after a silence a
    None."""
    if not len(points):
        return [], [], []
    each_s = max(1, -(-(span[1] - span[0]) // POINTS))
    at = (points[:, 0] - span[0]) // each_s
    starts = np.flatnonzero(np.diff(at, prepend=-1))
    count = np.diff([*starts, len(points)])
    # Rounded, halves up.
    mean = (2 * np.add.reduceat(points[:, 1], starts) + count) // (2 * count)
    high = np.maximum.reduceat(points[:, 1], starts)
    last = points[np.append(starts[1:], len(points)) - 1, 0]
    patience_s = max(_PATIENCE * report_s, each_s)
    t: list[int] = []
    value: list[int | None] = []
    most: list[int | None] = []
    for i, first_s in enumerate(points[starts, 0].tolist()):
        silent_s = first_s - int(last[i - 1]) if i else 0
        if silent_s > patience_s and silent_s > _PATIENCE * _usual_s(points[:, 0], starts[i]):
            t.append(int(last[i - 1]) + 1)
            value.append(None)
            most.append(None)
        t.append(first_s)
        value.append(int(mean[i]))
        most.append(int(high[i]))
    return t, value, most


def _usual_s(when: np.ndarray, at: int) -> float:
    """How long the steps around the one that ends there take: a meter that reports more seldom or
    more often by now had another pace then."""
    before = np.diff(when[max(0, at - 1 - _AROUND) : at])
    after = np.diff(when[at : at + 1 + _AROUND])
    return max((float(np.median(each)) for each in (before, after) if len(each)), default=0)


def _mean_power(
    conn: Connection, where: tzinfo, source: Source, span: tuple[int, int]
) -> tuple[list[int], list[int | None], list[int | None]]:
    buckets = cut(*span, where)
    rows = profile(conn, source, *span)
    covers = rows.end_s > rows.start_s
    start_s, end_s, wh = rows.start_s[covers], rows.end_s[covers], rows.wh[covers]
    at = buckets.of((start_s + end_s) // 2)
    energy, covered = np.zeros(len(buckets), np.int64), np.zeros(len(buckets), np.int64)
    high = np.zeros(len(buckets), np.int64)
    np.add.at(energy, at, wh)
    np.add.at(covered, at, end_s - start_s)
    np.maximum.at(high, at, wh * _DW_PER_WH_S // (end_s - start_s))
    known = covered > 0
    mean = energy * _DW_PER_WH_S // np.where(known, covered, 1)
    return (
        buckets.bounds[:-1].tolist(),
        [int(v) if k else None for v, k in zip(mean, known, strict=True)],
        [int(v) if k else None for v, k in zip(high, known, strict=True)],
    )
