"""How much is used, next to what is usual: A09, A10, A11. They judge people, not parts: for
information only."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from umeter_station.watch.columns import channels_of, limits
from umeter_station.watch.window import Column, Intervals, Sighting, Window

_DAY_S = 86_400
_WEEKS_S = 28 * _DAY_S
_LIKE_DAYS = 6
_FLOOR_WH = 100  # what differs less is all the same
_MAD = 1.4826
_LEAST_SPREAD = 0.25  # of the logarithm: a quarter up or down is ordinary
_COVERED = 9 / 10
_THIRD = 3
_SPIKE_DAYS = 7
_UNSEEN_PERCENT = 150


def zero(window: Window) -> list[Sighting]:
    """A09: nothing for a week behind a closed contact, where there was something before."""
    profile, rows = window.intervals, window.readings
    if not len(profile) or not len(rows):
        return []
    found = []
    days = limits(window, "zero_days")
    for day_count in np.unique(days):
        from_s = window.now_s - int(day_count) * _DAY_S
        lately = profile.rows(profile.t_end > from_s)
        due = int(day_count) * 1440 // window.profile_min
        if len(lately) < due * _COVERED:
            continue
        idle = (days == day_count) & (rows.contact[-1] == 1)
        idle &= lately.wh.sum(axis=0)[: window.channels] == 0
        if not idle.any():
            continue
        before = [wh for wh in _days(profile, from_s) if wh is not None]
        if not before:
            continue
        usual = _median(np.array(before))[: window.channels]
        idle &= (usual > limits(window, "zero_usual_wh")) & (limits(window, "vacant") == 0)
        for at in channels_of(idle):
            evidence = {"days": int(day_count), "usual_wh_a_day": int(usual[at])}
            found.append(Sighting(at + 1, from_s, evidence))
    return found


def usage(window: Window) -> list[Sighting]:
    """A10: the last 24 hours differ from those before that are alike (working days, or weekends)
    by more than five times their spread. In logarithms, since half is as odd as double."""
    profile = window.intervals
    today = [*_days(profile, window.now_s, 1)]
    weekend = _is_weekend(window.now_s)
    past = [
        wh
        for back, wh in enumerate(_days(profile, window.now_s - _DAY_S, 28), start=1)
        if wh is not None and _is_weekend(window.now_s - back * _DAY_S) == weekend
    ]
    if not today or today[0] is None or len(past) < _LIKE_DAYS:
        return []
    before = np.log(np.array(past) + _FLOOR_WH)
    median = _median(before)
    spread = np.maximum(_MAD * _median(np.abs(before - median)), _LEAST_SPREAD)
    z = (np.log(today[0] + _FLOOR_WH) - median) / spread
    usual = np.exp(median) - _FLOOR_WH
    count = window.channels
    odd = np.abs(z[:count]) * 10 > limits(window, "usage_z")
    odd &= np.abs(today[0] - usual)[:count] >= limits(window, "usage_wh")
    odd &= limits(window, "vacant") == 0
    found = []
    for at in channels_of(odd):
        evidence = {
            "wh": int(today[0][at]),
            "usual_wh": round(float(usual[at])),
            "z_deci": round(float(z[at]) * 10),
            "days": len(past),
        }
        found.append(Sighting(at + 1, window.now_s - _DAY_S, evidence))
    return found


def spike(window: Window) -> list[Sighting]:
    """A11: the highest interval of a day against the third highest, as utilities validate; and
    there was none like it in the weeks before."""
    today = window.intervals.t_end > window.now_s - _DAY_S
    if today.sum() < _DAY_S // 60 // window.profile_min * _COVERED:
        return []
    every = window.intervals.wh[:, : window.channels]
    if len(every) < _SPIKE_DAYS * today.sum():
        return []
    wh = every[today]
    highest, third = np.partition(wh, (-_THIRD, -1), axis=0)[[-1, -_THIRD]]
    limit_wh = np.array(window.limit_w[: window.channels]) * window.profile_min // 60
    over = (highest - third) * 100 > third * limits(window, "spike_percent")
    over &= highest * 2 > limit_wh
    found = []
    for at in channels_of(over):
        row = int(wh[:, at].argmax())
        usual = int(every[~today, at].max(initial=0))
        if highest[at] * 100 > usual * _UNSEEN_PERCENT:
            evidence = {"wh": int(highest[at]), "third_wh": int(third[at]), "before_wh": usual}
            since_s = int(window.intervals.t_end[today][row])
            found.append(Sighting(at + 1, since_s, evidence))
    return found


def _median(rows: np.ndarray) -> np.ndarray:
    return np.sort(rows, axis=0)[len(rows) // 2]


def _is_weekend(until_s: int) -> bool:
    # 1970-01-01 was a Thursday; the day is that of most of the 24 hours.
    return ((until_s - _DAY_S // 2) // _DAY_S + 3) % 7 >= 5


def _days(profile: Intervals, until_s: int, most: int = 28) -> Iterator[Column | None]:
    """Wh by channel of the 24 hours before `until_s`, the 24 before those ..; None where too many
    intervals are missing. With no history at all, nothing."""
    if not len(profile):
        return
    bounds = until_s - np.arange(most + 1) * _DAY_S
    at = np.searchsorted(profile.t_end, bounds, side="right")
    due = 1440 // int(profile.minutes.max() or 15)
    added = np.vstack([np.zeros(profile.wh.shape[1], np.int64), np.cumsum(profile.wh, axis=0)])
    for late, early in pairwise(at):
        if early == 0 and late == 0:
            return
        yield added[late] - added[early] if late - early >= due * _COVERED else None
