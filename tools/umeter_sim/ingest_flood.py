"""Readings sent as fast as the broker takes them, to the ingest and to what it is compared with.

A flood is over when its last reading is stored or, where nothing is stored, has arrived. The bare
subscriber (paho-mqtt as it is, which acknowledges and forgets), our link alone, the ingest, and
the ingest with one commit per message take turns, ROUNDS times, on the same broker, with readings
of the same meters: one in eight is of a meter whose logs the ingest has not looked up yet; in
service that is one in ten. A rate is the median of its rounds. A ratio is the median of each
round's ratio, so that what else the machine does in a round counts on both sides.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from rich.table import Table

from umeter_sim.ingest_rig import CLIENT, LOOK_S, TIMEOUT_S, Rig, plain_table
from umeter_sim.ingest_workers import Bare, Sink, Storing, Worker, shared_counter

READINGS = 8_000
READINGS_EACH = 1_000  # with one commit per message
METERS = 1_000
ROUNDS = 3
BATCH = 500
INGEST, BARE = "ingest", "bare subscriber"
LINK, EACH = "our link, nothing stored", "ingest, a commit each"


class Flood(NamedTuple):
    """Readings a second; seconds of a processor for each, of who took them in and of the
    broker."""

    rate: float
    cpu_s: float
    broker_cpu_s: float


Floods = dict[str, list[Flood]]


def measure(rig: Rig, tell: Callable[[str], None]) -> Floods:
    counter = shared_counter()
    # How many, what counts them, and who takes them in.
    kinds = {
        BARE: (READINGS, counter, Bare, counter),
        LINK: (READINGS, counter, Sink, counter),
        INGEST: (READINGS, rig.stored, Storing, rig.path, BATCH),
        EACH: (READINGS_EACH, rig.stored, Storing, rig.path, 1),
    }
    found: Floods = {name: [] for name in kinds}
    for number in range(ROUNDS):
        for name, (count, counted, kind, *how) in kinds.items():
            tell(f"{name}, {number + 1} of {ROUNDS}")
            worker = Worker(kind, rig.url, CLIENT, *how)
            try:
                found[name].append(_flood(rig, worker, counted, count))
            finally:
                worker.close()
                left = rig.left_over()
            if left:
                raise RuntimeError(f"{name}: {left} readings were not acknowledged")
    return found


def _flood(rig: Rig, worker: Worker, counted: Any, count: int) -> Flood:
    before, used, broker_s = counted.value, worker.ask("used"), rig.broker_cpu_s()
    rig.send(METERS, count, None)
    end_s = time.monotonic() + TIMEOUT_S
    while counted.value - before < count and time.monotonic() < end_s:
        time.sleep(LOOK_S)
    over_s = time.monotonic()
    sent = rig.sent()
    came = counted.value - before
    if came != count:
        raise RuntimeError(f"of {count} readings {came} were taken in")
    return Flood(
        count / (over_s - sent.begun_s),
        (worker.ask("used").cpu_s - used.cpu_s) / count,
        (rig.broker_cpu_s() - broker_s) / count,
    )


def figures(floods: Floods) -> dict[str, float]:
    return {
        "ingest_msgs_per_s": round(statistics.median(flood.rate for flood in floods[INGEST])),
        "ingest_vs_bare_subscriber": round(_ratio(floods, BARE), 2),
        "ingest_vs_commit_each": round(_ratio(floods, EACH), 1),
    }


def _ratio(floods: Floods, other: str) -> float:
    pairs = zip(floods[INGEST], floods[other], strict=True)
    return statistics.median(ours.rate / theirs.rate for ours, theirs in pairs)


def table(floods: Floods) -> Table:
    made = plain_table(
        f"readings as fast as they go, median of {ROUNDS} rounds",
        *("taken in by", "readings/s", "slowest", "fastest", "CPU ms", "broker's"),
    )
    for name, rounds in floods.items():
        rates = [flood.rate for flood in rounds]
        made.add_row(
            name,
            *(f"{rate:.0f}" for rate in (statistics.median(rates), min(rates), max(rates))),
            f"{1000 * statistics.median(flood.cpu_s for flood in rounds):.3f}",
            f"{1000 * statistics.median(flood.broker_cpu_s for flood in rounds):.3f}",
        )
    return made
