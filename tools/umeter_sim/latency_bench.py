"""How long a reading takes that somebody waits for, and a sale until its meter has the credit.

All of it in real time: the firmware on MicroPython, whose virtual clock runs as the wall's does,
the broker, and the station with its ingest, all on this machine. In a figure are the station's
transaction and its outbox, the broker twice, the firmware's tick of 100 ms, in which its session
looks for what has come, its commit to flash before it answers, the check of what it signed and
that transaction, and up to 30 ms until whoever waits looks again, as the terminal does.
Not in it: the time that Wi-Fi and the way to another building take, and a meter that has to
connect first.
"""

import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from rich import box
from rich.table import Table

from umeter_sim.scene import METER, PRICE_U_PER_KWH, Scene, wait_until
from umeter_station.vending import new_key

TIMES = 60
_CHANNELS = 8
_AMOUNT_U = 1_000_000
_LOAD_DW = 400
_REST_S = 0.5
_WAIT_S = 30


def run(tell: Callable[[str], None], times: int = TIMES) -> dict[str, Any]:
    """{"read_on_demand_p95_ms", "sale_to_applied_p95_ms"}, of so many each, and under
    "latency_tables" how they are spread. RuntimeError if the meter does not do what it is asked.
    """
    with tempfile.TemporaryDirectory() as folder:
        loads = [_LOAD_DW] * _CHANNELS
        with Scene(Path(folder), speed=1, loads=loads) as scene:
            reads_ms, sales_ms = _measured(scene, times, tell)
    return {
        "read_on_demand_p95_ms": p95(reads_ms),
        "sale_to_applied_p95_ms": p95(sales_ms),
        "latency_tables": [_table({"read --fresh": reads_ms, "sale to credit": sales_ms})],
    }


def p95(values_ms: list[int]) -> int:
    return round(quantiles(values_ms, n=20, method="inclusive")[-1])


def _measured(
    scene: Scene, times: int, tell: Callable[[str], None]
) -> tuple[list[int], list[int]]:
    station = scene.station
    scene.sim.start()
    wait_until(lambda: station.latest_reading(METER), "the first reading", 60)
    scene.ordered(station.order_set(METER, {"price_u_per_kwh": PRICE_U_PER_KWH}))
    rests = random.Random(1)  # so that orders come at any moment of a tick
    reads_ms, sales_ms = [], []
    for number in range(times):
        tell(f"{number} of {times}")
        time.sleep(rests.uniform(0, _REST_S))
        ordered_s = time.perf_counter()
        reads_ms.append(_applied_ms(scene, station.order_read(METER), ordered_s))
        time.sleep(rests.uniform(0, _REST_S))
        purchase = station.sell(METER, 1 + number % _CHANNELS, _AMOUNT_U, new_key())
        sales_ms.append(_applied_ms(scene, purchase.command_id, time.perf_counter()))
    return reads_ms, sales_ms


def _applied_ms(scene: Scene, command_id: int, since_s: float) -> int:
    command = scene.ordered(command_id, _WAIT_S)
    took_ms = round((time.perf_counter() - since_s) * 1000)
    if command.state != "applied":
        raise RuntimeError(f"{METER} did not {command.op}: {command.state} {command.result}")
    return took_ms


def _table(spread: dict[str, list[int]]) -> Table:
    title = "real milliseconds from the order to its stored answer"
    made = Table("what", title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("times", "least", "median", "p95", "most"):
        made.add_column(name, justify="right")
    for what, values_ms in spread.items():
        told = (len(values_ms), min(values_ms), median(values_ms), p95(values_ms), max(values_ms))
        made.add_row(what, *(f"{value:.0f}" for value in told))
    return made
