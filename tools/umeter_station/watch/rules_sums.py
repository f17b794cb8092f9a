"""A03: what goes in and is not metered. Inlet and channels are read by one board at one time, so
their difference needs no training: only the errors their class allows, and what the board takes.
"""

import numpy as np

from umeter_station.watch.columns import clean, inlet_and_others, runs
from umeter_station.watch.fit import Fit, fit
from umeter_station.watch.window import Column, Intervals, Sighting, Window

_INTERVALS = 3
_LEARN_ROWS = 480  # five days of quarter-hours
_LEARN_S = 21 * 86_400
_RECENT_S = 2 * 86_400
_GUARD_S = 6 * 3600  # a finding began earlier than it was seen
_SLACK_PPM = 3000  # a front end's error is not the same at every load
_LEAST_Z = 0.5


def unmetered(window: Window) -> list[Sighting]:
    """A03 by every interval: three running with a difference beyond what class, own use and
    rounding explain; or the meter has said so itself."""
    if not window.inlet_ch:
        return []
    profile = clean(window.intervals, window)
    if len(profile) >= _INTERVALS:
        total, others = inlet_and_others(profile, window)
        lost = total - others.sum(axis=1)
        own_wh = window.limit("own_use_w") * window.profile_min // 60
        allowed = 2 * window.limit("class_ppm") * total // 1_000_000 + others.shape[1] + 1
        for mask in (lost > allowed + own_wh, lost < -allowed):
            for first, last in runs(mask, profile.t_end, window.profile_min * 60):
                long = last - first + 1 >= _INTERVALS
                if long and profile.t_end[last] > window.since_s:
                    return [_big(profile, lost, total, first, last, window)]
    for event in window.new_events("energy.unmetered"):
        return [Sighting(0, event.at_s, {"mean_w": event.a, "percent": event.b})]
    return []


def _big(
    profile: Intervals, lost: Column, total: Column, first: int, last: int, window: Window
) -> Sighting:
    part = slice(first, last + 1)
    evidence = {
        "lost_wh": int(lost[part].sum()),
        "inlet_wh": int(total[part].sum()),
        "intervals": last - first + 1,
    }
    return Sighting(0, int(profile.t_end[first]) - window.profile_min * 60, evidence)


def drift(window: Window) -> list[Sighting]:
    """A03 by a CUSUM: the difference of the last days, less what the weeks before let expect, adds
    up to more than chance. Finds a small loss if only it is steady."""
    if not window.inlet_ch:
        return []
    profile = clean(window.intervals, window)
    begun_s = min(
        (window.open_since[rule] for rule in window.open_since if rule[0] in ("A03", "A04")),
        default=window.now_s,
    )
    recent_s = window.now_s - _RECENT_S
    learn_until_s = min(recent_s, begun_s - _GUARD_S)
    learned = (profile.t_end <= learn_until_s) & (profile.t_end > learn_until_s - _LEARN_S)
    for from_s, until_s in window.spoiled:
        learned &= (profile.t_end <= from_s - _GUARD_S) | (profile.t_end > until_s + _GUARD_S)
    recent = profile.t_end > recent_s
    if learned.sum() < _LEARN_ROWS or not recent.any():
        return []
    total, others = inlet_and_others(profile, window)
    lost = (total - others.sum(axis=1)).astype(float)
    model = fit(others[learned], lost[learned], profile.t_end[learned])
    if model is None:
        return []
    return _cusum(window, profile.rows(recent), total[recent], others[recent], lost[recent], model)


def _cusum(
    window: Window, rows: Intervals, total: Column, others: Column, lost: Column, model: Fit
) -> list[Sighting]:
    expected, uncertain = model.predict(others, rows.t_end)
    off = lost - expected
    drift_wh = window.limit("sum_drift_w") * window.profile_min / 60
    slack = drift_wh / 2 + total * (_SLACK_PPM / 1e6) + 3 * uncertain
    slack = np.maximum(slack, _LEAST_Z * model.sigma)
    high = window.limit("sum_cusum_h") / 10
    for sign in (1, -1):
        steps = (sign * off - slack) / model.sigma
        added = np.cumsum(steps)
        height = added - np.minimum(np.minimum.accumulate(added), 0)
        # What was over long ago is no news: the end of the curve counts.
        if height[-1] <= high or steps[-4:].mean() <= 0:
            continue
        first = int(np.flatnonzero(height <= 0)[-1]) + 1 if (height <= 0).any() else 0
        part = slice(first, None)
        evidence = {
            "lost_wh": round(float(off[part].sum())),
            "inlet_wh": int(total[part].sum()),
            "intervals": len(rows) - first,
            "height_deci_sigma": round(float(height[-1]) * 10),
            "sigma_mwh": round(model.sigma * 1000),
        }
        return [Sighting(0, int(rows.t_end[first]) - window.profile_min * 60, evidence)]
    return []
