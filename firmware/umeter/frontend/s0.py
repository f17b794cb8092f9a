"""S0 pulse outputs of energy meters (IEC 62053-31), counted in hardware by machine.Counter.

One pulse is a fixed energy, so the count is the register and the spacing of the pulses is the
power. A pulled wire looks like a load that is off: no S0 meter can tell the two apart. Pulses
while the board is down are lost to it.
"""

from micropython import const

from umeter.core.sample import Sample

MODULUS = 1_000_000_000  # pulses; our own wrap of the count, below the end of small ints

_UNITS_PER_KWH = const(36_000_000_000)
# Power is averaged over two seconds at least: a tick of 100 ms is too coarse a ruler for pulses
# that come 0.3 s apart.
_WINDOW_MS = const(2000)
_WINDOW_END_MS = const(3_600_000)
_QUIET_SPACINGS = const(4)
_POWER_END_DW = const(262_143)
_SMALL_MASK = const(0x3FFFFFFF)
_HALF = const(0x20000000)


def sample(channel):
    """The Sample of a channel of board.json."""
    return Sample(units_per_count(channel["imp_per_kwh"]), MODULUS)


def attach(counter, members):
    """What polls these channels. counter(gpio): a machine.Counter of it. members: [(channel of
    board.json, Sample)].
    """
    return [S0Input(counter(channel["pin"]), sample) for channel, sample in members]


def units_per_count(imp_per_kwh):
    """Energy of one pulse in 0.1 W x ms. ValueError when it is no whole number or no small int."""
    if not 100 <= imp_per_kwh <= 100_000 or _UNITS_PER_KWH % imp_per_kwh:
        raise ValueError(
            "imp_per_kwh is %d, it must be 100..100000 and divide 36000000000" % imp_per_kwh
        )
    return _UNITS_PER_KWH // imp_per_kwh


class S0Input:
    """Feeds one Sample from one counter.

    `counter.value()` is a signed count that only differences are taken of: it is never reset,
    because reading and resetting is not one act in the hardware. The Sample is fresh with every
    poll: the counter always answers.
    """

    def __init__(self, counter, sample):
        self._counter = counter
        self._sample = sample
        self._last = counter.value()
        self._pulses = 0
        self._window_ms = _WINDOW_END_MS
        self._since_ms = _WINDOW_END_MS
        self._quiet_ms = 0

    def poll(self, dt_ms):
        """Book the pulses since the last call. `dt_ms` is the time since that call."""
        sample = self._sample
        value = self._counter.value()
        pulses = (value - self._last) & _SMALL_MASK
        self._last = value
        if pulses >= _HALF:  # the counter went back: somebody initialised it anew
            pulses = 0
        self._window_ms = min(self._window_ms + dt_ms, _WINDOW_END_MS)
        self._since_ms = min(self._since_ms + dt_ms, _WINDOW_END_MS)
        if pulses:
            count = sample.count + pulses
            sample.count = count if count < MODULUS else count - MODULUS
            if self._since_ms >= _WINDOW_MS:  # what came before a long gap says nothing about it
                self._window_ms = self._since_ms
                self._pulses = 0
            self._pulses += pulses
            self._since_ms = 0
            if self._window_ms >= _WINDOW_MS:
                self._measure()
        elif self._since_ms and sample.power_dw:
            self._decay()
        sample.silent_ms = 0
        sample.fresh = (sample.fresh + 1) & _SMALL_MASK

    def _measure(self):
        units = self._sample.units_per_count
        window_ms = self._window_ms
        pulses = self._pulses
        self._pulses = 0
        self._window_ms = 0
        if window_ms == _WINDOW_END_MS:
            return  # the first pulse has none before it to measure from
        # (units * pulses) // window_ms without leaving the small ints
        power_dw = units // window_ms * pulses + units % window_ms * pulses // window_ms
        self._sample.power_dw = min(power_dw, _POWER_END_DW)
        self._quiet_ms = window_ms // pulses * _QUIET_SPACINGS

    def _decay(self):
        # No pulse for t: less than one pulse in t. After four spacings the load counts as off.
        sample = self._sample
        if self._since_ms > self._quiet_ms:
            sample.power_dw = 0
        else:
            sample.power_dw = min(sample.power_dw, sample.units_per_count // self._since_ms)
