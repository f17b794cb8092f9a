"""A04: whose energy is not metered. What the sum check leaves over is explained by the channels'
own ups and downs: the one it follows is bypassed, or its front end is wrong."""

from umeter_station.watch.columns import behind, clean, inlet_and_others
from umeter_station.watch.fit import Fit, fit
from umeter_station.watch.window import Column, Intervals, Sighting, Window

_DAY_S = 86_400
_DAYS = (1, 3, 7)
_LEAST_ROWS = 40  # ten hours
_LEAST_SHARE_OF_ROWS = 3 / 4
_MOST_ERROR = 0.05  # of a share: a channel that hardly changes proves nothing
_WITNESSES, _FEW_WITNESSES = 8, 2
_EXPLAINED = 1.5  # times the rounding of whole watt-hours


def localise(window: Window) -> list[Sighting]:
    """Of the time since the sum check saw a loss, of one day or more: a share beyond the limit by
    more than its error allows for, which the last day, as far as it can tell, does not
    contradict."""
    if not window.inlet_ch:
        return []
    profile = clean(window.intervals, window)
    spans = ((length_s, _since(window, profile, length_s)) for length_s in _spans(window))
    fits = [(length_s, model) for length_s, model in spans if model is not None]
    if not fits:
        return []
    least = window.limit("localise_ppm") / 1e6
    sigmas = window.limit("localise_sigma") / 10
    found = []
    for index, ch in enumerate(behind(window)):
        newest = fits[0][1]
        for length_s, model in fits:
            share, error = float(model.shares[index]), float(model.errors[index])
            sign = 1 if share > 0 else -1
            last = sign * float(newest.shares[index]) + 2 * float(newest.errors[index])
            if sign * share - sigmas * error <= least or last <= least:
                continue
            if error <= _MOST_ERROR and _is_sound(model, index, length_s):
                evidence = {
                    "share_ppm": round(share * 1e6),
                    "error_ppm": round(error * 1e6),
                    "intervals": model.rows,
                }
                found.append(Sighting(ch, window.now_s - length_s, evidence))
                break
    return found


def _spans(window: Window) -> list[int]:
    """How far to look back, seconds, the shortest first."""
    begun_s = window.open_since.get(("A03", 0), window.now_s)
    lost_s = window.now_s - begun_s
    lately = [lost_s] if lost_s < _DAY_S else []
    return lately + [days * _DAY_S for days in _DAYS]


def _is_sound(model: Fit, index: int, length_s: int) -> bool:
    """If all but rounding is explained, the model is right. Else something else is at work, too:
    then many intervals have to say the same, and none of days ago."""
    rounding_wh = ((len(model.shares) + 1) / 6) ** 0.5
    few = model.sigma <= _EXPLAINED * rounding_wh
    if few:
        return model.witnesses(index) >= _FEW_WITNESSES
    return length_s <= _DAY_S and model.witnesses(index) >= _WITNESSES


def _since(window: Window, profile: Intervals, length_s: int) -> Fit | None:
    rows: Column = profile.t_end > window.now_s - length_s
    due = length_s // (60 * window.profile_min)
    if rows.sum() < max(due * _LEAST_SHARE_OF_ROWS, _LEAST_ROWS):
        return None
    part = profile.rows(rows)
    total, others = inlet_and_others(part, window)
    lost = (total - others.sum(axis=1)).astype(float)
    return fit(others, lost, part.t_end)
