"""What core is handed by others, in memory: flash that tears, relays that remember, a chip."""

import struct
from binascii import crc32
from fractions import Fraction

from umeter.core.channel import Channel
from umeter.core.energy import UNITS_PER_WH
from umeter.core.events import Events
from umeter.core.journal import Journal
from umeter.core.meter import Meter
from umeter.core.sample import Sample
from umeter.core.supply import OPERATOR, Supply
from umeter.settings import Settings

MODULUS = 10_000_000


class PowerCut(BaseException):
    """The supply of the board ended in the middle of something."""


class Flash:
    """Programming only clears bits. After `budget` bytes (an erase costs one) the power is cut.

    `sectors` and `sector` are the journal's, which are made of `pages` of the flash's own.
    """

    def __init__(self, sectors=2, sector=4096, pages=1):
        self.pages = pages
        self.sector = sector // pages
        self.size = sectors * sector
        self.cells = bytearray(b"\xff" * self.size)
        self.erases = [0] * (sectors * pages)
        self.budget = None
        self.stuck = ()  # offsets whose bits do not clear

    def read(self, off, buf):
        buf[:] = self.cells[off : off + len(buf)]

    def program(self, off, buf):
        for i, byte in enumerate(buf):
            self._spend()
            if off + i not in self.stuck:
                self.cells[off + i] &= byte

    def erase(self, off):
        assert off % self.sector == 0
        try:
            self._spend()
        except PowerCut:
            half = off + self.sector // 2
            self.cells[off:half] = b"\xff" * (self.sector // 2)
            raise
        self.cells[off : off + self.sector] = b"\xff" * self.sector
        self.erases[off // self.sector] += 1

    def _spend(self):
        if self.budget is not None:
            if self.budget == 0:
                raise PowerCut
            self.budget -= 1


class Relays:
    """`log` holds (index, closed) in the order of switching."""

    def __init__(self, count=8):
        self.closed = [True] * count  # until somebody opens them
        self.log = []

    def set(self, index, closed):
        self.closed[index] = closed
        self.log.append((index, closed))


class Chip:
    """A PZEM: exact energy in, floored counts out, one good reading every `every_ms`."""

    def __init__(self, sample, every_ms=800, start=0):
        self.sample = sample
        self.every_ms = every_ms
        self.units = start * sample.units_per_count
        self.power_dw = 0
        self.alive = True
        self._wait_ms = 0

    def run(self, dt_ms):
        """Let the load draw."""
        self.units += self.power_dw * dt_ms

    def poll(self, dt_ms):
        self._wait_ms += dt_ms
        if self.alive and self._wait_ms >= self.every_ms:
            self._wait_ms = 0
            self.read()

    def read(self):
        sample = self.sample
        count = self.units // sample.units_per_count
        sample.count = count % sample.modulus if sample.modulus else count
        sample.power_dw = self.power_dw
        sample.fresh += 1


class Board:
    """One boot of a whole meter on a flash; `next_boot` is the same board after a power cut."""

    def __init__(self, flash=None, channels=8, units=None):
        self.flash = flash or Flash()
        samples = [Sample(UNITS_PER_WH, MODULUS, True) for _ in range(channels)]
        self.chips = [Chip(sample) for sample in samples]
        for chip, before in zip(self.chips, units or [0] * channels, strict=True):
            chip.units = before
        self.channels = [Channel(i, sample, 250_000) for i, sample in enumerate(samples)]
        self.relays = Relays(channels)
        self.events = Events(256)
        self.supply = Supply(self.relays, self.channels)
        self.meter = Meter(
            self.chips,
            self.channels,
            self.supply,
            Journal(self.flash),
            self.events,
            Settings(channels),
        )

    def next_boot(self):
        self.flash.budget = None
        return Board(self.flash, len(self.chips), [chip.units for chip in self.chips])

    def credit(self, index, amount_u):
        """As a purchase does, without its order."""
        channel = self.meter.channels[index]
        channel.account.credit(amount_u)
        channel.evaluate()
        self.meter.turn(channel)

    def operator(self, index, open_):
        """As the order does."""
        channel = self.meter.channels[index]
        channel.claims = channel.claims | OPERATOR if open_ else channel.claims & ~OPERATOR

    def run(self, ms, dt_ms=100):
        """Loads draw through closed contacts, then the meter has its turn."""
        for _ in range(ms // dt_ms):
            for chip, channel in zip(self.chips, self.channels, strict=True):
                if channel.contact:
                    chip.run(dt_ms)
            self.meter.tick(dt_ms, 0)

    def codes(self, ch=None):
        """The codes of all events so far, of one channel number if given."""
        return [event[2] for event in self.events._ring if ch in (None, event[3])]


def loaded(flash):
    journal = Journal(flash, flash.pages)
    return journal, journal.load()


def whole_set(sequence, entries, form):
    """A sector that has a body, as the first journal wrote it."""
    body = b""
    for key, value in entries.items():
        body += bytes((len(key),)) + key.encode() + struct.pack("<H", len(value)) + value
    head = struct.pack("<HIH", form, sequence, len(body))
    return b"uJ" + head + struct.pack("<I", crc32(head + body)) + body


def in_blocks_u(prices, ends_wh, units):
    """What energy from zero on costs, exactly: a price for each block, and where all but the last
    end.
    """
    cost = Fraction(0)
    begin = 0
    for price, end_wh in zip(prices, (*ends_wh, 1 << 40), strict=True):
        part = max(0, min(units, end_wh * UNITS_PER_WH) - begin)
        cost += Fraction(part * price, 1000 * UNITS_PER_WH)
        begin = end_wh * UNITS_PER_WH
    return int(cost)
