"""The figures umeter is measured by: a table on the terminal, and build/bench.json with flat
`name: number`.

Counts and virtual time only, nothing that depends on how busy this machine is.
"""

import json
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor

import typer
from rich.console import Console
from rich.table import Table

from umeter_sim import (
    accuracy,
    board_bench,
    bounds,
    cuts,
    deploy_bench,
    fuzz,
    link_bench,
    loads_bench,
    once,
    ota_cuts,
    outage,
    traps,
)
from umeter_sim.energy_decade import energy_error
from umeter_sim.mosquitto import installed
from umeter_sim.paths import BUILD
from umeter_sim.soak import soak

RESULT = BUILD / "bench.json"

PARTS = (
    ("compiled firmware", board_bench.mpy_bytes),
    ("heap of a connected meter", board_bench.heap),
    ("heap with a display", board_bench.heap_with_display),
    ("cut-off of known loads", board_bench.cutoff),
    ("tick while the broker is a black hole", board_bench.blackhole),
    ("boot to the first valid reading", board_bench.boot),
    ("ten years of energy against the oracle", energy_error),
    ("the account's scenarios", board_bench.account),
    ("thirty days of ordinary loads", loads_bench.false_trips),
    ("welded contacts", loads_bench.weld),
)
# These say on the way how far they are.
LONG_PARTS = (
    ("faults of the link", link_bench.worst_faults),
    ("sixty days alone", outage.run),
    ("a deployment", deploy_bench.run),
)


def power_cuts():
    return cuts.run(bounds.POWER_CUTS)


# Pure computing, done beside the rest in a process of its own.
BESIDE = (
    ("ten years of the reference site", soak),
    ("power cuts", power_cuts),
    ("orders, each once", once.run),
    ("garbage", fuzz.run),
    ("updates cut off", ota_cuts.run),
    ("traps of the front ends", traps.run),
    ("a PZEM bus", traps.pzem_scan),
    ("accuracy of the front ends", accuracy.run),
)


def measure(console):
    """All figures; True if none is beyond its limit."""
    figures = {}
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn) as beside:
        waiting = [(title, beside.submit(part)) for title, part in BESIDE]
        for title, part in PARTS:
            with console.status(title + " ..."):
                figures.update(part())
        for title, part in LONG_PARTS:
            with console.status(title + " ...") as status:
                figures.update(part(_teller(status, title)))
        for title, part in waiting:
            with console.status(title + " ..."):
                figures.update(part.result())
    accuracies = figures.pop("accuracy")
    title = f"umeter, measured with {'Mosquitto' if installed() else 'the embedded broker'}"
    table = Table("figure", "measured", "bound", title=title, title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    good = True
    for name, value in figures.items():
        fits, bound = bounds.judge(name, value)
        good = good and fits
        table.add_row(name, str(value), bound, style="" if fits else "red")
    console.print(table)
    console.print(accuracy.table(accuracies))
    with console.status("appliances told apart ..."):
        loads_bench.confusion(console)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(figures, indent=1) + "\n")
    return good


def _teller(status, title):
    return lambda done: status.update(f"{title} ... {done}")


def register(app):
    """Add the command `bench`."""

    @app.command()
    def bench() -> None:
        """Measure umeter's figures: a table, and build/bench.json."""
        if not measure(Console()):
            print("a figure is beyond its limit", file=sys.stderr)
            raise typer.Exit(1)
