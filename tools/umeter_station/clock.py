"""Where the station takes the time from: the system, or the simulator's clock file."""

import time
from pathlib import Path
from typing import Protocol

from umeter_station.errors import StationError


class Clock(Protocol):
    """`tolerance_s`: how far a meter's clock may be off before it is set again."""

    tolerance_s: int

    def now_s(self) -> int:
        """Unix seconds."""
        ...


class SystemClock:
    """The clock of this machine."""

    tolerance_s = 10

    def now_s(self) -> int:
        return int(time.time())


class FileClock:
    """A file of 8 bytes, little-endian Unix milliseconds, kept by the simulator.

    The simulator writes it a few times a second of real time; while simulated time runs 60 times
    faster each write is seconds late, so meters are given more room than by a real clock.
    """

    tolerance_s = 60

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last_ms = 0

    def now_s(self) -> int:
        try:
            raw = self._path.read_bytes()
        except OSError:
            raw = b""
        if len(raw) >= 8:
            self._last_ms = int.from_bytes(raw[:8], "little")
        elif not self._last_ms:
            raise StationError(
                f"The clock file {self._path} cannot be read; start the simulator that writes it,"
                ' or set clock = "system" in config.toml.'
            )
        return self._last_ms // 1000
