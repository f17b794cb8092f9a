"""Front ends on the simulated site with core's channels behind them, on CPython: no app, no
journal, no network. What a channel books is held against what the site says was drawn.
"""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

from umeter_deploy import board_check
from umeter_sim.paths import BOARD_SIDE, FIRMWARE, SHIMS, UMQTT
from umeter_sim.runtimes.namespace import Namespace

UNITS_PER_WH = 36_000_000
START_UNIX = 1_772_431_200
TICK_MS = 100
_LONGEST_START_MS = 10_000


class FrontRig:
    """Contacts are closed once every channel has a valid reading, as the meter does it, and stay
    so unless `set_contact` says else.
    """

    def __init__(self, document: dict[str, Any], loads: list[Any], seed: int = 1):
        """document: a board.json as somebody writes it. loads: of each channel, repeated in
        turn. ValueError if the document is not good.
        """
        board_check.check(document)
        board = board_check.for_board(document)
        self._modules = Namespace(
            [SHIMS, FIRMWARE, BOARD_SIDE, UMQTT], {"simhost": _host()}, Path(), print
        )
        load = self._modules.load
        config = {
            "seed": seed,
            "start_unix": START_UNIX,
            "board": board,
            "loads": loads,
            "partitions": {},
        }
        load("control").power_up(json.dumps(config), "")
        self.world = load("world").world
        self.site = load("site").site
        made = load("umeter.hal.board").Board(board, lambda name: load("umeter." + name))
        self.buses = made.buses
        self.samples = made.samples
        self.relays = made.relays
        new_channel = load("umeter.core.channel").Channel
        self.calibration = load("umeter.core.calibration")
        self.channels = [
            new_channel(index, sample, made.p_max_dw[index])
            for index, sample in enumerate(self.samples)
        ]
        self.news = [0] * len(self.channels)
        for channel in self.channels:
            channel.account.credit(10**12)
        while not all(sample.fresh for sample in self.samples):
            if self.world.ticks > _LONGEST_START_MS:
                silent = [i + 1 for i, sample in enumerate(self.samples) if not sample.fresh]
                raise RuntimeError(f"channels {silent} have no reading")
            self.run(TICK_MS)
        for channel in self.channels:
            self.set_contact(channel.index, True)
        self.news = [0] * len(self.channels)

    def run(self, ms: int, tick_ms: int = TICK_MS) -> None:
        """Let `ms` pass in ticks."""
        advance = self.world.advance
        buses = self.buses
        channels = self.channels
        for _ in range(ms // tick_ms):
            advance(tick_ms)
            for bus in buses:
                bus.poll(tick_ms)
            for channel in channels:
                channel.tick(tick_ms)
                if channel.news:
                    self.news[channel.index] |= channel.news
                    channel.news = 0

    def set_contact(self, index: int, closed: bool) -> None:
        self.relays.set(index, closed)
        self.channels[index].contact = int(closed)
        self.channels[index].open_ms = 0

    def fault(self, kind: str, ch: int, value: Any = True) -> None:
        """As the simulated site's set_fault; ch counts from 1."""
        self.site.set_fault(kind, ch, value)

    def booked(self, index: int) -> int:
        """What the channel has booked, 0.1 W x ms."""
        register = self.channels[index].register
        return register.wh * UNITS_PER_WH + register.residual

    def drawn(self, index: int) -> int:
        """What the load has drawn, 0.1 W x ms."""
        self.site.settle()
        energy = self.site.places[index].load.energy
        return energy.wh * UNITS_PER_WH + energy.residual

    def said(self, index: int) -> set[str]:
        """The words of all news of a channel so far."""
        words = self._modules.load("umeter.core.channel").NEWS
        return {word for i, word in enumerate(words) if self.news[index] >> (i + 1) & 1}


def _host() -> ModuleType:
    """What the simulator's board side asks of its host, where nobody listens."""
    host = ModuleType("simhost")
    host.watch_clock = host.edge = lambda *_: None  # type: ignore[attr-defined]
    host.wait = lambda ms: ms  # type: ignore[attr-defined]
    host.__getattr__ = lambda name: lambda *_: -1  # type: ignore[method-assign]
    return host
