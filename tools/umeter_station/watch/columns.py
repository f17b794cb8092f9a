"""What rules do with columns of integers over time."""

import functools
from collections.abc import Iterator

import numpy as np

from umeter_station.watch.limits import TABLE
from umeter_station.watch.window import NONE, Column, Intervals, Readings, Window

_FRESH_S = 60


def new_pairs(window: Window, readings: Readings) -> Column:
    """Of readings that follow each other: has the later one not been judged yet?"""
    return readings.received_s[1:] > window.since_s


def fresh(readings: Readings, window: Window) -> Column:
    """Was the front end heard when the reading was made? An old power says nothing about now."""
    age_s = readings.age_s
    return (age_s != NONE) & (age_s <= max(_FRESH_S, window.report_s))


def channels_of(found: Column) -> Iterator[int]:
    """Indexes of the channels, or of the places, where `found` holds."""
    return (int(at) for at in found.nonzero()[0])


def runs(mask: Column, times: Column, widest_s: int) -> Iterator[tuple[int, int]]:
    """(first, last) index of each run of `mask`, which a gap wider than `widest_s` ends, too."""
    if not mask.any():
        return
    at = np.flatnonzero(mask)
    breaks = np.flatnonzero((np.diff(at) > 1) | (np.diff(times[at]) > widest_s)) + 1
    for part in np.split(at, breaks):
        yield int(part[0]), int(part[-1])


def limits(window: Window, name: str) -> Column:
    """A threshold of every channel."""
    if name not in window.limits.names:
        return _defaults(name, window.channels)
    return np.array([window.limit(name, ch) for ch in range(1, window.channels + 1)], np.int64)


@functools.cache
def _defaults(name: str, channels: int) -> Column:
    return np.full(channels, TABLE[name].default, np.int64)


def clean(intervals: Intervals, window: Window) -> Intervals:
    """Those of full length, by a clock that could be trusted, that nothing was estimated in."""
    good = (
        (intervals.flags == 0)
        & (intervals.t_end > 0)
        & (intervals.minutes == window.profile_min)
        & (intervals.estimated == 0)
        & (intervals.quarantined == 0)
    )
    return intervals if good.all() else intervals.rows(good)


def inlet_and_others(intervals: Intervals, window: Window) -> tuple[Column, Column]:
    """(Wh that went in, Wh of each channel behind the inlet)."""
    inlet = window.inlet_ch - 1
    others = [ch for ch in range(window.channels) if ch != inlet]
    return intervals.wh[:, inlet], intervals.wh[:, others]


def behind(window: Window) -> list[int]:
    """Numbers of the channels behind the inlet, as inlet_and_others() has them."""
    return [ch for ch in range(1, window.channels + 1) if ch != window.inlet_ch]
