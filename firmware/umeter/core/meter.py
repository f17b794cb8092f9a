"""The meter: front ends to registers to money to contacts, and all of it into the journal."""

import struct

from micropython import const

from umeter.core.channel import NO_BLOCK
from umeter.core.channel_record import RECORD_BYTES, SINCE_BYTES, pack, pack_since
from umeter.core.energy import UNITS_PER_WH
from umeter.core.transient import run

_COMMIT_MS = const(60_000)
_RETRY_MS = const(10_000)
_LONG_MS = const(0x1FFFFFFF)
_SMALL_MASK = const(0x3FFFFFFF)
_TURN_MS = const(3_600_000)
_FIRST_TURN_MS = const(60_000)
_TURN_RETRY_MS = const(60_000)

# Keys of the journal; "b" (restore.py), "n" (replay.py) and "k" (net/order_key.py) are there too.
CHANNEL_KEYS = ("c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7")
ENERGY_KEY = "e"  # `when` of the commit, then what each channel booked since its record
EVENTS_KEY = "v"
HEALTH_KEY = "h"  # boots since the last one that lasted a minute, u8
SETTINGS_KEY = "s"
_HEALTHY_S = const(60)
SINCE_FROM = const(4)


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
        self.profile = None  # the load profile, of a board that has a log
        self.hot = None  # what outlives a reset that is no power cut
        self.inlet = None  # watch.py's mark of the last comparison with the inlet's channel
        self.unsaid = []  # (ch, code, a, b) of events that wait for the commit of what they tell
        self.later = {}  # {key: bytes} for the next commit, whenever it comes
        self.boot = 0  # number of this boot, 0 until restored
        self.cause = 0  # of this boot, as machine.reset_cause() has it on the ESP32; 1 is power
        self.when = 0
        self.last_when = 0  # the newest trusted time that was committed
        self.cut_when = 0  # that of before a power cut whose length is not known yet
        self.up_s = 0
        self.look_s = 1  # of uptime: then hal/slots.py looks at what is on trial; 0: never
        self._up_ms = 0
        self.healthy = False  # a minute was survived
        self.safe_ms = 0  # so long the network stays alone: boots in a row did not last a minute
        self.maintenance = 0  # minutes of it that are asked for; negative: after the answer
        self.next_when = 0  # when the terms in force change by the clock
        self._turn_ms = 0  # and when they are looked at in any case
        self._turn_hold_ms = 0  # after a failure
        self._turn_failing = False
        self._cover = None  # is it open: not told yet
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

    def restore(self, cause=0):
        """Bring back what the journal holds and commit the new boot number. Returns True if there
        was nothing. cause: see `cause`.

        ValueError if a record is of a later format, OSError if the flash fails: the contacts then
        stay open.
        """
        self.cause = cause
        return run("core.restore", "restore", self)

    def configure(self, settings):
        """Take over the settings document."""
        self.settings = settings
        get = settings.open().get
        for channel in self.channels:
            channel.fault_ms = get("fault_s") * 1000
        self.supply.stagger_ms = get("stagger_ms")
        self.supply.dwell_ms = get("dwell_ms")
        self._report_ms = get("report_s") * 1000
        self._quantum = get("commit_wh") * UNITS_PER_WH
        if self.profile is not None:
            self.profile.next_period_s = get("profile_min") * 60
        self.turn()

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
                if channel.due:
                    self.turn(channel)
                # While the flash fails, the sum must not leave the small ints.
                if self._uncommitted < self._quantum:
                    self._uncommitted += units
            self._count_up(dt_ms)
            if self._turn_ms <= 0 or (when and when >= self.next_when):
                self.turn()
            if self._cover is not None and self.judge("cover", self._cover):
                self._cover = None
        self.supply.tick(dt_ms)
        for channel in self.channels:
            if channel.news:
                run("core.tell", "tell", self, channel)
        if self.boot:
            self._commit_if_due(dt_ms)
            if self.profile is not None and self.profile.due(dt_ms, when):
                run("core.tell", "close", self)
        self._since_report_ms += dt_ms
        if self._since_report_ms >= self._report_ms:
            self._since_report_ms = 0
            self.reading_due = True

    def get(self, key):
        """The value that a key of the journal has, or will have with the next commit; or None."""
        return self.later.get(key) or self.journal.get(key)

    def prepare(self):
        """Erase ahead one sector that will be written soon, for a moment in which 50 ms do not
        matter.
        """
        try:
            if not self.journal.prepare() and self.profile is not None:
                if not self.events.audit.ring.prepare():
                    self.profile.ring.prepare()
        except OSError:  # what needs the sector will tell
            pass

    def event(self, code, ch=0, a=0, b=0):
        """Put an event; ch is the channel's number (index + 1), 0 the board."""
        self.events.put(self.when, code, ch, a, b)

    def turn(self, channel=None):
        """Have the terms in force worked out anew, for one channel or for all."""
        if channel is None:
            # A boot has a minute to learn the time; then its lack is told.
            self._turn_ms = _TURN_MS if self.when or self.up_s else _FIRST_TURN_MS
            if not self.when:
                self.next_when = 0
            self.judge("turn")
        elif not self.judge("look", channel) and channel.late:
            channel.block_end_wh = NO_BLOCK  # better at the last block's price than not at all
            channel.charge_late()

    def hand(self, index, long):
        """The consumer's button: let go, or held for `long`."""
        self.judge("hand", self.channels[index], long)
        self.turn(self.channels[index])

    def cover(self, open_):
        """The cover's switch has moved. Told in the next tick, or as soon as it can be."""
        self._cover = open_

    def judge(self, what, *args):
        """Run a function of turn.py, which is forgotten at once; True if it was. After a failure
        there are no turns for a minute: until then the terms stay as they are.
        """
        if self._turn_hold_ms > 0 and what != "hand":
            self._turn_ms = self._turn_hold_ms
            return False
        try:
            run("core.turn", what, self, *args)
            if what == "turn":
                self._turn_failing = False
            return True
        except Exception as error:
            self._turn_ms = self._turn_hold_ms = _TURN_RETRY_MS
            if not self._turn_failing:
                self._turn_failing = True
                self.event("turn.failed")
                print("umeter: a turn failed:", repr(error))
            return False

    def urgent(self):
        """Commit in this tick."""
        self._urgent = True

    @property
    def is_safe(self):
        """Is all that the journal is to hold on its way there no more?"""
        return not self._urgent and not self._failing

    def commit(self, extra=None):
        """Make all channels, and the given {key: bytes}, durable in one batch. OSError,
        ValueError: nothing was.
        """
        since = bytearray(SINCE_FROM + SINCE_BYTES * len(self.channels))
        if self.when:
            self.last_when = self.when
        struct.pack_into("<I", since, 0, self.last_when)
        batch = {ENERGY_KEY: since}
        at = SINCE_FROM
        for channel in self.channels:
            key = CHANNEL_KEYS[channel.index]
            if not pack_since(channel, self.journal.get(key), since, at):
                record = bytearray(RECORD_BYTES)
                pack(channel, record)
                batch[key] = record
            at += SINCE_BYTES
        reserved_n = self.events.to_reserve()
        if reserved_n:
            batch[EVENTS_KEY] = struct.pack("<I", reserved_n)
        batch.update(self.later)
        if extra:
            batch.update(extra)
        self.journal.commit(batch)
        self.later.clear()
        if reserved_n:
            self.events.reserved_n = reserved_n
        self._uncommitted = 0
        self._since_commit_ms = 0
        self._urgent = self._failing = False
        while self.unsaid:
            ch, code, *numbers = self.unsaid.pop(0)
            self.event(code, ch, *numbers)

    def power_fail(self):
        """The supply is about to end: what is not durable yet becomes so at once."""
        if self._uncommitted or self._urgent or self.later:
            try:
                self.commit()
            except (OSError, ValueError):  # a power cut without notice is no worse
                pass
        self.event("power.fail")

    def _count_up(self, dt_ms):
        """The uptime, and what waits for it or for the clock."""
        self._turn_ms -= dt_ms
        if self._turn_hold_ms > 0:
            self._turn_hold_ms -= dt_ms
        self._up_ms += dt_ms
        while self._up_ms >= 1000:
            self._up_ms -= 1000
            self.up_s += 1
        if self.safe_ms > 0:
            self.safe_ms -= dt_ms
        if not self.healthy and self.up_s >= _HEALTHY_S:
            self.healthy = True
            self.later[HEALTH_KEY] = b"\x00"
            self._urgent = True
        if self.cut_when and self.when:
            self.event("power.cut", 0, max(0, self.when - self.up_s - self.cut_when))
            self.cut_when = 0

    def settle(self):
        """Commit what is booked: a power cut must not take back what is told next."""
        if self._uncommitted:
            try:
                self.commit()
            except OSError:  # the tick tries again, and tells
                pass

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
