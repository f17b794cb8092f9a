"""Power that flows back, and what the grid and the loads do to it: A05, A18."""

import numpy as np

from umeter_station.watch.columns import channels_of, fresh, limits, runs
from umeter_station.watch.window import NONE, Sighting, Window

_READINGS = 3


def reverse(window: Window) -> list[Sighting]:
    """A05: energy comes back: generation, or a front end that is wired the wrong way round."""
    events = window.new_events("energy.reverse")
    found = {e.ch: Sighting(e.ch, e.at_s, {"power_w": e.a}) for e in events}
    rows = window.readings
    least_dw = 10 * limits(window, "reverse_w")
    if (
        len(rows) >= _READINGS
        and rows.received_s[-1] > window.since_s
        and (rows.power_dw[-1] <= -least_dw).any()
    ):
        good = fresh(rows, window) & (rows.power_dw != NONE)
        back_dw = np.where(good & (rows.power_dw < 0), -rows.power_dw, 0)
        steady = (back_dw[-_READINGS:] >= least_dw).all(axis=0)
        # 0.1 W for a second is a 36 000th of a watt-hour.
        lasts_s = np.diff(rows.received_s)[:, None]
        back_wh = (back_dw[1:] * lasts_s).sum(axis=0) // 36_000
        for at in channels_of(steady & (back_wh >= limits(window, "reverse_wh"))):
            first = int(np.flatnonzero(back_dw[:, at])[0])
            evidence = {"back_wh": int(back_wh[at]), "power_dw": int(rows.power_dw[-1, at])}
            found[at + 1] = Sighting(at + 1, int(rows.received_s[first]), evidence)
    return list(found.values())


def quality(window: Window) -> list[Sighting]:
    """A18: ten minutes of voltage outside its band, or of a heavy load with a poor power
    factor."""
    rows = window.readings
    if len(rows) < 2:
        return []
    usable = fresh(rows, window) & (rows.voltage_dv != NONE) & (rows.contact == 1)
    voltage = np.where(usable, rows.voltage_dv, NONE)
    return [*_voltage(window, voltage), *_power_factor(window, voltage)]


def _voltage(window: Window, voltage: np.ndarray) -> list[Sighting]:
    rows = window.readings
    grid = voltage.max(axis=1)  # a channel's own fault does not make it higher
    nominal = window.limit("nominal_dv")
    band = nominal * window.limit("voltage_percent") // 100
    out = (grid != NONE) & (np.abs(grid - nominal) > band)
    for first, last in _long_runs(window, out):
        worst = grid[first : last + 1]
        at = int(np.abs(worst - nominal).argmax())
        evidence = {
            "voltage_dv": int(worst[at]),
            "nominal_dv": nominal,
            "span_s": int(rows.received_s[last] - rows.received_s[first]),
        }
        return [Sighting(0, int(rows.received_s[first]), evidence)]
    return []


def _power_factor(window: Window, voltage: np.ndarray) -> list[Sighting]:
    rows = window.readings
    measured = (voltage != NONE) & (rows.current_ma != NONE) & (rows.power_dw != NONE)
    heavy = measured & (rows.power_dw > 10 * limits(window, "pf_w"))
    if not heavy.any():
        return []
    # 0.1 V times 1 mA is a thousandth of 0.1 VA.
    apparent_dva = np.where(measured, voltage, 0) * np.where(measured, rows.current_ma, 0) // 1000
    poor = heavy & (rows.power_dw * 1000 < apparent_dva * limits(window, "pf_permille"))
    found = []
    for at in channels_of(poor.sum(axis=0) >= 2):
        for first, last in _long_runs(window, poor[:, at]):
            evidence = {
                "power_dw": int(rows.power_dw[last, at]),
                "apparent_dva": int(apparent_dva[last, at]),
                "span_s": int(rows.received_s[last] - rows.received_s[first]),
            }
            found.append(Sighting(at + 1, int(rows.received_s[first]), evidence))
            break
    return found


def _long_runs(window: Window, mask: np.ndarray) -> list[tuple[int, int]]:
    times = window.readings.received_s
    return [
        (first, last)
        for first, last in runs(mask, times, 3 * window.report_s)
        if times[last] - times[first] >= window.limit("quality_s") and times[last] > window.since_s
    ]
