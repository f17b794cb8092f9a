"""The command line `umeter-sim`."""

import importlib
import importlib.util
import json
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.table import Table

from umeter_sim.board_api import BoardError, SimBoard, open_board
from umeter_sim.build import BuildError, build_firmware
from umeter_sim.node import NodeMissing
from umeter_sim.paths import BOARDS

app = typer.Typer(help="Simulated umeter boards.", no_args_is_help=True, add_completion=False)
console = Console()

for _name in ("demo", "story", "bench", "serial_cli"):
    # Each of these modules has `register(app)`, which adds its command.
    if importlib.util.find_spec(f"umeter_sim.{_name}"):
        importlib.import_module(f"umeter_sim.{_name}").register(app)


@app.command()
def build() -> None:
    """Compile the firmware to .mpy and list the sizes."""
    try:
        built = build_firmware()
    except BuildError as error:
        raise _failure(str(error)) from None
    table = Table("file", "bytes")
    for name, size in built.sizes.items():
        table.add_row(name, str(size))
    table.add_row("all", str(built.mpy_bytes), style="bold")
    console.print(table)


@app.command()
def run(
    site: Annotated[Path, typer.Option(help="site.json of the meter: its name, key and broker")],
    broker: Annotated[str, typer.Option(help="mqtt://host:port, instead of site.json's")] = "",
    board: Annotated[str, typer.Option(help="a folder below boards/")] = "sim8",
    runtime: Annotated[str, typer.Option(help="micropython or cpython")] = "micropython",
    speed: Annotated[float, typer.Option(help="virtual per real time, 0: as fast as it goes")] = 1,
    seed: Annotated[int, typer.Option(help="of everything random")] = 1,
) -> None:
    """Run one board until Ctrl-C, against a broker that is there."""
    try:
        document = _site(site, broker)
        with (
            tempfile.TemporaryDirectory(prefix="umeter-sim-") as workdir,
            open_board(
                site=document,
                workdir=Path(workdir),
                runtime=runtime,
                board_dir=BOARDS / board,
                speed=speed,
                seed=seed,
            ) as sim,
        ):
            sim.start()
            _watch(sim)
    except KeyboardInterrupt:
        pass
    except (BoardError, BuildError, NodeMissing, OSError, ValueError) as error:
        raise _failure(str(error)) from None


def _site(path: Path, broker: str) -> dict[str, Any]:
    """The document, with another broker's address if one is given: the first of its brokers has
    it then, and is the only one."""
    document = json.loads(path.read_text())
    if broker:
        address = urlsplit(broker if "//" in broker else f"mqtt://{broker}")
        first = [*document.pop("brokers", ()), document.pop("broker", {})][0]
        host, port = address.hostname or "127.0.0.1", address.port or 1883
        document["brokers"] = [{**first, "host": host, "port": port}]
    return document


def _watch(sim: SimBoard) -> None:
    while True:
        time.sleep(5)
        truth = sim.ask("truth")
        total_dw = sum(channel["power_dw"] for channel in truth["channels"])
        closed = sum(channel["contact"] for channel in truth["channels"])
        console.print(
            f"{truth['now_ms'] / 1000:10.0f} s  {closed} contacts closed  {total_dw / 10:8.1f} W"
        )


def _failure(sentence: str) -> typer.Exit:
    Console(stderr=True).print(sentence, style="red", highlight=False)
    return typer.Exit(1)
