"""The story: one board, eight users, from the first boot to the last cent, every step checked.

The board runs the firmware in MicroPython; broker and station are the real ones. A step that does
not hold says what was found instead, and the story ends.
"""

import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from umeter_sim.board_api import BoardError
from umeter_sim.scene import METER, Scene
from umeter_sim.story_steps import LOAD_W, Failed, Story
from umeter_sim.wiretap import Wiretap
from umeter_station.errors import StationError

SPEED = 60


def tell(runtime="micropython", console=None, workdir=None):
    """Run the story; True if every step held."""
    console = console or Console()
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="umeter-story-") as temporary:
        loads = [watts * 10 for watts in LOAD_W]
        with (
            Scene(Path(workdir or temporary), runtime, seed=1, speed=SPEED, loads=loads) as scene,
            Wiretap(scene.broker, METER) as tap,
        ):
            for number, (title, step) in enumerate(Story(scene, tap).steps(), 1):
                step_began_s = time.monotonic()
                try:
                    with console.status("%d. %s" % (number, title)):
                        found = step()
                except (Failed, TimeoutError, BoardError, StationError) as failure:
                    console.print("[red]✗ %d. %s[/]\n    [bold]%s[/]" % (number, title, failure))
                    return False
                took_s = time.monotonic() - step_began_s
                console.print(
                    "[green]✓[/] %d. %s\n    [dim]%s (%.1f s)[/]" % (number, title, found, took_s)
                )
    console.print("The story holds, in %.0f s." % (time.monotonic() - began_s))
    return True


def register(app):
    """Add the command `story`."""

    @app.command()
    def story(
        runtime: Annotated[str, typer.Option(help="micropython or cpython")] = "micropython",
    ) -> None:
        """Tell the story of one board and eight users, and check every step."""
        if not tell(runtime):
            raise typer.Exit(1)
