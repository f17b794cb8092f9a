"""Calibration against a known load: the order, and the arithmetic of the gain, which is exact."""

import json
from collections.abc import Sequence
from fractions import Fraction

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import meters as known_meters
from umeter_station import orders
from umeter_station.errors import StationError
from umeter_station.models import commands

# By the firmware's order_calibrate; gain in millionths, offset and phase in the chip's steps,
# creep in 0.1 W.
LIMITS = {
    "gain_ppm": (-100_000, 100_000),
    "offset": (-32_767, 32_767),
    "phase": (-32_767, 32_767),
    "creep_dw": (0, 1000),
}
_MILLION = 1_000_000
_MOST_OFF = Fraction(1, 10)
_MOST_SPREAD = Fraction(1, 50)
_STEP_DW = 2  # two readings of a steady load may differ by the last digit, either way
_LEAST_DW = 100


def order(conn: Connection, meter: str, ch: int, values: dict[str, int], now_s: int) -> int:
    """Set what is named of LIMITS, leave the rest; returns the order's id. The answer's "before"
    and "after" have all four, in that order."""
    known_meters.check_channel(known_meters.get(conn, meter), ch)
    if not values or not values.keys() <= LIMITS.keys():
        raise StationError(f"A calibration names one or more of {', '.join(LIMITS)}.")
    for key, value in values.items():
        low, high = LIMITS[key]
        if type(value) is not int or not low <= value <= high:
            raise StationError(f"{key} is {value!r}; it has to be {low} to {high}.")
    return orders.place(conn, meter, "calibrate", {"ch": ch, **values}, now_s)


def last_gain_ppm(conn: Connection, meter: str, ch: int) -> int:
    """What this station last heard of a channel's gain; 0 if nothing."""
    known_meters.get(conn, meter)
    rows = conn.execute(
        sa.select(commands.c.args, commands.c.result)
        .where(commands.c.meter == meter, commands.c.op == "calibrate")
        .where(commands.c.state == "applied")
        .order_by(commands.c.n.desc())
    )
    for args, result in rows:
        gain_ppm = told_gain_ppm(json.loads(result or "{}"), "after")
        if json.loads(args)["ch"] == ch and gain_ppm is not None:
            return gain_ppm
    return 0


def told_gain_ppm(result: dict, when: str) -> int | None:
    """The gain "before" or "after", as the meter's answer has it; None if that is lost."""
    values = result.get(when)
    if isinstance(values, list) and len(values) == len(LIMITS) and type(values[0]) is int:
        return values[0]
    return None


def error(true_w: Fraction, shown_dw: Sequence[int]) -> Fraction:
    """Of the mean of these powers, as a part of the true one."""
    return Fraction(sum(shown_dw), 10 * len(shown_dw)) / true_w - 1


def gain_ppm(true_w: Fraction, shown_dw: Sequence[int], now_ppm: int) -> int:
    """The gain by which the mean would have been true; shown_dw: powers in 0.1 W that were shown
    with the gain now_ppm."""
    raw = Fraction(sum(shown_dw) * _MILLION, len(shown_dw) * (_MILLION + now_ppm))
    return round(true_w * 10 / raw * _MILLION) - _MILLION


def refuse_implausible(ch: int, true_w: Fraction, by_channel: Sequence[Sequence[int]]) -> None:
    """StationError, one sentence, if nobody should calibrate by these readings. by_channel: powers
    in 0.1 W, those of channel 1 first."""
    shown = by_channel[ch - 1]
    if min(shown) < _LEAST_DW:
        raise StationError(
            f"Channel {ch} shows {min(shown) // 10} W; switch the load on, and look whether it is"
            f" at this channel{_elsewhere(ch, true_w, by_channel)}."
        )
    if max(shown) - min(shown) > _STEP_DW + _MOST_SPREAD * min(shown):
        raise StationError(
            f"The load is not steady, it went from {min(shown) // 10} to {max(shown) // 10} W;"
            " take one that only heats, and switch everything else at this channel off."
        )
    if abs(error(true_w, shown)) > _MOST_OFF:
        raise StationError(
            f"Channel {ch} shows {shown[-1] // 10} W, more than 10 % off; no module is as wrong as"
            " that, so look at the load, at the ratio of the current transformer in board.json,"
            f" and at its wires{_elsewhere(ch, true_w, by_channel)}."
        )


def _elsewhere(ch: int, true_w: Fraction, by_channel: Sequence[Sequence[int]]) -> str:
    for other, shown in enumerate(by_channel, 1):
        if other != ch and abs(error(true_w, shown)) <= _MOST_OFF:
            return f"; channel {other} shows {shown[-1] // 10} W"
    return ""
