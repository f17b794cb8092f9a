"""How large a fleet may be whose meters report once a minute, 8 channels each.

Of each of SIZES the pace is kept up for a window, by one ingest or by as many as it says. A fleet
is sustained if every reading is stored, all are acknowledged, 99 % of the looks at the database
find it less than MOST_LAG_S behind what was sent, and it is not further behind at the end of the
window than in its middle. In such a window each meter is heard for the first time since the ingest
began, and its logs are looked up then, which later on happens once in ten minutes.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rich.table import Table

from umeter_sim.ingest_rig import CLIENT, LOOK_S, TIMEOUT_S, Rig, plain_table
from umeter_sim.ingest_workers import Storing, Used, Worker

# (meters, ingest workers)
SIZES = ((1_000, 1), (10_000, 1), (30_000, 1), (100_000, 1), (150_000, 1), (200_000, 1))
LARGEST = max(meters for meters, _ in SIZES)
MOST_LAG_S = 2.0
_GROWN_S = 0.5
_BATCH = 500
_REPORT_S = 60
_FEW = 1_000  # readings a second; with fewer the window is shorter
_WINDOW_S = 15.0
_SHORT_WINDOW_S = 8.0


@dataclass
class Window:
    """`lags_s` from sent to stored, in the order of looking; CPU in seconds; `left` were not
    acknowledged."""

    meters: int
    workers: int
    sent: int
    stored: int
    left: int
    took_s: float
    lags_s: list[float]
    cpu_s: float
    broker_cpu_s: float
    rss_bytes: int

    @property
    def is_sustained(self) -> bool:
        return (
            self.stored == self.sent
            and not self.left
            and self.lag_s(0.99) < MOST_LAG_S
            and self._third(2) < self._third(1) + _GROWN_S
        )

    def lag_s(self, part: float) -> float:
        return sorted(self.lags_s)[int(part * (len(self.lags_s) - 1))]

    def _third(self, number: int) -> float:
        size = max(1, len(self.lags_s) // 3)
        return statistics.median(self.lags_s[number * size :][:size])


def measure(rig: Rig, tell: Callable[[str], None]) -> list[Window]:
    """One after the other, until a fleet is too large."""
    found = []
    for meters, workers in SIZES:
        tell(f"{meters} meters")
        found.append(_window(rig, meters, workers))
        if not found[-1].is_sustained:
            break
    return found


def _window(rig: Rig, meters: int, workers: int) -> Window:
    rate = meters / _REPORT_S
    count = int(rate * (_SHORT_WINDOW_S if rate < _FEW else _WINDOW_S))
    made: list[Worker] = []
    try:
        for number in range(workers):
            made.append(Worker(Storing, rig.url, CLIENT, rig.path, _BATCH, number, workers))
        before, used, broker_s = rig.stored.value, _used(made), rig.broker_cpu_s()
        rig.send(meters, count, rate)
        looks = list(_looks(rig, before, count))
        sent = rig.sent()
        after, broker_s = _used(made), rig.broker_cpu_s() - broker_s
    finally:
        for worker in made:
            worker.close()
    return Window(
        meters=meters,
        workers=workers,
        sent=count,
        stored=rig.stored.value - before,
        left=rig.left_over(),
        took_s=looks[-1][0] - sent.begun_s,
        lags_s=[max(0.0, at_s - sent.begun_s - number / rate) for at_s, number in looks],
        cpu_s=after.cpu_s - used.cpu_s,
        broker_cpu_s=broker_s,
        rss_bytes=after.rss_bytes,
    )


def _looks(rig: Rig, before: int, count: int) -> Iterator[tuple[float, int]]:
    """(when, how many are stored by then), until all are."""
    end_s = time.monotonic() + TIMEOUT_S
    number = 0
    while number < count and time.monotonic() < end_s:
        time.sleep(LOOK_S)
        number = rig.stored.value - before
        yield time.monotonic(), number


def _used(workers: list[Worker]) -> Used:
    each = [worker.ask("used") for worker in workers]
    return Used(sum(used.cpu_s for used in each), sum(used.rss_bytes for used in each))


def figures(windows: list[Window]) -> dict[str, int]:
    return {"meters_sustained": max((w.meters for w in windows if w.is_sustained), default=0)}


def table(windows: list[Window]) -> Table:
    made = plain_table(
        "fleets whose meters report once a minute, 8 channels each; CPU of one processor",
        *("meters", "per s", "lost", "behind ms", "99 %", "CPU ms", "ingest", "broker", "MB"),
        "kept up",
    )
    for w in windows:
        made.add_row(
            f"{w.meters}" + (f", {w.workers} workers" if w.workers > 1 else ""),
            f"{w.meters / _REPORT_S:.0f}",
            str(w.sent - w.stored),
            *(f"{1000 * w.lag_s(part):.0f}" for part in (0.5, 0.99)),
            f"{1000 * w.cpu_s / w.sent:.2f}",
            *(f"{100 * used_s / w.took_s:.0f} %" for used_s in (w.cpu_s, w.broker_cpu_s)),
            f"{w.rss_bytes / 1e6:.0f}",
            "yes" if w.is_sustained else "no",
        )
    return made
