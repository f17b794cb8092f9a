"""Windows for the rules' tests: an hour of a calm meter, of which a test spoils one thing."""

from dataclasses import replace

import numpy as np

from umeter_station.watch.window import Event, Intervals, Readings, Window

NOW_S = 1_800_000_000 - 1_800_000_000 % 86_400 + 10  # a little after midnight, UTC
REPORT_S = 300
CHANNELS = 3
QUARTER_S = 900
DAY_S = 86_400


def readings(count=24, channels=CHANNELS, now_s=NOW_S, **columns):
    """The newest is five seconds old; each channel draws 600 W. `columns` replace whole ones."""
    at = np.arange(count, dtype=np.int64)
    received_s = now_s - 5 - (count - 1 - at) * REPORT_S
    shape = (count, channels)
    made = {
        "received_s": received_s,
        "t": received_s - 1,
        "clock": np.ones(count, np.int64),
        "boot": np.full(count, 4, np.int64),
        "seq": at + 10,
        "energy_wh": np.repeat(1000 + at * 50, channels).reshape(shape),
        "power_dw": np.full(shape, 6000),
        "voltage_dv": np.full(shape, 2300),
        "current_ma": np.full(shape, 2700),
        "balance_u": np.full(shape, 5_000_000),
        "contact": np.ones(shape, np.int64),
        "age_s": np.ones(shape, np.int64),
        "state": np.zeros(shape, np.int64),
    }
    return Readings(**{**made, **columns})


def window(rows=None, **more):
    """Everything of the last hour is new."""
    rows = readings() if rows is None else rows
    made = {
        "meter": "m1",
        "now_s": NOW_S,
        "since_s": NOW_S - 3600,
        "channels": rows.energy_wh.shape[1] if len(rows) else CHANNELS,
        "seen_s": int(rows.received_s[-1]) if len(rows) else NOW_S,
        "report_s": REPORT_S,
        "limit_w": (6000,) * CHANNELS,
        "readings": rows,
    }
    return Window(**{**made, **more})


def spoiled(name, at, value, rows=None):
    """The readings with `value` at one index of the column."""
    rows = rows or readings()
    column = getattr(rows, name).copy()
    column[at] = value
    return replace(rows, **{name: column})


def without(kept, rows=None):
    """Only these readings came."""
    return (rows or readings()).rows(np.asarray(kept))


def event(code, ch=0, ago_s=600, a=0, b=0, n=1):
    return Event(n, NOW_S - ago_s, code, ch, a, b, NOW_S - ago_s)


def intervals(wh, end_s=NOW_S - 10, **columns):
    """`wh` has a row per quarter of an hour, the last of which ends at `end_s`."""
    wh = np.asarray(wh, np.int64)
    count = len(wh)
    padded = np.zeros((count, 8), np.int64)
    padded[:, : wh.shape[1]] = wh
    zeros = np.zeros(count, np.int64)
    made = {
        "n": np.arange(1, count + 1),
        "t_end": end_s - (count - 1 - np.arange(count)) * QUARTER_S,
        "minutes": np.full(count, 15),
        "flags": zeros,
        "quarantined": zeros,
        "estimated": zeros,
        "wh": padded,
    }
    return Intervals(**{**made, **columns})


def usage(days, channels=2, seed=1):
    """Wh of users in quarters of an hour: a base that follows the day, and bursts."""
    random = np.random.default_rng(seed)
    count = days * 96
    day = 60 + 50 * np.sin(np.arange(count)[:, None] * (2 * np.pi / 96))
    bursts = (random.random((count, channels)) < 0.1) * random.uniform(100, 400, (count, channels))
    return np.floor(day + bursts + random.uniform(0, 20, (count, channels))).astype(np.int64)


def with_inlet(users, lost_wh=2, class_error=1.0, seed=2):
    """Channel 1 in front of the users: what they draw, what is lost, and rounding."""
    random = np.random.default_rng(seed)
    total = users.sum(axis=1) * class_error + lost_wh + random.uniform(0, 1, len(users))
    return np.column_stack([np.floor(total), users]).astype(np.int64)


def channels_seen(sightings):
    return [sighting.ch for sighting in sightings]
