"""HLW8012 and BL0937: the pulses of pin CF, counted in hardware by machine.Counter.

A pulse is a fixed energy of some milliwatt-hours, so that there are hundreds in a second at full
load; it is worked out from shunt and divider on the host. CF1 and SEL are not used: voltage and
current are not measured. Pulses while the board is down are lost to it.
"""

from micropython import const

from umeter.core.sample import Sample
from umeter.frontend.s0 import MODULUS, S0Input

_SMALL_MASK = const(0x3FFFFFFF)
_HALF = const(0x20000000)
_IDLE_END_MS = const(0x1FFFFFFF)


def sample(channel):
    """The Sample of a channel of board.json."""
    return Sample(channel["units"], MODULUS)


def attach(counter, members):
    """What polls these channels. counter(gpio): a machine.Counter of it. members: [(channel of
    board.json, Sample)].
    """
    return [PulseInput(counter(channel["pin"]), sample) for channel, sample in members]


class PulseInput:
    """S0Input with a creep threshold, which these chips have no register for: pulses that come
    slower than that are kept from it.
    """

    def __init__(self, counter, sample):
        self._counter = counter
        self._sample = sample
        self._raw = counter.value()
        self._kept = 0
        self._idle_ms = 0
        self._input = S0Input(self, sample)

    def value(self):
        """What S0Input takes for the counter's."""
        return self._raw - self._kept

    def poll(self, dt_ms):
        """Book the pulses since the last call. `dt_ms` is the time since that call."""
        raw = self._counter.value()
        pulses = (raw - self._raw) & _SMALL_MASK
        self._raw = raw
        if self._idle_ms < _IDLE_END_MS:
            self._idle_ms += dt_ms
        if pulses:
            sample = self._sample
            tuning = sample.tuning
            if (
                tuning is not None
                and self._idle_ms
                and pulses < _HALF
                and pulses * sample.units_per_count // self._idle_ms < tuning.creep_dw
            ):
                self._kept = (self._kept + pulses) & _SMALL_MASK
            self._idle_ms = 0
        self._input.poll(dt_ms)
