"""The figures umeter is measured by: a table on the terminal, and build/bench.json with flat
`name: number`.

Most are counts, or virtual time, which does not depend on how busy this machine is. Those of the
parts in ALONE do: they are real time, and the machine's. They come last, when nothing else of the
bench is running; whatever else runs on the machine is in them.

A part is a function that returns its figures, {name: number}. A list in it has what the terminal
shows beneath the figures. What each may be is in bounds.py.
"""

import json
import multiprocessing
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Annotated, Any

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
    ingest_bench,
    latency_bench,
    link_bench,
    loads_bench,
    once,
    ota_cuts,
    outage,
    station_faults,
    traps,
    watch_bench,
)
from umeter_sim.energy_decade import energy_error
from umeter_sim.mosquitto import installed
from umeter_sim.paths import BUILD
from umeter_sim.soak import soak

RESULT = BUILD / "bench.json"
Figures = dict[str, Any]
Tell = Callable[[str], None]


def power_cuts() -> Figures:
    return cuts.run(bounds.POWER_CUTS)


def accuracies() -> Figures:
    found = accuracy.run()
    return {**found, "accuracy": [accuracy.table(found["accuracy"])]}


def rules() -> Figures:
    shown: list[object] = []
    return {**watch_bench.run(shown.append), "rules": shown}


def killed_station() -> Figures:
    found = station_faults.run()
    figures = {name: found[name] for name in ("ledger_imbalance", "sales_lost", "sales_doubled")}
    return {**figures, "sales_tried": found["sales"], "ledger": found["findings"]}


def ingest(tell: Tell) -> Figures:
    if not installed():
        return {"ingest": ["What the ingest takes in is measured with Mosquitto only."]}
    return ingest_bench.run(tell)


def pages(tell: Tell) -> Figures:
    from umeter_sim import pages_bench  # and with it the whole web application

    shown: list[object] = []
    tell("in a real browser")
    try:
        return {**pages_bench.run(shown.append), "pages": shown}
    except pages_bench.NoBrowser as error:
        return {"pages": [str(error)]}


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
# Pure computing, done beside the rest in a process of its own: the longest first.
BESIDE = (
    ("ten years of the reference site", soak),
    ("garbage", fuzz.run),
    ("accuracy of the front ends", accuracies),
    ("the station's rules", rules),
    ("orders, each once", once.run),
    ("power cuts", power_cuts),
    ("updates cut off", ota_cuts.run),
    ("sales while the station is killed", killed_station),
    ("traps of the front ends", traps.run),
    ("appliances told apart", loads_bench.confusion),
    ("a PZEM bus", traps.pzem_scan),
)
# In real time: with nothing beside them. They say how far they are, too.
ALONE = (
    ("latency of readings and sales", latency_bench.run),
    ("ingest of a fleet", ingest),
    ("pages", pages),
)
TITLES = [title for group in (BESIDE, PARTS, LONG_PARTS, ALONE) for title, _ in group]


def measure(console: Console, titles: list[str]) -> bool:
    """All figures of these parts; True if none is beyond its limit."""
    figures: Figures = {}
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn) as beside:
        waiting = [(title, part, beside.submit(part)) for title, part in BESIDE if title in titles]
        for title, part in PARTS:
            if title in titles:
                with console.status(title + " ..."):
                    figures.update(part())
        _follow(console, LONG_PARTS, titles, figures)
        done: Figures = {}
        for title, part, future in reversed(waiting):
            with console.status(title + " ..."):
                # What has not begun there is done here.
                done[title] = part() if future.cancel() else future.result()
        for title, _, _ in waiting:
            figures.update(done[title])
    _follow(console, ALONE, titles, figures)
    shown = [figures.pop(name) for name in list(figures) if isinstance(figures[name], list)]
    good = _show(console, figures)
    for each in (each for part in shown for each in part):
        console.print(each)
    # Some parts only: the figures of the others stay as they were.
    kept = json.loads(RESULT.read_text()) if len(titles) < len(TITLES) and RESULT.exists() else {}
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps({**kept, **figures}, indent=1) + "\n")
    return good


def _follow(console: Console, parts: tuple, titles: list[str], figures: Figures) -> None:
    for title, part in parts:
        if title in titles:
            with console.status(title + " ...") as status:
                figures.update(part(_teller(status, title)))


def _teller(status: Any, title: str) -> Tell:
    return lambda done: status.update(f"{title} ... {done}")


def _show(console: Console, figures: Figures) -> bool:
    title = f"umeter, measured with {'Mosquitto' if installed() else 'the embedded broker'}"
    table = Table("figure", "measured", "bound", title=title, title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    good = True
    for name, value in figures.items():
        fits, bound = bounds.judge(name, value)
        good = good and (fits or name in bounds.PACES)
        table.add_row(name, str(value), bound, style="" if fits else "red")
    console.print(table)
    return good


def register(app: typer.Typer) -> None:
    """Add the command `bench`."""

    @app.command()
    def bench(
        only: Annotated[
            list[str] | None, typer.Option(help="Parts with this in their title; more than once.")
        ] = None,
    ) -> None:
        """Measure umeter's figures: a table, and build/bench.json."""
        titles = [title for title in TITLES if any(word in title for word in only or [""])]
        if not titles:
            raise typer.BadParameter(f"no part has that in its title: {'; '.join(TITLES)}")
        if not measure(Console(), titles):
            print("a figure is beyond its limit", file=sys.stderr)
            raise typer.Exit(1)
