"""The load profile: each channel's energy, interval by interval, in whole Wh.

Intervals are those of the clock (UTC): 15 minutes begin at :00, :15, :30, :45. What an interval
has is the register at its end less the register at its beginning, so all of them together are the
register. While the clock is not trusted they are that long by the chip's own time, and end at the
next bound once it is.

A record, little-endian: n u32, when u32 (its end in seconds since 2020; 0: not known), minutes u8,
flags u8 (1 clock not trusted all the while, or moved; 2 power cut inside), quarantined u8 and
estimated u8 (bit 0: channel 1 ..), 8 x Wh u16, CRC-32. `minutes` is the interval's length by the
clock; with flag 1 it is how long the meter ran in it since its last boot.

What closes an interval is in profile_close.py: code for one moment in 15 minutes.
"""

from micropython import const

from umeter.core.ring import Ring

RECORD_BYTES = const(32)
UNTRUSTED = const(1)
CUT = const(2)

_LONG_MS = const(0x1FFFFFFF)


class Profile:
    """The running interval. flash, first_sector, sectors: where the closed ones live."""

    def __init__(self, flash, first_sector, sectors):
        self.ring = Ring(flash, first_sector, sectors, RECORD_BYTES)
        self.n = 1  # of the next record
        self.period_s = 900
        self.next_period_s = 900  # of the intervals after this one
        self.start = 0  # when the running interval began, 0 if not known
        self.end = 0  # when it ends, 0 while it has no place on the clock
        self.elapsed_ms = 0  # in it, of this boot
        self.flags = 0
        self.quarantined = 0
        self.estimated = 0
        self.base_wh = []  # by channel: register, as far as the intervals before hold it
        self.hold_ms = 0  # after a failure
        self.failing = False

    def due(self, dt_ms, when):
        """Is it time for profile_close.turn()? Allocates nothing."""
        if self.elapsed_ms < _LONG_MS:
            self.elapsed_ms += dt_ms
        if self.hold_ms > 0:
            self.hold_ms -= dt_ms
            return False
        end = self.end
        if end and when:
            return when >= end or when < end - self.period_s
        return when != 0 or self.elapsed_ms >= self.period_s * 1000
