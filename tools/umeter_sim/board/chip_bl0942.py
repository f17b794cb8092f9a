"""A BL0942 at register level: MODE decides how it counts and at which rate it talks, writes need
USR_WRPROT, and a dip of the supply below 2.7 V clears count and settings.
"""

from belling import Meter, Scale, put, serve
from micropython import const

_CF_CNT = const(0x07)
_WA_CREEP = const(0x14)
_MODE = const(0x19)
_SOFT_RESET = const(0x1C)
_USR_WRPROT = const(0x1D)
_PACKET = const(0xAA)
_PACKET_BYTES = const(22)
_MODE_RESET = const(0x87)
_CREEP_RESET = const(0x0B)
_CF_EN = const(0x04)
_CLEARED_BY_READING = const(0x40)
_UNSIGNED = const(0x80)
_FREQUENCY = const(0x4E20)  # 1 MHz / 50 Hz
_PER_MV = ((305978, 1), (73989, 1), (3537, 1))
_COUNT = (16384 * 256, 10)


class Chip:
    """One chip; its rate is that of the bus, which its pin is wired for."""

    address = None
    silence_ms = 0
    turnaround_ms = 1
    address_mask = 3
    counted = True

    def __init__(self, world, group, state=None):
        state = state or {}
        channel = group["channels"][0]
        self.meter = Meter(world, Scale(channel, 1218, _PER_MV, _COUNT), state.get("meter"))
        self.meter.behind = bool(channel.get("volts_behind_contact"))
        self.meters = [self.meter]
        self.reads = 0x58 | channel["address"]
        self.writes = 0xA8 | channel["address"]
        self.unlocked = False
        self.mode = state.get("mode", _MODE_RESET)
        self.creep = state.get("creep", _CREEP_RESET)
        self._pin_baud = (group["bus"] or {}).get("baud", 9600)
        self._frozen = None
        self._apply()

    @property
    def baud(self):
        rate = self.mode >> 8 & 3
        return self._pin_baud if rate < 2 else 9600 << rate - 1

    def reset(self):
        """The supply dipped."""
        self.meter.reset()
        self.mode = _MODE_RESET
        self.creep = _CREEP_RESET
        self.unlocked = False
        self._apply()

    def _apply(self):
        n, d = self.meter.scale.watt
        self.meter.creep_mw = self.creep * 3125 * d * 1000 // (256 * n)
        self.meter.signed = not self.mode & _UNSIGNED

    def answer(self, frame, count, reply):
        faults = self.meter.faults
        if faults.dead:
            return 0
        self.meter.settle()
        size = serve(self, frame, count, reply)
        if size and faults.takes("lost"):
            return 0
        if size and faults.takes("garbled"):
            reply[size // 2] ^= 0x24
        return size

    def store(self, register, value):
        if register == _USR_WRPROT:
            self.unlocked = value == 0x55
        elif self.unlocked:
            if register == _MODE:
                self.mode = value & 0x3FF
            elif register == _WA_CREEP:
                self.creep = value & 0xFF
            elif register == _SOFT_RESET and value == 0x5A5A5A:
                self.reset()
            self._apply()

    def show(self, register, reply):
        size = _PACKET_BYTES if register == _PACKET else 3
        for i in range(size):
            reply[i] = 0
        if register == _MODE:
            put(reply, 0, self.mode)
        elif register == _WA_CREEP:
            put(reply, 0, self.creep)
        elif register == _USR_WRPROT:
            put(reply, 0, 1 if self.unlocked else 0)
        elif register == _CF_CNT:
            put(reply, 0, self._counts())
        elif register == _PACKET:
            ampere, volt, watt, counts = self._values()
            reply[0] = 0x55
            put(reply, 1, ampere)
            put(reply, 4, volt)
            put(reply, 7, ampere)
            put(reply, 10, watt)
            put(reply, 13, counts)
            put(reply, 16, _FREQUENCY)
            reply[19] = 0x20 | (1 if watt & 0x800000 else 0)
        else:
            return 0
        return size

    def _values(self):
        if self.meter.faults.stuck:
            self._frozen = self._frozen or self.meter.values() + (self._counts(),)
            return self._frozen
        self._frozen = None
        return self.meter.values() + (self._counts(),)

    def _counts(self):
        counts = self.meter.counts if self.mode & _CF_EN else 0
        if self.mode & _CLEARED_BY_READING:
            self.meter.counts = 0
        return counts

    def state(self):
        return {"meter": self.meter.state(), "mode": self.mode, "creep": self.creep}
