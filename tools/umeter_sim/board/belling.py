"""What the simulated BL0942 and BL0906 have in common: frames, registers that a dip of the supply
clears, and inputs that integrate what flows through them.
"""

from appliances import Reader
from micropython import const
from modules import Faults

_MASK24 = const(0xFFFFFF)
_TICKS = const(0x3FFFFFFF)
_JITTER = const(8)  # of WATT, either way: what the converters' noise leaves in one reading


def millivolt_per_ampere(channel):
    """At the chip's current input, as (numerator, denominator)."""
    if "shunt_uohm" in channel:
        return channel["shunt_uohm"], 1000
    return channel["burden_mohm"], channel["ct_ratio"]


def put(reply, at, value):
    """A register of 24 bits, lowest byte first."""
    reply[at] = value & 0xFF
    reply[at + 1] = value >> 8 & 0xFF
    reply[at + 2] = value >> 16 & 0xFF


class Scale:
    """What a chip makes of the mains. volt, ampere, watt: values of V_RMS, I_RMS and WATT for 1 V,
    1 A and 1 W, each as (numerator, denominator); units: 0.1 W x ms of a count.

    reference_mv: Vref. per_mv: values of I_RMS, V_RMS and WATT at 1 mV and Vref = 1 V, as (n, d)
    each. count: W x s of a count for one of WATT, as (n, d).
    """

    def __init__(self, channel, reference_mv, per_mv, count):
        above, below = channel["divider_ohm"]
        mv_a, per_a = millivolt_per_ampere(channel)
        mv_v, per_v = 1000 * below, above + below
        (i_n, i_d), (v_n, v_d), (w_n, w_d) = per_mv
        self.ampere = i_n * mv_a * 1000, i_d * per_a * reference_mv
        self.volt = v_n * mv_v * 1000, v_d * per_v * reference_mv
        self.watt = (
            w_n * mv_a * mv_v * 1000000,
            w_d * per_a * per_v * reference_mv * reference_mv,
        )
        top = count[0] * 10000 * self.watt[1]
        bottom = count[1] * self.watt[0]
        self.units = (top + bottom // 2) // bottom


class Meter:
    """One current input. It counts what flows, floored to its count, as long as the power is not
    below the chip's creep threshold.
    """

    def __init__(self, world, scale, state=None):
        state = state or {}
        self.scale = scale
        self.counts = state.get("counts", 0)
        self.residual = state.get("residual", 0)
        self.faults = Faults(state.get("faults"))
        self.reversed = state.get("reversed", False)  # the transformer was turned around
        self.phantom_mw = state.get("phantom_mw", 0)  # what it sees without a load
        self.load = None
        self.voltage_dv = 2300
        self.power_factor = 98  # in 0.01, of loads that have none of their own
        self.behind = False  # it measures the voltage behind the contact
        self.creep_mw = 0  # of the chip's threshold register
        self.signed = False  # the chip takes energy that comes back off the count
        self._world = world
        self._phantom_at = world.ticks
        self._reader = Reader()

    def add(self, units):
        if self.load.power_dw * 100 + self.phantom_mw >= self.creep_mw:
            self._count(units)

    def _count(self, units):
        units += self.residual
        steps = units // self.scale.units
        self.residual = units % self.scale.units
        if self.signed and self.reversed:
            steps = -steps
        self.counts = (self.counts + steps) & _MASK24

    def settle(self):
        """Count up to now."""
        now = self._world.ticks
        self.load.settle(now)
        ms = (now - self._phantom_at) & _TICKS
        self._phantom_at = now
        if self.phantom_mw and self.load.power_dw * 100 + self.phantom_mw >= self.creep_mw:
            self._count(ms * self.phantom_mw // 100)

    def reset(self):
        self.counts = self.residual = 0

    def values(self):
        """I_RMS, V_RMS and WATT as the registers show them now."""
        load = self.load
        reader = self._reader
        reader.noise = self.faults.noise
        random = self._world.random
        apparent = load.power_dw if load.apparent is None else load.apparent
        reader.read(load.power_dw, apparent, self.voltage_dv, random)
        current_ma = reader.current_ma
        if load.apparent is None:
            current_ma = current_ma * 100 // self.power_factor
        n, d = self.scale.watt
        watt = (reader.power_dw * 100 + self.phantom_mw) * n // (d * 1000)
        watt += random.below(2 * _JITTER + 1) - _JITTER
        if watt * 1000 * d < self.creep_mw * n:
            watt = 0
        if self.reversed:
            watt = -watt
        n, d = self.scale.ampere
        ampere = current_ma * n // (d * 1000)
        n, d = self.scale.volt
        voltage_dv = 0 if self.behind and not load.closed else self.voltage_dv
        return ampere & _MASK24, voltage_dv * n // (d * 10) & _MASK24, watt & _MASK24

    def state(self):
        return {
            "counts": self.counts,
            "residual": self.residual,
            "reversed": self.reversed,
            "phantom_mw": self.phantom_mw,
            "faults": dict(self.faults.__dict__),
        }


def serve(chip, frame, count, reply):
    """Obey all frames in frame[:count]: length of the last reply. chip: `reads` and `writes`, its
    command bytes, `address_mask` of them, `counted` (the command is part of a sum), `store
    (register, value)` and `show(register, reply)`, which gives the length without the check byte.
    """
    size = at = 0
    while at < count:
        command = frame[at]
        if command & ~chip.address_mask == chip.writes & ~chip.address_mask:
            if at + 6 > count:
                break
            total = frame[at] if chip.counted else 0
            for i in range(at + 1, at + 6):
                total += frame[i]
            if command == chip.writes and total & 0xFF == 0xFF:
                value = frame[at + 2] | frame[at + 3] << 8 | frame[at + 4] << 16
                chip.store(frame[at + 1], value)
            at += 6
        elif command & ~chip.address_mask == chip.reads & ~chip.address_mask:
            if at + 2 > count:
                break
            size = 0
            if command == chip.reads:
                size = _reply(chip, frame[at + 1], reply)
            at += 2
        else:
            break
    return size


def _reply(chip, register, reply):
    size = chip.show(register, reply)
    if not size:
        return 0
    total = chip.reads if chip.counted else 0
    if size == 3:  # a packet's register is no part of the sum
        total += register
    for i in range(size):
        total += reply[i]
    reply[size] = ~total & 0xFF
    return size + 1
