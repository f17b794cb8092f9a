"""What the firmware adds to the error of a metering chip.

At the load points of IEC 62053-21 (class 1: 0.05 Ib to Imax, power factor 1, 0.5 inductive, 0.8
capacitive), at the starting current, and in a day without load. The chips are simulated at
register level with their noise and their steps; what is told is the difference between the
register that users pay for and the energy that flowed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.table import Table

from umeter_sim.front_boards import BOARDS
from umeter_sim.front_rig import UNITS_PER_WH, FrontRig

VOLTS = 230
IB_MA = 5000
START_MA = 20  # 0.004 Ib
RUN_MS = 3600 * 1000
CREEP_MS = 24 * 3600 * 1000
CREEP_TICK_MS = 2000
ALLOWED_WH = 1
_TITLE = "mWh that the firmware added in an hour"
NOISE = 10  # of each reading, 0.1 per mille


@dataclass(frozen=True)
class Point:
    """A load: current in mA (0: none), power factor in per mille and its name."""

    name: str
    current_ma: int
    factor: int
    factor_name: str

    @property
    def load(self) -> list[int]:
        apparent_dva = VOLTS * self.current_ma // 100
        return [apparent_dva * self.factor // 1000, apparent_dva]


@dataclass(frozen=True)
class Result:
    """What one channel booked at a point, 0.1 W x ms."""

    kind: str
    point: Point
    drawn: int
    booked: int

    @property
    def error_wh(self) -> float:
        return (self.booked - self.drawn) / UNITS_PER_WH

    @property
    def added_percent(self) -> float:
        """Beyond the 1 Wh that every settlement may be off."""
        if not self.drawn:
            return 100.0 if self.booked else 0.0
        beyond = max(0, abs(self.booked - self.drawn) - ALLOWED_WH * UNITS_PER_WH)
        return 100 * beyond / self.drawn


def points(most_ma: int) -> list[Point]:
    """The load points up to a front end's Imax."""
    ends = [("Ib", IB_MA), ("Imax", most_ma)]
    ones = [("0.05 Ib", IB_MA // 20), ("0.1 Ib", IB_MA // 10), *ends]
    others = [("0.1 Ib", IB_MA // 10), ("0.2 Ib", IB_MA // 5), *ends]
    made = [Point(name, ma, 1000, "1") for name, ma in ones]
    for factor, factor_name in ((500, "0.5 ind"), (800, "0.8 cap")):
        made += [Point(name, ma, factor, factor_name) for name, ma in others]
    return [*made, Point("start 0.004 Ib", START_MA, 1000, "1"), Point("no load", 0, 1000, "-")]


def measure(kind: str, run_ms: int = RUN_MS, seed: int = 1) -> list[Result]:
    """All points of one front end."""
    document, most_ma = BOARDS[kind]
    rest = points(most_ma)
    channels = len(document["channels"])
    results = []
    while rest:
        batch, rest = rest[:channels], rest[channels:]
        rig = _noisy(FrontRig(document, [point.load for point in batch], seed))
        rig.run(run_ms)
        results += [
            Result(kind, point, rig.drawn(i), rig.booked(i)) for i, point in enumerate(batch)
        ]
    return results


def creep_counts(kind: str, run_ms: int = CREEP_MS, seed: int = 1) -> int:
    """Counts that eight channels without load have booked in a day of the chip's noise."""
    document, _ = BOARDS[kind]
    rig = _noisy(FrontRig(document, [0], seed))
    rig.run(run_ms, CREEP_TICK_MS)
    return sum(-(-rig.booked(i) // sample.units_per_count) for i, sample in enumerate(rig.samples))


def _noisy(rig: FrontRig) -> FrontRig:
    for channel in rig.channels:
        rig.fault("noise", channel.index + 1, NOISE)
    return rig


def run(progress: Callable[[str], Any] = lambda text: None) -> dict[str, Any]:
    """{"accuracy_added_percent_max", "creep_counts_24h", "accuracy": by front end, its
    Results}.
    """
    by_kind = {}
    counts = 0
    for kind in BOARDS:
        progress(f"accuracy of {kind}")
        by_kind[kind] = measure(kind)
        progress(f"creep of {kind}")
        counts += creep_counts(kind)
    worst = max(result.added_percent for results in by_kind.values() for result in results)
    return {
        "accuracy_added_percent_max": round(worst, 6),
        "creep_counts_24h": counts,
        "accuracy": by_kind,
    }


def table(by_kind: dict[str, list[Result]]) -> Table:
    """What was added at each load point; 1 Wh is what a settlement may be off."""
    made = Table("load", "PF", *by_kind, title=_TITLE, title_justify="left", box=box.SIMPLE_HEAD)
    for column in made.columns[2:]:
        column.justify = "right"
    for point in points(0):
        errors = (_error_mwh(results, point) for results in by_kind.values())
        made.add_row(point.name, point.factor_name, *errors)
    return made


def _error_mwh(results: list[Result], point: Point) -> str:
    for result in results:
        if (result.point.name, result.point.factor) == (point.name, point.factor):
            return f"{result.error_wh * 1000:+.0f}"
    return ""
