"""What people plug in: appliances that switch themselves on and off, with their power factors, and
what a metering module reads of them.

Idle power is all that is no active power, in 0.1 VA. That of motors lags, that of lamps' supplies
leads, and rectifiers without power factor correction make harmonics; the first two cancel each
other, and the harmonics stand square to both.
"""

from micropython import const

LAGS = const(0)
LEADS = const(1)
HARMONIC = const(2)

# name: power in 0.1 W, power factor in per mille, kind of its idle power, wander in per mille,
# seconds on and off (both vary by half), inrush in per mille of the power, milliseconds of it
APPLIANCES = {
    "kettle": (20000, 1000, LAGS, 0, 180, 10800, 0, 0),
    "travel kettle": (10000, 1000, LAGS, 0, 300, 14400, 0, 0),
    "fan heater": (15000, 998, LAGS, 0, 240, 300, 100, 500),
    "immersion coil": (8000, 1000, LAGS, 0, 600, 14400, 0, 0),
    "hot plate": (12000, 1000, LAGS, 0, 40, 60, 0, 0),
    "fridge": (1100, 650, LAGS, 0, 900, 1800, 7000, 400),
    "fan": (450, 880, LAGS, 0, 7200, 14400, 1500, 2000),
    "air conditioner": (9500, 920, LAGS, 0, 900, 900, 4000, 300),
    "vacuum cleaner": (8500, 950, LAGS, 40, 420, 43200, 3000, 600),
    "desktop": (1300, 620, HARMONIC, 150, 5400, 27000, 1000, 100),
    "gaming computer": (3800, 960, HARMONIC, 220, 6000, 40000, 1000, 100),
    "television": (900, 900, HARMONIC, 0, 7200, 14400, 1000, 100),
    "led lamps": (400, 560, LEADS, 0, 10800, 14400, 3000, 50),
}
_READING_MS = const(1000)
_WANDER_MS = const(4000)  # so often, about, a wandering load finds another power


def root(square):
    """Whole square root."""
    if square == 0:
        return 0
    guess = 1
    while guess * guess <= square:
        guess <<= 1
    while True:
        better = (guess + square // guess) >> 1
        if better >= guess:
            return guess
        guess = better


class Appliance:
    """One appliance. `power_dw` and `idle` (0.1 VA) are means over the last step, `moved` tells
    whether they are others than before.
    """

    def __init__(self, name, random):
        self.name = name
        (
            self._peak_dw,
            factor,
            self.kind,
            self._wander,
            self._on_s,
            self._off_s,
            self._inrush,
            self._inrush_ms,
        ) = APPLIANCES[name]
        # Of idle power to each watt, per mille.
        self._ratio = root(1000000 - factor * factor) * 1000 // factor
        self.power_dw = self.idle = 0
        self.moved = self.on = False
        self._now_dw = 0
        self.left_ms = random.below(1000) * self._off_s
        self._wander_ms = 0

    @property
    def restless(self):
        """Does its power change while nobody switches it?"""
        return self.on and self._wander > 0

    def switch(self, on, random):
        """Switch by hand; it stays so for one of its times."""
        self.on = on
        mean_s = self._on_s if on else self._off_s
        self.left_ms = mean_s * (500 + random.below(1001))
        self._wander_ms = 0

    def step(self, ms, random):
        """Let `ms` pass, less than 30 000."""
        before = self._now_dw
        self.left_ms -= ms
        if self.left_ms <= 0:
            self.switch(not self.on, random)
        if not self.on:
            self._now_dw = 0
        elif self._wander or not before:
            self._wander_ms -= ms
            if self._wander_ms <= 0:
                self._wander_ms = random.below(2 * _WANDER_MS)
                spread = self._wander
                share = 1000 - spread + random.below(2 * spread + 1)
                self._now_dw = self._peak_dw * share // 1000
        power = self._now_dw
        if power != before and ms <= _READING_MS:
            # Somewhere within this step it changed, and a reading is a mean over no more.
            part = random.below(1001)
            power = before + (power - before) * part // 1000
            if not before:
                inrush_ms = self._inrush_ms if self._inrush_ms < ms else ms
                power += self._now_dw * self._inrush // 1000 * inrush_ms // ms
        self.moved = power != self.power_dw
        if self.moved:
            self.power_dw = power
            self.idle = power * self._ratio // 1000


class Household:
    """Appliances behind one contact, as one load: `power_dw` and `apparent` (0.1 VA)."""

    def __init__(self, names, random):
        for name in names:
            if name not in APPLIANCES:
                raise ValueError(
                    "no appliance %s, there are %s" % (name, ", ".join(sorted(APPLIANCES)))
                )
        self.appliances = [Appliance(name, random) for name in names]
        self.power_dw = self.apparent = 0

    def step(self, ms, random):
        """Let `ms` pass, less than 30 000."""
        moved = False
        for appliance in self.appliances:
            appliance.step(ms, random)
            if appliance.moved:
                moved = True
        if moved:
            self._sum()

    def _sum(self):
        power = shifted = harmonic = 0
        for appliance in self.appliances:
            power += appliance.power_dw
            if appliance.kind == HARMONIC:
                harmonic += appliance.idle
            elif appliance.kind == LEADS:
                shifted -= appliance.idle
            else:
                shifted += appliance.idle
        self.power_dw = power
        self.apparent = root(power * power + shifted * shifted + harmonic * harmonic)


class Reader:
    """What a module makes of active and apparent power: its errors of gain, which stay, and its
    noise.

    power_gain, current_gain: per mille off. noise: of each reading, half of it in 0.1 per mille.
    """

    def __init__(self, power_gain=0, current_gain=0, noise=0):
        self.power_gain = power_gain
        self.current_gain = current_gain
        self.noise = noise
        self.power_dw = 0
        self.current_ma = 0

    def read(self, power_dw, apparent, voltage_dv, random):
        """Set power_dw and current_ma, in steps of 0.1 W and 1 mA."""
        power = power_dw * (1000 + self.power_gain)
        current = apparent * (1000 + self.current_gain)
        if self.noise:
            power += power_dw * (random.below(2 * self.noise + 1) - self.noise) // 10
            current += apparent * (random.below(2 * self.noise + 1) - self.noise) // 10
        self.power_dw = power // 1000
        self.current_ma = current // voltage_dv
