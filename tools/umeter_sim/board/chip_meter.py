"""One current input of a metering chip: what it makes of its load, with the errors of what stands
before it, and the noise that is there without any load.
"""

from appliances import root
from micropython import const
from modules import Faults

_NOISE_MW = const(900)
_NOISE_MA = const(5)


def share(value, ppm):
    """value, below 2**30, x ppm / 1 000 000 without big numbers, for a ppm below 300 000."""
    if value < 0:
        return -share(-value, ppm)
    return value // 1000000 * ppm + value % 1000000 // 1000 * ppm // 1000


class Meter:
    """gain_ppm, lag_urad (of the current behind the voltage), offset_mw: errors of the sensors.
    corrected_urad, corrected_mw: what the chip's registers add against them. start_mw: a power
    below it does not count, 0: all counts. count(units) is told the energy to count.
    """

    def __init__(self, world, state, count):
        self._world = world
        self._count = count
        self.faults = Faults(state.get("faults"))
        self.load = None
        self.voltage_dv = 2300
        self.gain_ppm = state.get("gain_ppm", 0)
        self.lag_urad = state.get("lag_urad", 0)
        self.offset_mw = state.get("offset_mw", 0)
        self.corrected_urad = 0
        self.corrected_mw = 0
        self.start_mw = 0
        self.backward = False  # what is counted comes back
        self.power_mw = 0
        self.current_ma = 0
        self._ticks = world.ticks

    def state(self):
        return {
            "gain_ppm": self.gain_ppm,
            "lag_urad": self.lag_urad,
            "offset_mw": self.offset_mw,
            "faults": dict(self.faults.__dict__),
        }

    def _error_mw(self, power_mw):
        """What is measured beside the load's power."""
        error = share(power_mw, self.gain_ppm) + self.offset_mw + self.corrected_mw
        angle = self.corrected_urad - self.lag_urad
        if angle and self.load.apparent:
            idle = root(max(0, self.load.apparent * self.load.apparent - self.load.power_dw**2))
            error += share(idle * 100, angle) * (1 if getattr(self.load, "leads", 0) else -1)
        return error

    def add(self, units):
        """Energy of the load, 0.1 W x ms. Stays off the heap unless there is a phase error."""
        power_mw = self.load.power_dw * 100
        error = self._error_mw(power_mw)
        if self.faults.stuck or not power_mw or self._asleep(power_mw + error):
            return
        self.backward = power_mw + error < 0
        if error:
            if -1000 < error < 1000:
                ppm = error * 1000000 // power_mw
            else:
                ppm = error * 1000 // (power_mw // 1000 or 1)
            units += share(units, ppm)
        self._count(units)

    def _asleep(self, power_mw):
        return -self.start_mw < power_mw < self.start_mw

    def refresh(self):
        """Measure, if time has gone by."""
        now = self._world.ticks
        self.load.settle(now)
        ms = (now - self._ticks) & 0x3FFFFFFF
        if not ms or self.faults.stuck:
            return
        self._ticks = now
        load = self.load
        random = self._world.random
        noise = random.below(2 * _NOISE_MW + 1) - _NOISE_MW
        power = load.power_dw * 100
        seen = power + self._error_mw(power) + noise
        self.backward = seen < 0
        if not self._asleep(seen) and ms < 100000:
            self._count(noise * ms // 100)
        spread = self.faults.noise
        if spread:
            seen += share(seen, 100 * (random.below(2 * spread + 1) - spread))
        self.power_mw = seen
        apparent = load.apparent
        if apparent is None:
            apparent = abs(load.power_dw)
        floor = random.below(_NOISE_MA + 1)
        current = apparent * 1000 // max(1, self.voltage_dv)
        self.current_ma = max(floor, current + share(current, self.gain_ppm))


class Frame:
    """What of a chip's faults befalls a frame on its bus: `mute` if it does not come through."""

    def __init__(self, meters):
        self._meters = meters
        self.mute = False
        self.garbled = False

    def begin(self):
        self.mute = self.garbled = False
        for meter in self._meters:
            faults = meter.faults
            if faults.dead or faults.takes("lost"):
                self.mute = True
            elif faults.takes("garbled"):
                self.garbled = True  # its last byte is lost
