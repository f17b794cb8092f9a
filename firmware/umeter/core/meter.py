"""The meter: front ends to registers to money to contacts, and all of it into the journal."""

import struct

from micropython import const

from umeter.core.channel import ENERGY_OPEN, FAULT_NEWS, JUMP, NEWS, RECORD_BYTES
from umeter.core.energy import UNITS_PER_WH
from umeter.core.supply import MOVED, OPERATOR
from umeter.core.transient import forget

_COMMIT_MS = const(60_000)
_RETRY_MS = const(10_000)
_LONG_MS = const(0x1FFFFFFF)
_SMALL_MASK = const(0x3FFFFFFF)

# Keys of the journal; there are "b" (restore.py) and "n" (replay.py) too.
CHANNEL_KEYS = ("c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7")
EVENTS_KEY = "e"
SETTINGS_KEY = "s"


class Meter:
    """buses: front ends with `poll(dt_ms)`. channels, supply, journal, events: of core. settings:
    the document.

    Call `restore` once, then `tick` about every 100 ms. Until `restore` is through, every channel
    keeps its claim BOOT.
    """

    def __init__(self, buses, channels, supply, journal, events, settings):
        self.buses = buses
        self.channels = channels
        self.supply = supply
        self.journal = journal
        self.events = events
        self.settings = settings
        self.boot = 0  # number of this boot, 0 until restored
        self.when = 0
        self.now_ms = 0  # wraps at 2**30
        self.ticks = 0  # wraps at 2**30
        self.worst_gap_ms = 0
        self.reading_due = False
        self._report_ms = 0
        self._since_report_ms = 0
        self._quantum = 0
        self._uncommitted = 0  # units booked since the last commit
        self._since_commit_ms = 0
        self._hold_ms = 0  # after a failed commit
        self._failing = False
        self._urgent = False

    def restore(self):
        """Bring back what the journal holds and commit the new boot number. Returns True if there
        was nothing.

        ValueError if a record is of a later format, OSError if the flash fails: the contacts then
        stay open.
        """
        from umeter.core import replay, restore

        try:
            return restore.restore(self)
        finally:
            forget(restore, replay)

    def configure(self, settings):
        """Take over the settings document."""
        self.settings = settings
        get = settings.get
        for channel in self.channels:
            index = channel.index
            channel.tariff.price_u_per_kwh = get("price_u_per_kwh", index)
            channel.account.configure(get("low_credit_u", index), get("disable_at_u", index))
            channel.fault_ms = get("fault_s") * 1000
        self.supply.stagger_ms = get("stagger_ms")
        self.supply.dwell_ms = get("dwell_ms")
        self._report_ms = get("report_s") * 1000
        self._quantum = get("commit_wh") * UNITS_PER_WH

    def tick(self, dt_ms, when):
        """One turn: `dt_ms` since the last, `when` in seconds since 2020 or 0. Allocates nothing
        in the steady state.
        """
        self.when = when
        self.now_ms = (self.now_ms + dt_ms) & _SMALL_MASK
        self.ticks = (self.ticks + 1) & _SMALL_MASK
        if dt_ms > self.worst_gap_ms:
            self.worst_gap_ms = dt_ms
        for bus in self.buses:
            bus.poll(dt_ms)
        if self.boot:
            for channel in self.channels:
                units = channel.tick(dt_ms)
                # While the flash fails, the sum must not leave the small ints.
                if self._uncommitted < self._quantum:
                    self._uncommitted += units
        self.supply.tick(dt_ms)
        for channel in self.channels:
            if channel.news:
                self._tell(channel)
        if self.boot:
            self._commit_if_due(dt_ms)
        self._since_report_ms += dt_ms
        if self._since_report_ms >= self._report_ms:
            self._since_report_ms = 0
            self.reading_due = True

    def event(self, code, ch=0, a=0, b=0):
        """Put an event; ch is the channel's number (index + 1), 0 the board."""
        self.events.put(self.when, code, ch, a, b)

    def credit(self, index, amount_u):
        """Credit a channel. ValueError if it cannot hold the amount. Durable with the next
        `commit`.
        """
        channel = self.channels[index]
        channel.account.credit(amount_u)
        channel.evaluate()

    def operator(self, index, open_):
        """Set or release the operator's claim. Durable with the next `commit`."""
        channel = self.channels[index]
        if open_:
            channel.claims |= OPERATOR
        else:
            channel.claims &= ~OPERATOR

    def commit(self, extra=None):
        """Make all channels, and the given {key: bytes}, durable in one batch. OSError,
        ValueError: nothing was.
        """
        batch = {}
        for channel in self.channels:
            record = bytearray(RECORD_BYTES)
            channel.pack_into(record)
            batch[CHANNEL_KEYS[channel.index]] = record
        reserved_n = self.events.to_reserve()
        if reserved_n:
            batch[EVENTS_KEY] = struct.pack("<I", reserved_n)
        if extra:
            batch.update(extra)
        self.journal.commit(batch)
        if reserved_n:
            self.events.reserved_n = reserved_n
        self._uncommitted = 0
        self._since_commit_ms = 0
        self._urgent = self._failing = False

    def _commit_if_due(self, dt_ms):
        if self._since_commit_ms < _LONG_MS:
            self._since_commit_ms += dt_ms
        if self._hold_ms > 0:
            self._hold_ms -= dt_ms
        elif (
            self._uncommitted >= self._quantum
            or self._urgent
            or self.events.to_reserve()
            or (self._uncommitted and self._since_commit_ms >= _COMMIT_MS)
        ):
            try:
                self.commit()
            except (OSError, ValueError):
                self._hold_ms = _RETRY_MS
                if not self._failing:
                    self._failing = True
                    self.event("journal.failed")

    def _tell(self, channel):
        """Turn a channel's news into events."""
        ch = channel.index + 1
        news = channel.news
        channel.news = 0
        if news & FAULT_NEWS:  # this claim outlives a power cut
            self._urgent = True
        bit = 1
        for code in NEWS:
            bit <<= 1
            if news & bit:
                counts = 0
                if bit <= JUMP:
                    counts = channel.delta.refused_counts
                elif bit == ENERGY_OPEN:
                    counts = channel.open_counts
                    channel.open_counts = 0
                self.event(code, ch, counts * channel.sample.units_per_count // UNITS_PER_WH)
        if news & MOVED:
            self.event("contact.close" if channel.contact else "contact.open", ch, channel.claims)
