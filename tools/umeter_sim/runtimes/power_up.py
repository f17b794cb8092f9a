"""One power-up after the other of a board on CPython: namespace, host functions and what outlives
them.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from umeter_sim.runtimes.namespace import Namespace
from umeter_sim.runtimes.pace import Pace
from umeter_sim.runtimes.simhost import SimHost

RUNNING, CUT, RESET, CRASHED = 0, 1, 2, 3


class PowerUp:
    """The board as it is now. `control` is the board-side module, new at every boot()."""

    def __init__(
        self,
        world: dict[str, Any],
        folders: list[Path],
        root: Path,
        pace: dict[str, Any],
        nap: Callable[[float], bool],
        on_edge: Callable[[list[int]], None],
        say: Callable[[str], None],
    ):
        self._world = world
        self._folders = folders
        self._root = root
        self._on_edge = on_edge
        self._say = say
        self.host = SimHost(self._wait, self._edge)
        self.pace = Pace(nap, self.host, pace)
        self.control: Any = None

    @property
    def now_ms(self) -> int:
        return self.host.age[0] * 1000 + self.host.age[1]

    def boot(self, past: dict[str, Any] | None) -> int:
        """Power up with what past() gave, None for a new world: a status."""
        self.host.drop_all()
        self.host = self.pace.host = SimHost(self._wait, self._edge)
        if past:
            self.host.cells = past["cells"]
        given = {"simhost": self.host.module()}
        self.control = Namespace(self._folders, given, self._root, self._say).load("control")
        self.control.power_up(json.dumps(self._world), past["state"] if past else "")
        return self.control.boot()

    def past(self, off_ms: int) -> dict[str, Any]:
        return {"state": self.control.state(off_ms), "cells": self.host.cells}

    def run(self, ms: int) -> int:
        return self.control.run(ms)

    def ask(self, text: str) -> dict[str, Any]:
        return json.loads(self.control.ask(text))

    def _wait(self, ms: int) -> int:
        return self.pace.wait_network(ms)

    def _edge(self, channel: int, closed: int) -> None:
        self._on_edge([self.now_ms, channel, closed])
