"""The site of a scenario: one board on a flash in memory, its loads, and the true time. It runs on
CPython and inside MicroPython.
"""

import json

from scenario_cells import UNITS_PER_WH
from umeter.core.channel import Channel
from umeter.core.events import Events
from umeter.core.journal import Journal
from umeter.core.meter import Meter
from umeter.core.sample import Sample
from umeter.core.supply import Supply
from umeter.net import orders
from umeter.settings import Settings

_MODULUS = 10_000_000
_MAINS_DV = 2300
_BOOT_TICKS = 4  # of a second, in which the loads do not draw and the true time stands still
_STAGGER_MS = 100
_TURN_MS = 12_000
_TORN_MS = 20 * _TURN_MS
_SECTOR = 4096
_PLENTY = 1 << 29


class PowerCut(BaseException):
    """The supply of the board ended in the middle of writing."""


class Flash:
    """Programming only clears bits; after `budget` bytes (an erase costs one) the power is cut."""

    sector = _SECTOR
    size = 2 * _SECTOR

    def __init__(self):
        self._cells = bytearray(b"\xff" * self.size)
        self.budget = _PLENTY

    def read(self, off, buf):
        buf[:] = memoryview(self._cells)[off : off + len(buf)]

    def program(self, off, buf):
        cells = self._cells
        end = min(len(buf), self.budget)
        for i in range(end):
            cells[off + i] &= buf[i]
        self._spend(len(buf))

    def erase(self, off):
        self._spend(1)
        self._cells[off : off + _SECTOR] = b"\xff" * _SECTOR

    def _spend(self, cost):
        if cost > self.budget:
            self.budget = 0
            raise PowerCut()
        self.budget -= cost


class Load:
    """What one channel feeds, and the front end that measures it: a PZEM, or one beside a board
    that sees the voltage behind the contact. It is the meter's bus, and draws while it is polled.
    """

    def __init__(self):
        self.units = 0  # 0.1 W x ms drawn, outlives every power cut
        self.power_dw = 0
        self.apparent_dw = 0
        self.faults = ()  # of "weld", "stuck", "reverse", "silent", "frozen"
        self.rests = False
        self.channel = None

    def apply(self, text):
        """Sum up '200@0.80 + 1000': watts, each with its power factor in hundredths, else 1."""
        power_w = reactive_mw = 0
        for part in text.split("+"):
            watts, _, factor = part.strip().partition("@")
            power_w += int(watts)
            if factor:
                hundredths = int(factor.replace(".", ""))
                apparent_mw = int(watts) * 100_000 // hundredths
                reactive_mw += _root(apparent_mw**2 - (int(watts) * 1000) ** 2)
        self.power_dw = power_w * 10
        self.apparent_dw = _root((power_w * 1000) ** 2 + reactive_mw**2) // 100

    def poll(self, dt_ms):
        if not dt_ms or "silent" in self.faults:
            return
        sample = self.channel.sample
        live = self.channel.contact and "stuck" not in self.faults
        live = live or "weld" in self.faults
        power_dw = self.power_dw if live and not self.rests else 0
        if "reverse" in self.faults:
            power_dw = -power_dw
        elif "frozen" not in self.faults:
            self.units += power_dw * dt_ms
        sample.count = self.units // UNITS_PER_WH % _MODULUS
        sample.power_dw = power_dw
        sample.voltage_dv = 0 if self.behind() and not live else _MAINS_DV
        sample.current_ma = self.apparent_dw * 1000 // _MAINS_DV if live else 0
        sample.silent_ms = 0
        sample.fresh += 1

    def behind(self):
        return getattr(self.channel.sample, "behind", 0)


def _root(square):
    """The whole part of a square root."""
    root = 0
    bit = 1 << 40
    while bit:
        if (root + bit) ** 2 <= square:
            root += bit
        bit >>= 1
    return root


class _Relays:
    def set(self, index, closed):
        pass


class Site:
    """`self` is to the orders what has the meter and the clock, and that clock too."""

    def __init__(self, channels, when, behind=False):
        self.loads = [Load() for _ in range(channels)]
        self.flash = Flash()
        self.true_ms = 0  # since the beginning
        self.first_when = when
        self.error_s = 0  # of the board's clock; None: not trusted
        self.behind = behind
        self.torn = 0  # > 0: cut the power so many bytes into the next order's commit
        self._n = 0
        self.clock = self
        self.boot()

    @property
    def true_when(self):
        return self.first_when + self.true_ms // 1000

    @property
    def when(self):
        return 0 if self.error_s is None else self.true_when + self.error_s

    def set(self, when):
        self.error_s = when - self.true_when

    def boot(self):
        """Power up: a new meter on what the flash has."""
        self.flash.budget = _PLENTY
        samples = [Sample(UNITS_PER_WH, _MODULUS, True) for _ in self.loads]
        channels = [Channel(i, sample, 250_000) for i, sample in enumerate(samples)]
        for load, channel in zip(self.loads, channels):  # noqa: B905 - MicroPython's has no strict
            load.channel = channel
            channel.sample.behind = self.behind
        self.meter = Meter(
            self.loads,
            channels,
            Supply(_Relays(), channels),
            Journal(self.flash),
            Events(512),
            Settings(len(channels)),
        )
        self.meter.restore(1)
        for _ in range(_BOOT_TICKS):
            self._still(1000)

    def _still(self, ms):
        """The meter's time goes on; the loads rest, and the true time."""
        for load in self.loads:
            load.rests = True
        self.meter.tick(ms, self.when)
        for load in self.loads:
            load.rests = False

    def wait(self, ms, step_ms, torn=0):
        """Let time pass, in turns of at most step_ms. torn > 0: the power is cut when so many
        bytes more have been written, if that is soon, and comes back at once.
        """
        before = self.meter
        self.flash.budget = torn or _PLENTY
        gone_ms = 0
        while gone_ms < ms:
            if torn and (self.meter is not before or gone_ms >= _TORN_MS):
                torn = 0
                self.flash.budget = _PLENTY
            # What a meter has not committed is seconds old: short turns, then the usual ones.
            turn_ms = min(_TURN_MS, step_ms) if torn else step_ms - gone_ms % step_ms
            turn_ms = min(turn_ms, ms - gone_ms)
            gone_ms += turn_ms
            self.true_ms += turn_ms
            try:
                self.meter.tick(turn_ms, self.when)
            except PowerCut:
                self.boot()
        self.flash.budget = _PLENTY

    def settle(self):
        """Turns without time: contacts follow what was ordered."""
        self.meter.tick(0, self.when)
        for channel in self.meter.channels:  # contacts that close one after the other
            if not channel.claims and not channel.contact:
                self._still(_STAGGER_MS)

    def order(self, op, fields):
        """The answer to an order; cut short by a torn commit, it is sent again after the boot. An
        order that is meant for one boot alone is not.
        """
        self._n += 1
        order = {"n": self._n, "op": op}
        order.update(fields)
        payload = json.dumps(order)
        if self.torn and op != "time":
            self.flash.budget = self.torn
            try:
                answer = orders.carry_out(payload, self)
                self.flash.budget = _PLENTY
                return answer
            except PowerCut:
                self.boot()
        answer = orders.carry_out(payload, self)
        if answer["code"] == "replayed":
            answer["code"] = answer["first"]
        return answer
