"""Registers that cannot be right: A08 stuck, A12 backwards or too fast, A13 not the sum of its
intervals."""

import numpy as np

from umeter_station.watch.columns import channels_of, fresh, limits, new_pairs
from umeter_station.watch.window import Readings, Sighting, Window

_ROUNDING_WH = 2
_CLOCK_NOT_TRUSTED = 1


def stuck(window: Window) -> list[Sighting]:
    """A08: power for half an hour, and the register stands still. The meter says so, too."""
    found = {e.ch: Sighting(e.ch, e.at_s, {}) for e in window.new_events("register.frozen")}
    rows = window.ordered
    if len(rows) >= 2:
        loaded = fresh(rows, window) & (rows.power_dw >= 10 * limits(window, "stuck_w"))
        same = (
            (rows.energy_wh == rows.energy_wh[-1]) & loaded & (rows.boot == rows.boot[-1])[:, None]
        )
        # How many rows, counted from the last one, hold without a break.
        count = np.logical_and.accumulate(same[::-1], axis=0).sum(axis=0)
        first = len(rows) - np.maximum(count, 1)
        span_s = rows.received_s[-1] - rows.received_s[first]
        for at in channels_of((count >= 2) & (span_s >= limits(window, "stuck_s"))):
            evidence = {
                "energy_wh": int(rows.energy_wh[-1, at]),
                "least_power_dw": int(rows.power_dw[first[at] :, at].min()),
                "span_s": int(span_s[at]),
            }
            found[at + 1] = Sighting(at + 1, int(rows.received_s[first[at]]), evidence)
    return list(found.values())


def jump(window: Window) -> list[Sighting]:
    """A12: a register went back by more than a power cut may cost, or ahead by more than the
    channel can draw; or the meter holds such energy back."""
    found = {
        e.ch: Sighting(e.ch, e.at_s, {"held_wh": e.a}) for e in window.new_events("register.jump")
    }
    rows = window.ordered
    if len(rows) >= 2:
        moved = rows.energy_wh[1:] - rows.energy_wh[:-1]
        between_s = _between_s(rows)[:, None]
        most_w = limits(window, "max_w") * limits(window, "jump_percent") // 100
        most_wh = most_w * between_s // 3600 + _ROUNDING_WH
        restarts = (np.diff(rows.boot) > 0)[:, None]
        least_wh = np.where(restarts, -limits(window, "power_cut_wh"), 0)
        wrong = ((moved < least_wh) | (moved > most_wh)) & new_pairs(window, rows)[:, None]
        for at in channels_of(wrong.any(axis=0)):
            row = int(np.flatnonzero(wrong[:, at])[0])
            evidence = {
                "before_wh": int(rows.energy_wh[row, at]),
                "after_wh": int(rows.energy_wh[row + 1, at]),
                "between_s": int(between_s[row, 0]),
                "most_wh": int(most_wh[row, at]),
            }
            found[at + 1] = Sighting(at + 1, int(rows.received_s[row]), evidence)
    return list(found.values())


def _between_s(rows: Readings) -> np.ndarray:
    """By the station's clock, or the meter's if that is more: one of them may have come late."""
    trusted = (rows.clock[:-1] == 1) & (rows.clock[1:] == 1)
    by_meter = np.where(trusted, np.diff(rows.t), 0)
    return np.maximum(np.maximum(np.abs(np.diff(rows.received_s)), by_meter), 1)


def interval_sum(window: Window) -> list[Sighting]:
    """A13: the register moved by other than its intervals' sum.

    No reading falls on an interval's end, so each end lies between two readings: the register then
    was at least the earlier's, at most the later's. What is outside of that is wrong for certain.
    """
    profile, rows = window.intervals, window.anchors
    rows = rows.rows(rows.clock == 1)
    placed = profile.rows((profile.t_end > 0) & (profile.flags & _CLOCK_NOT_TRUSTED == 0))
    if len(rows) < 4:
        return []
    placed = placed.rows((placed.t_end > rows.t[0]) & (placed.t_end <= rows.t[-1]))
    if len(placed) < 3 or np.any(np.diff(placed.n) != 1):
        return []
    ends = [_bracket(rows.t, int(placed.t_end[at])) for at in (0, -1)]
    if None in ends or ends[0][1] >= ends[1][0] or rows.boot[ends[0][0]] > rows.boot[ends[1][1]]:
        return []
    (a, b), (c, d) = ends
    taken = placed.wh[1:].sum(axis=0)[: window.channels]
    least = rows.energy_wh[c] - rows.energy_wh[b]
    most = rows.energy_wh[d] - rows.energy_wh[a]
    spare = limits(window, "interval_wh")
    # What was held back or estimated is booked where it was found, not where it was drawn.
    bits = np.bitwise_or.reduce(placed.quarantined | placed.estimated)
    clear = (bits >> np.arange(window.channels) & 1) == 0
    found = []
    for at in channels_of(clear & ((taken < least - spare) | (taken > most + spare))):
        evidence = {
            "intervals_wh": int(taken[at]),
            "register_least_wh": int(least[at]),
            "register_most_wh": int(most[at]),
            "intervals": len(placed) - 1,
        }
        found.append(Sighting(at + 1, int(placed.t_end[0]), evidence))
    return found


def _bracket(t: np.ndarray, end: int) -> tuple[int, int] | None:
    """The readings right before and after."""
    after = int(np.searchsorted(t, end, side="left"))
    return (after - 1, after) if 0 < after < len(t) else None
