"""Rows of the database as the columns of a window, and what a meter's settings say to rules."""

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa

from umeter_station.readings import StoredReading
from umeter_station.watch.window import NONE, Intervals, Readings

_PROFILE_CHANNELS = 8
_P_MAX_W = 25_000
_HEAD = ("received_at", "t", "clock", "boot", "seq")
_BODY = (
    *("energy_wh", "power_dw", "voltage_dv", "current_ma"),
    *("balance_u", "contact", "age_s", "state"),
)


@dataclass(frozen=True)
class Setup:
    """What a meter reported of its settings, as far as rules ask; `channels` of its profile."""

    channels: int
    report_s: int
    inlet_ch: int
    profile_min: int
    limit_w: tuple[int, ...]


@functools.lru_cache(maxsize=200_000)
def setup(settings: str, channels: int) -> Setup:
    """The settings change rarely: each text is read once."""
    told = json.loads(settings)

    def number(key: str, default: int) -> int:
        value = told.get(key)
        return value if type(value) is int else default

    count = min(channels, _PROFILE_CHANNELS) or _PROFILE_CHANNELS
    common_w = number("limit_w", 0)
    limits = (number(f"ch.{ch}.limit_w", common_w) for ch in range(1, count + 1))
    inlet = number("inlet_ch", 0)
    return Setup(
        channels=count,
        report_s=max(5, number("report_s", 60)),
        inlet_ch=inlet if 0 < inlet <= count and count > 1 else 0,
        profile_min=max(1, number("profile_min", 15)),
        limit_w=tuple(limit or _P_MAX_W for limit in limits),
    )


def to_intervals(rows: Sequence[sa.Row]) -> tuple[Intervals, np.ndarray]:
    """(the intervals, when each came in)"""
    if not rows:
        return Intervals(), np.empty(0, np.int64)
    table = np.array([tuple(row) for row in rows], np.int64)
    return Intervals(*(table[:, i] for i in range(6)), table[:, 7:]), table[:, 6]


def to_readings(stored: Sequence[StoredReading], channels: int) -> Readings:
    """The first `channels` of each."""
    if not stored:
        return Readings()
    heads = np.array([[getattr(r, name) for name in _HEAD] for r in stored], np.int64)
    columns = [[[_value(r, at, name) for at in range(channels)] for name in _BODY] for r in stored]
    body = np.array(columns, np.int64)
    return Readings(
        *(heads[:, i] for i in range(len(_HEAD))), *(body[:, i] for i in range(len(_BODY)))
    )


def _value(reading: StoredReading, at: int, name: str) -> int:
    value = reading.channels[at][name] if at < len(reading.channels) else None
    return NONE if value is None else value
