"""What a journal's flash says, read and written by the firmware's own journal."""

import importlib
import struct
import sys
import types
from dataclasses import dataclass
from typing import Any, Protocol

from umeter_sim.paths import FIRMWARE

SECTOR = 4096
PAGES = 2  # of flash to a sector of the journal, as composition.py has it
_BOOT = "b"
_EVENTS = "v"
_UNITS_PER_WH = 36_000_000


class Flash(Protocol):
    """As firmware/umeter/hal/flash.py."""

    def read(self, off: int, buf: Any) -> None: ...

    def program(self, off: int, buf: Any) -> None: ...

    def erase(self, off: int) -> None: ...


class Cells:
    """Flash in memory."""

    sector = SECTOR

    def __init__(self, cells: bytes):
        self.cells = bytearray(cells)
        self.size = len(cells)

    def read(self, off: int, buf: Any) -> None:
        buf[:] = self.cells[off : off + len(buf)]

    def program(self, off: int, buf: Any) -> None:
        for i, byte in enumerate(bytes(buf)):
            self.cells[off + i] &= byte

    def erase(self, off: int) -> None:
        self.cells[off : off + SECTOR] = b"\xff" * SECTOR


@dataclass(frozen=True)
class Channel:
    """Energy in Wh, money in micro-units."""

    wh: int
    credited_u: int
    charged_u: int

    @property
    def balance_u(self) -> int:
        return self.credited_u - self.charged_u


@dataclass(frozen=True)
class Books:
    """values: the journal's set, {} of a blank one. order: the highest number that was consumed.
    sector: where the set lies, -1: nowhere. sequence: the highest there is."""

    values: dict[str, bytes]
    channels: tuple[Channel, ...]
    order: int
    boot: int
    sequence: int
    sector: int
    damaged: bool


def read(cells: bytes) -> Books:
    """ValueError, one sentence, if a later firmware wrote it, or there is too little of it."""
    found = _firmware("core.journal_load").load(Cells(cells), PAGES)
    entries, sector, _, sequence, damaged = found
    values = {key: bytes(value) for key, (_, value) in entries.items()}
    replay = _firmware("core.replay")
    window = replay.Window()
    if replay.KEY in values:
        window.unpack(values[replay.KEY])
    return Books(
        values,
        _channels(values),
        window.highest,
        struct.unpack("<I", values[_BOOT])[0] if _BOOT in values else 0,
        sequence,
        sector,
        damaged,
    )


def ahead(values: dict[str, bytes], boots: int, events: int) -> dict[str, bytes]:
    """The same set with later numbers of boot and event."""
    later = dict(values)
    for key, by in ((_BOOT, boots), (_EVENTS, events)):
        if key in later:
            later[key] = struct.pack("<I", struct.unpack("<I", later[key])[0] + by)
    return later


def written(values: dict[str, bytes], sequence: int) -> bytes:
    """One sector of a journal that holds this set."""
    flash = Cells(b"\xff" * (2 * PAGES * SECTOR))
    journal = _firmware("core.journal").Journal(flash, PAGES)
    journal.load()
    journal.sequence = sequence - 1
    journal.commit(values)
    return bytes(flash.cells[: PAGES * SECTOR])


def _channels(values: dict[str, bytes]) -> tuple[Channel, ...]:
    resume = _firmware("core.restore").resume
    new_channel = _firmware("core.channel").Channel
    new_sample = _firmware("core.sample").Sample
    keys = _firmware("core.meter").CHANNEL_KEYS
    found = []
    for index, key in enumerate(keys):
        if key not in values:
            break
        channel = new_channel(index, new_sample(_UNITS_PER_WH, 0, True), 1000)
        resume(channel, values)
        account = channel.account
        found.append(
            Channel(channel.register.wh, account.credited_total_u, account.charged_total_u)
        )
    return tuple(found)


def _firmware(name: str) -> types.ModuleType:
    """The module umeter.<name>, running here."""
    if "micropython" not in sys.modules:
        stand_in = types.ModuleType("micropython")
        stand_in.const = lambda value: value
        stand_in.kbd_intr = lambda character: None
        sys.modules["micropython"] = stand_in
    if str(FIRMWARE) not in sys.path:
        sys.path.append(str(FIRMWARE))
    return importlib.import_module("umeter." + name)
