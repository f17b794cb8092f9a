"""Time in pieces, as people read it: quarter hours, hours, days and months of one time zone.

A day of a zone with summer time has 23 or 25 hours, a month what the calendar says.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

import numpy as np

from umeter_station.errors import StationError

_DAY_S = 86_400
STEPS_S = {"quarter": 900, "hour": 3_600, "day": _DAY_S, "month": 28 * _DAY_S}
# The longest range that each step draws, unless another is asked for.
_UP_TO_S = {"quarter": 3 * _DAY_S, "hour": 21 * _DAY_S, "day": 400 * _DAY_S}
MOST = 1_000
_LONGEST_S = 20 * 366 * _DAY_S


@dataclass(frozen=True, eq=False)
class Buckets:
    """`bounds`: the moments at which they begin, and after them the end of the last one."""

    step: str
    bounds: np.ndarray

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def of(self, at_s: np.ndarray) -> np.ndarray:
        """The number of the bucket that each moment lies in; a bound begins a bucket."""
        return np.searchsorted(self.bounds, at_s, side="right") - 1


def cut(
    from_s: int, until_s: int, where: tzinfo, step: str = "", least_s: int = 900
) -> Buckets:
    """The whole pieces that a range touches. `step` "": as fits the range; `least_s`: no shorter
    ones. Raises StationError for a range that is none, or has more than MOST pieces."""
    if not 0 <= from_s < until_s <= from_s + _LONGEST_S:
        raise StationError("A chart has a beginning, and an end after it, within 20 years.")
    if step and step not in STEPS_S:
        raise StationError(f"A chart's step is {', '.join(STEPS_S)}; {step!r} is none of them.")
    step = step or next((s for s, most in _UP_TO_S.items() if until_s - from_s <= most), "month")
    if STEPS_S[step] < least_s:
        step = next((s for s, long_s in STEPS_S.items() if long_s >= least_s), "day")
    if (until_s - from_s) // STEPS_S[step] > MOST:
        raise StationError(f"A chart has up to {MOST} pieces of time; ask for longer ones.")
    if step in ("quarter", "hour"):
        return Buckets(step, _even(from_s, until_s, where, STEPS_S[step]))
    return Buckets(step, _by_calendar(from_s, until_s, where, step))


def _even(from_s: int, until_s: int, where: tzinfo, long_s: int) -> np.ndarray:
    """From a full hour or quarter of the wall's clock on: some zones are half an hour off."""
    offset = datetime.fromtimestamp(from_s, UTC).astimezone(where).utcoffset()
    shift_s = int(offset.total_seconds())
    first_s = (from_s + shift_s) // long_s * long_s - shift_s
    return np.arange(first_s, until_s + long_s, long_s, dtype=np.int64)


def _by_calendar(from_s: int, until_s: int, where: tzinfo, step: str) -> np.ndarray:
    date = datetime.fromtimestamp(from_s, UTC).astimezone(where).date()
    if step == "month":
        date = date.replace(day=1)
    bounds = []
    while not bounds or bounds[-1] < until_s:
        # A midnight that the clock skips is the moment at which it goes on.
        midnight = datetime(date.year, date.month, date.day, tzinfo=where)
        bounds.append(int(midnight.timestamp()))
        date += timedelta(days=1)
        if step == "month":
            date = (date.replace(day=1) + timedelta(days=31)).replace(day=1)
    return np.array(bounds, np.int64)


def midnight_s(at_s: int, where: tzinfo, days: int = 0) -> int:
    """When the day of this moment began there, or that of so many days later."""
    date = datetime.fromtimestamp(at_s, UTC).astimezone(where).date() + timedelta(days=days)
    return int(datetime(date.year, date.month, date.day, tzinfo=where).timestamp())
