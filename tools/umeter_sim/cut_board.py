"""A meter of the firmware's own core on flash that loses its power, for tens of thousands of cuts.

The front ends are the loads themselves: half of them with a register that outlives the board as a
PZEM's does, half counted on the board as S0 pulses are, whose uncommitted energy is gone.
"""

import types
from pathlib import Path

from umeter_sim.nor import SECTOR, Nor
from umeter_sim.paths import FIRMWARE, SHIMS
from umeter_sim.runtimes.namespace import Namespace

ERASE_COST = 40  # bytes of a budget: so that many cuts fall into one
_MODULUS = 10_000_000

firmware = Namespace([SHIMS, FIRMWARE], {}, Path(), print)
WH = firmware.load("umeter.core.energy").UNITS_PER_WH
_channel = firmware.load("umeter.core.channel")
_record = firmware.load("umeter.core.channel_record")
_Events = firmware.load("umeter.core.events").Events
_Journal = firmware.load("umeter.core.journal").Journal
_Meter = firmware.load("umeter.core.meter").Meter
_Sample = firmware.load("umeter.core.sample").Sample
_Supply = firmware.load("umeter.core.supply").Supply
_Settings = firmware.load("umeter.settings").Settings
carry_out = firmware.load("umeter.net.orders").carry_out


class PowerCut(BaseException):
    """The supply of the board ended in the middle of something."""


class CutFlash(Nor):
    """Loses its power when `budget` bytes are programmed (None: never). A torn erase reaches the
    part of the sector that `torn(size)` tells as (from, to).
    """

    def __init__(self, sectors, torn):
        super().__init__(sectors)
        self.budget = None
        self._torn = torn

    def program(self, off, buf):
        cut = self.budget is not None and self.budget < len(buf)
        part = bytes(buf)[: self.budget] if cut else buf
        super().program(off, part)
        if cut:
            raise PowerCut
        if self.budget is not None:
            self.budget -= len(buf)

    def erase(self, off):
        if self.budget is not None:
            if self.budget < ERASE_COST:
                low, high = self._torn(SECTOR)
                self.cells[off + low : off + high] = b"\xff" * (high - low)
                raise PowerCut
            self.budget -= ERASE_COST
        super().erase(off)


class CutBoard:
    """The site with its loads, and one meter after the other on the same flash.

    `units` is the true energy of each user, 0.1 W x ms. `durable` is what the last commit that
    returned has made so, `attempt` what the newest one was to: the channels' records and the
    settings' version.
    """

    def __init__(self, flash, kept):
        self.flash = flash
        self.kept = kept  # by channel: its register outlives the board
        self.units = [0] * len(kept)
        self.powers = [0] * len(kept)
        self.durable = self.attempt = None

    def power_up(self):
        """A new meter, not yet restored."""
        self.samples = [_Sample(WH, _MODULUS, kept) for kept in self.kept]
        self._from = [
            0 if kept else units for kept, units in zip(self.kept, self.units, strict=True)
        ]
        channels = [
            _channel.Channel(index, sample, 250_000) for index, sample in enumerate(self.samples)
        ]
        relays = types.SimpleNamespace(set=lambda index, closed: None)
        journal = _Journal(self.flash)
        self.clock = types.SimpleNamespace(when=0, set=lambda when: None)
        self.meter = _Meter(
            [types.SimpleNamespace(poll=self._poll)],
            channels,
            _Supply(relays, channels),
            journal,
            _Events(),
            _Settings(len(channels)),
        )
        commit = journal.commit

        def watched(batch):
            self.attempt = self.state()
            commit(batch)
            self.durable = self.attempt

        journal.commit = watched

    def state(self):
        """What the meter would have to find again: records without the price, which follows from
        the settings.
        """
        records = []
        for channel in self.meter.channels:
            record = bytearray(_record.RECORD_BYTES)
            _record.pack(channel, record)
            records.append(
                bytes(record[4:44] + record[48:])
                if channel.sample.keeps_register
                else bytes(record[4:16] + record[20:44] + record[48:])
            )
        return records, self.meter.settings.version

    def booked(self):
        """Units in each channel's register."""
        return [c.register.wh * WH + c.register.residual for c in self.meter.channels]

    def tick(self, dt_ms):
        """The loads draw through closed contacts, then the meter has its turn."""
        for index, channel in enumerate(self.meter.channels):
            if channel.contact:
                self.units[index] += self.powers[index] * dt_ms
        self.meter.tick(dt_ms, 0)

    def _poll(self, dt_ms):
        for index, sample in enumerate(self.samples):
            sample.count = (self.units[index] - self._from[index]) // WH
            sample.power_dw = self.powers[index] if self.meter.channels[index].contact else 0
            sample.fresh += 1
