"""`umeter-sim serial`."""

import json
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from umeter_sim.board_api import BoardError
from umeter_sim.build import BuildError
from umeter_sim.node import NodeMissing
from umeter_sim.paths import BOARDS
from umeter_sim.serial_port import SerialBoard

_KEY = "5a" * 32
# For a look at the prompt: there is no broker.
_ALONE = {
    "meter": "m1",
    "key": _KEY,
    "wifi": [{"ssid": "simulated"}],
    "broker": {"host": "127.0.0.1", "port": 1883},
    "plain_tcp": True,
}


def register(app: typer.Typer) -> None:
    app.command("serial")(serial)


def serial(
    board: Annotated[str, typer.Option(help="a folder below boards/")] = "sim8",
    site: Annotated[Path | None, typer.Option(help="site.json of the meter")] = None,
    bare: Annotated[bool, typer.Option(help="nothing but MicroPython on it, for deploy")] = False,
    speed: Annotated[float, typer.Option(help="virtual per real time")] = 1,
    seed: Annotated[int, typer.Option(help="of everything random")] = 1,
    link: Annotated[
        Path | None, typer.Option(help="a name for the port, made and removed")
    ] = None,
) -> None:
    """Offer a board on a serial port, for mpremote and umeter deploy, until Ctrl-C."""
    console = Console()
    try:
        document = json.loads(site.read_text()) if site else _ALONE
        with (
            tempfile.TemporaryDirectory(prefix="umeter-sim-") as workdir,
            SerialBoard(
                site=document,
                workdir=Path(workdir),
                board_dir=BOARDS / board,
                speed=speed,
                seed=seed,
                bare=bare,
            ) as there,
        ):
            if link:
                there.link(link)
            console.print(f"The board is at {link or there.port}", highlight=False)
            while True:
                time.sleep(3600)
    except KeyboardInterrupt:
        return
    except (BoardError, BuildError, NodeMissing, OSError, ValueError) as error:
        Console(stderr=True).print(str(error), style="red", highlight=False)
        raise typer.Exit(1) from None
    finally:
        if link:
            link.unlink(missing_ok=True)
