"""What a rule sees of one meter: columns of integers over time, the oldest first.

Nothing here knows a database: the station fills these from its tables (load.py), the simulator
from its site. NONE stands for what a front end does not measure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from umeter_station.watch.limits import Thresholds

Column = np.ndarray  # of int64; over time, or over time and channels
NONE = -(2**62)


def _none() -> Column:
    return np.empty(0, np.int64)


def _no_rows() -> Column:
    return np.empty((0, 8), np.int64)


@dataclass(frozen=True, eq=False)
class Readings:
    """One row per reading, one column per channel. `t` and `clock` are the meter's own,
    `received_s` the station's. Readings that came late stay where they came in."""

    received_s: Column = field(default_factory=_none)
    t: Column = field(default_factory=_none)
    clock: Column = field(default_factory=_none)
    boot: Column = field(default_factory=_none)
    seq: Column = field(default_factory=_none)
    energy_wh: Column = field(default_factory=_no_rows)
    power_dw: Column = field(default_factory=_no_rows)
    voltage_dv: Column = field(default_factory=_no_rows)
    current_ma: Column = field(default_factory=_no_rows)
    balance_u: Column = field(default_factory=_no_rows)
    contact: Column = field(default_factory=_no_rows)
    age_s: Column = field(default_factory=_no_rows)
    state: Column = field(default_factory=_no_rows)

    def __len__(self) -> int:
        return len(self.received_s)

    def rows(self, part: slice | Column) -> "Readings":
        return Readings(*(getattr(self, name)[part] for name in self.__dataclass_fields__))


@dataclass(frozen=True, eq=False)
class Intervals:
    """The load profile: `wh` has a row per interval, a column per channel; `quarantined` and
    `estimated` have bit 0 for channel 1."""

    n: Column = field(default_factory=_none)
    t_end: Column = field(default_factory=_none)
    minutes: Column = field(default_factory=_none)
    flags: Column = field(default_factory=_none)
    quarantined: Column = field(default_factory=_none)
    estimated: Column = field(default_factory=_none)
    wh: Column = field(default_factory=_no_rows)

    def __len__(self) -> int:
        return len(self.n)

    def rows(self, part: slice | Column) -> "Intervals":
        return Intervals(*(getattr(self, name)[part] for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Event:
    """`at_s` is when it happened, by the meter's clock if that could be trusted, else when it
    came in; `came_s` is always that."""

    n: int
    at_s: int
    code: str
    ch: int
    a: int
    b: int
    came_s: int


@dataclass(frozen=True)
class Order:
    """An order that is open, or whose fate is unclear."""

    id: int
    op: str
    state: str
    created_s: int
    exp_s: int


@dataclass(frozen=True)
class Twins:
    """Something of `boot` came, by its own time, after something of `newer_boot`."""

    boot: int
    newer_boot: int
    last_s: int
    times: int


@dataclass(frozen=True)
class Difference:
    """A setting that is not as desired: waiting, refused or differs, `since_s`."""

    key: str
    state: str
    since_s: int


@dataclass(frozen=True)
class Money:
    """One channel: what ledger and meter say of the credit; `agrees` weighs what is on its
    way."""

    ch: int
    credited_u: int
    credited_total_u: int
    in_transit_u: int
    told_u: int
    agrees: bool


@dataclass(frozen=True)
class Traffic:
    """What the meter sent in the last `span_s` seconds, and what of it was there already."""

    span_s: int = 0
    messages: int = 0
    repeated: int = 0


@dataclass(frozen=True, eq=False)
class Window:
    """`readings` and `events` are those since `since_s`, the last time the meter was judged, and
    a few before them; `intervals` what the rule's pace calls for: hours or weeks; `anchors` the
    readings next to the first and the last interval's end. `open_since`: (rule, ch) of findings
    that are not closed, and when they began. `spoiled`: (from, until) of findings by which sums of
    energy were wrong. `limit_w`: the most each channel may draw. `moves`: how often each contact
    has moved in its life."""

    meter: str
    now_s: int
    since_s: int = 0
    channels: int = 8
    presence: str = "online"
    seen_s: int = 0
    report_s: int = 60
    inlet_ch: int = 0
    profile_min: int = 15
    limit_w: tuple[int, ...] = (25_000,) * 8
    readings: Readings = field(default_factory=Readings)
    intervals: Intervals = field(default_factory=Intervals)
    anchors: Readings = field(default_factory=Readings)
    events: tuple[Event, ...] = ()
    orders: tuple[Order, ...] = ()
    differences: tuple[Difference, ...] = ()
    money: tuple[Money, ...] = ()
    traffic: Traffic = Traffic()
    twins: tuple[Twins, ...] = ()
    moves: tuple[int, ...] = ()
    open_since: Mapping[tuple[str, int], int] = field(default_factory=dict)
    spoiled: tuple[tuple[int, int], ...] = ()
    limits: Thresholds = field(default_factory=Thresholds)

    @cached_property
    def ordered(self) -> Readings:
        """The readings as the meter made them, whatever order they came in."""
        boot, seq = self.readings.boot, self.readings.seq
        later = (boot[1:] > boot[:-1]) | ((boot[1:] == boot[:-1]) & (seq[1:] > seq[:-1]))
        return self.readings if later.all() else self.readings.rows(np.lexsort((seq, boot)))

    def limit(self, name: str, ch: int = 0) -> int:
        """A rule's threshold for this channel."""
        return self.limits.get(name, ch)

    def new_events(self, *codes: str) -> list[Event]:
        return [e for e in self.events if e.came_s > self.since_s and e.code in codes]


@dataclass(frozen=True)
class Sighting:
    """What a rule saw once: about a channel, or the whole meter (0), since `since_s`.
    `evidence` has the numbers it went by; `severity` if it is not the rule's usual one."""

    ch: int
    since_s: int
    evidence: dict[str, Any]
    severity: str | None = None
