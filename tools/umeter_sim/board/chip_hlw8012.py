"""HLW8012 and BL0937: pulses on pin CF, each the same energy. There is nothing in them to be lost
but a part of a pulse.
"""

from belling import millivolt_per_ampere
from micropython import const
from modules import Faults

_TICKS = const(0x3FFFFFFF)
_START_MW = const(400)


def units_per_pulse(channel):
    """Energy of one pulse in 0.1 W x ms."""
    above, below = channel["divider_ohm"]
    mv, per_a = millivolt_per_ampere(channel)
    if channel["chip"] == "hlw8012":
        top, bottom = 2430 * 2430 * 128, 48 * 3579000
    else:
        top, bottom = 1218 * 1218, 1721506
    top *= (above + below) * per_a * 10
    bottom *= below * mv
    return (top + bottom // 2) // bottom


class Chip:
    """It pulses whether or not anybody counts. phantom_mw: what it sees without a load; below its
    start it does not pulse.
    """

    def __init__(self, world, group, state=None):
        state = state or {}
        channel = group["channels"][0]
        self.pin = channel["pin"]
        self.meters = [self]
        self.faults = Faults(state.get("faults"))
        self.pulses = state.get("pulses", 0)
        self.phantom_mw = state.get("phantom_mw", 0)
        self.start_mw = _START_MW
        self.load = None
        self.voltage_dv = 2300
        self._world = world
        self._units = units_per_pulse(channel)
        self._residual = state.get("residual", 0)
        self._phantom_at = world.ticks

    def add(self, units):
        if self.load.power_dw * 100 + self.phantom_mw >= self.start_mw:
            self._count(units)

    def _count(self, units):
        units += self._residual
        if not self.faults.dead:
            self.pulses = (self.pulses + units // self._units) & 0x3FFFFFFF
        self._residual = units % self._units

    def pulses_now(self):
        now = self._world.ticks
        self.load.settle(now)
        ms = (now - self._phantom_at) & _TICKS
        self._phantom_at = now
        if self.phantom_mw and self.load.power_dw * 100 + self.phantom_mw >= self.start_mw:
            self._count(ms * self.phantom_mw // 100)
        return self.pulses

    def reset(self):
        """The supply dipped."""
        self._residual = 0

    def state(self):
        return {
            "pulses": self.pulses,
            "residual": self._residual,
            "phantom_mw": self.phantom_mw,
            "faults": dict(self.faults.__dict__),
        }
