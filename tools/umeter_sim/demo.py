"""The demo: eight users live in the terminal, sixty times faster than life, with keys to
intervene.
"""

import shutil
from collections import deque
from typing import Annotated

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from umeter_sim.keyboard import Keyboard
from umeter_sim.paths import BUILD
from umeter_sim.scene import METER, PRICE_U_PER_KWH, Scene, wait_until
from umeter_sim.story_steps import USERS
from umeter_station.amounts import format_u
from umeter_station.errors import StationError
from umeter_station.live import events_table, reading_table

SPEED = 60
WORKDIR = BUILD / "demo"
TOP_UP_U = 2_000_000
FIRST_SALES_U = (3_000_000, 1_500_000, 400_000, 900_000, 2_500_000, 700_000, 5_000_000, 1_200_000)
KEYS = (
    "[b]1-8[/] choose a user   [b]s[/] sell 2.00   [b]o[/] open   [b]c[/] close   [b]r[/] read   "
    "[b]p[/] power cut / on   [b]b[/] broker off / on   [b]q[/] quit"
)


class Demo:
    """What the keys do, and what the screen shows."""

    def __init__(self, scene):
        self.scene = scene
        self.station = scene.station
        self.user = 1
        self.powered = True
        self.said = deque(maxlen=4)
        self.waiting = {}
        self._actions = {
            "s": self.sell,
            "o": lambda: self.supply("open"),
            "c": lambda: self.supply("close"),
            "r": self.read,
            "p": self.power,
            "b": self.broker,
        }

    def press(self, key):
        if key.isdigit() and int(key) in USERS:
            self.user = int(key)
            return
        action = self._actions.get(key)
        if action:
            try:
                action()
            except StationError as error:
                self.said.append(str(error))

    def sell(self):
        purchase = self.station.sell(METER, self.user, TOP_UP_U)
        self._follow(
            purchase.command_id, "sale of %s to user %d" % (format_u(TOP_UP_U), self.user)
        )

    def supply(self, state):
        order = self.station.order_supply(METER, self.user, state)
        self._follow(order, "order to %s user %d" % (state, self.user))

    def read(self):
        self._follow(self.station.order_read(METER), "reading on demand")

    def power(self):
        if self.powered:
            self.scene.sim.power_cut()
            self.said.append(
                "power cut: the board is dark, its contacts have fallen open; p brings it back"
            )
        else:
            self.scene.sim.power_on(after_ms=60_000)
            self.scene.sim.resume()
            self.said.append("power is back, a minute later: look at the balances")
        self.powered = not self.powered

    def broker(self):
        if self.scene.broker.is_running:
            self.scene.broker.stop()
            self.said.append(
                "broker off: the meter goes on metering, charging and cutting by itself"
            )
        else:
            self.scene.broker.start()
            self.said.append("broker on: what was sold meanwhile is on its way")

    def _follow(self, command_id, what):
        self.waiting[command_id] = what
        self.said.append(what + " is on its way")

    def update(self):
        """Say what became of the orders that were on their way."""
        for command_id in list(self.waiting):
            command = self.station.command(command_id)
            if not command.is_open:
                self.said.append(f"{self.waiting.pop(command_id)}: {command.state}")

    def screen(self):
        footer = Text.from_markup("user [b]%d[/] is chosen    %s" % (self.user, KEYS))
        second = Text.from_markup(
            "[dim]second terminal:  build/venv/bin/umeter-station --home build/demo/station"
            f" sell {METER} 3 2.00[/]"
        )
        said = Text("\n".join(self.said) or "everything runs; press a key")
        return Group(
            reading_table(self.station, METER),
            events_table(self.station, METER, limit=6),
            Panel(said, title="what you did", title_align="left"),
            footer,
            second,
        )


def show(runtime="micropython", console=None):
    """Run until q, Ctrl-C, or the end of the input."""
    console = console or Console()
    shutil.rmtree(WORKDIR, ignore_errors=True)
    with console.status("starting broker, station and board"):
        scene = Scene(WORKDIR, runtime, seed=7, speed=SPEED)
    with scene, Keyboard() as keyboard:
        try:
            _furnish(scene, console)
            demo = Demo(scene)
            with Live(demo.screen(), console=console, screen=console.is_terminal) as live:
                while (key := keyboard.wait(0.25)) not in ("q", ""):
                    if key:
                        demo.press(key)
                    demo.update()
                    live.update(demo.screen())
        except KeyboardInterrupt:
            pass
    return True


def _furnish(scene, console):
    """Eight users with some credit each, so that there is something to see."""
    scene.sim.start()
    with console.status("first boot, first settings, first sales"):
        wait_until(lambda: scene.station.latest_reading(METER), "the first reading")
        changes = {"price_u_per_kwh": PRICE_U_PER_KWH, "report_s": 20, "low_credit_u": 300_000}
        scene.ordered(scene.station.order_set(METER, changes))
        for ch in USERS:
            scene.sell(ch, FIRST_SALES_U[ch - 1])


def register(app):
    """Add the command `demo`."""

    @app.command()
    def demo(
        runtime: Annotated[str, typer.Option(help="micropython or cpython")] = "micropython",
    ) -> None:
        """Broker, station and a simulated board of eight users, live in the terminal."""
        if not show(runtime):
            raise typer.Exit(1)
