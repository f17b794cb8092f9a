"""A BL0906 at register level: six current inputs, alone on its UART; writes need USR_WRPROT, and a
dip of the supply clears counts and settings.
"""

from belling import Meter, Scale, put, serve
from micropython import const

_V_RMS = const(0x16)
_CREEP = const(0x88)
_USR_WRPROT = const(0x9E)
_SOFT_RESET = const(0x9F)
_CREEP_RESET = const(0x04C04C)
_PER_MV = ((12875, 1), (13162, 1), (404125, 10000))
_COUNT = (4194304 * 32768, 1000000)
_INPUT_OFFSETS = (1, 2, 3, 4, 7, 8)
_I_RMS = const(0x0C)
_WATT = const(0x22)
_CF_CNT = const(0x2F)


class Chip:
    """One chip; group has its channels, each with `input` 1..6."""

    address = None
    baud = 19200
    silence_ms = 0
    turnaround_ms = 1
    address_mask = 0
    reads = 0x35
    writes = 0xCA
    counted = False

    def __init__(self, world, group, state=None):
        state = state or {}
        was = state.get("meters")
        self.meters = []
        self._by_offset = {}
        for channel in group["channels"]:
            scale = Scale(channel, 1097, _PER_MV, _COUNT)
            meter = Meter(world, scale, was and was[len(self.meters)])
            self.meters.append(meter)
            self._by_offset[_INPUT_OFFSETS[channel["input"] - 1]] = meter
        self.unlocked = False
        self.creep = state.get("creep", _CREEP_RESET)
        self._faults = None
        self._frozen = {}
        self._apply()

    def reset(self):
        """The supply dipped."""
        for meter in self.meters:
            meter.reset()
        self.creep = _CREEP_RESET
        self.unlocked = False
        self._apply()

    def _apply(self):
        for meter in self.meters:
            n, d = meter.scale.watt
            meter.creep_mw = (self.creep & 0xFFF) * 2 * d * 1000 // n

    def answer(self, frame, count, reply):
        for meter in self.meters:
            meter.settle()
        self._faults = self.meters[0].faults
        size = serve(self, frame, count, reply)
        if size and (self._faults.dead or self._faults.takes("lost")):
            return 0
        if size and self._faults.takes("garbled"):
            reply[size // 2] ^= 0x24
        return size

    def store(self, register, value):
        if register == _USR_WRPROT:
            self.unlocked = value == 0x5555
        elif self.unlocked:
            if register == _CREEP:
                self.creep = value
            elif register == _SOFT_RESET and value == 0x5A5A5A:
                self.reset()
            self._apply()

    def show(self, register, reply):
        if register == _CREEP:
            put(reply, 0, self.creep)
            return 3
        if register == _V_RMS:
            put(reply, 0, self.meters[0].values()[1])
            return 3
        for first in (_CF_CNT, _WATT, _I_RMS):
            if register > first:
                meter = self._by_offset.get(register - first)
                break
        else:
            meter = None
        value = 0  # of an input that nothing is wired to
        if meter is not None:
            self._faults = meter.faults
            value = self._value(meter, first, register)
        put(reply, 0, value)
        return 3

    def _value(self, meter, first, register):
        if first == _CF_CNT:
            value = meter.counts
        else:
            value = meter.values()[0 if first == _I_RMS else 2]
        if meter.faults.stuck:
            return self._frozen.setdefault(register, value)
        self._frozen.pop(register, None)
        return value

    def state(self):
        return {"meters": [meter.state() for meter in self.meters], "creep": self.creep}
