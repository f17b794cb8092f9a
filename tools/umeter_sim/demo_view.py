"""The demo: pages with sixty days of history and live boards behind them, the boards in the
terminal, too, with keys to intervene.
"""

import time
from collections import deque
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from umeter_sim.demo_houses import DAYS, HOUSES, LOGINS, PASSWORD
from umeter_sim.demo_scene import DemoScene
from umeter_sim.keyboard import Keyboard
from umeter_sim.paths import DEMO
from umeter_station.amounts import format_u
from umeter_station.errors import StationError
from umeter_station.live import events_table, reading_table

TOP_UP_U = 2_000_000
KEYS = (
    "[b]1-8[/] choose a user   [b]m[/] the other board   [b]s[/] sell 2.00   [b]o[/] open   "
    "[b]c[/] close   [b]r[/] read   [b]p[/] power cut / on   [b]b[/] broker off / on   "
    "[b]q[/] quit"
)


class Demo:
    """What the keys do, and what the screen shows."""

    def __init__(self, scene: DemoScene):
        self.scene = scene
        self.station = scene.station
        self.meter = next(iter(scene.sims))
        self.user = 1
        self.dark_since_s: dict[str, float] = {}  # boards without power
        self.said = deque(maxlen=4)
        self.waiting = {}
        self._actions = {
            "m": self.other,
            "s": self.sell,
            "o": lambda: self.supply("open"),
            "c": lambda: self.supply("close"),
            "r": self.read,
            "p": self.power,
            "b": self.broker,
        }

    def press(self, key):
        if key in tuple("12345678"):
            self.user = int(key)
            return
        action = self._actions.get(key)
        if action:
            try:
                action()
            except StationError as error:
                self.said.append(str(error))

    def other(self):
        meters = list(self.scene.sims)
        self.meter = meters[(meters.index(self.meter) + 1) % len(meters)]

    def sell(self):
        purchase = self.station.sell(self.meter, self.user, TOP_UP_U)
        self._follow(
            purchase.command_id, "sale of %s to user %d" % (format_u(TOP_UP_U), self.user)
        )

    def supply(self, state):
        order = self.station.order_supply(self.meter, self.user, state)
        self._follow(order, "order to %s user %d" % (state, self.user))

    def read(self):
        self._follow(self.station.order_read(self.meter), "reading on demand")

    def power(self):
        sim = self.scene.sims[self.meter]
        since_s = self.dark_since_s.pop(self.meter, None)
        if since_s is None:
            sim.power_cut()
            self.dark_since_s[self.meter] = time.monotonic()
            self.said.append(
                "power cut: the board is dark, its contacts have fallen open; p brings it back"
            )
        else:
            sim.power_on(after_ms=int((time.monotonic() - since_s) * 1000))
            sim.resume()
            self.said.append("power is back: look at the balances")

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
        footer = Text.from_markup(
            "[b]%s[/], user [b]%d[/] is chosen    %s" % (self.meter, self.user, KEYS)
        )
        said = Text("\n".join(self.said) or "everything runs; press a key")
        return Group(
            logins(self.scene.address),
            reading_table(self.station, self.meter),
            events_table(self.station, self.meter, limit=6),
            Panel(said, title="what you did", title_align="left"),
            footer,
        )


def logins(address: str) -> Table:
    """Where the pages are, and who may see what."""
    table = Table.grid(padding=(0, 2))
    table.add_row("[b]pages[/]", f"[b cyan]{address}[/]")
    table.add_row("[b]sign in[/]", "   ".join(f"{role}: [b]{name}[/]" for name, role in LOGINS))
    table.add_row("[b]password[/]", f"[b]{PASSWORD}[/]   (of all three)")
    return table


def show(console: Console | None = None, workdir: Path = DEMO, days: int = DAYS) -> None:
    """Run until q, Ctrl-C, or the end of the input."""
    console = console or Console()
    with console.status("starting") as status:
        scene = DemoScene(workdir, lambda doing: status.update(f"{doing} …"), days)
    with scene, Keyboard() as keyboard:
        console.print(logins(scene.address))
        console.print(
            f"[dim]{len(HOUSES)} boards of 8 channels, {days} days of history,"
            f" {', '.join(scene.sims)} live; ready after {scene.begun_s:.0f} s[/]"
        )
        try:
            demo = Demo(scene)
            with Live(demo.screen(), console=console, screen=console.is_terminal) as live:
                while (key := keyboard.wait(0.25)) not in ("q", ""):
                    if key:
                        demo.press(key)
                    demo.update()
                    live.update(demo.screen())
        except KeyboardInterrupt:
            pass
