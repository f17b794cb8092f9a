"""What the users switch on: loads with daily profiles and noise, and the exact truth of their
energy.

Energy truth is in integers of 0.1 W x ms. A load draws only while its contact is closed.
"""

import appliances
from micropython import const

_MASK = const(0x3FFFFFFF)
_UNITS_PER_WH = const(36000000)
_CHUNK_MS = const(1000)  # 0.1 W x ms of 100 kW in one chunk is still a small int
_TWO_HOURS_S = const(7200)
_FRIDGE_CYCLE_S = const(2700)
_FRIDGE_ON_S = const(1000)

# name: peak in 0.1 W, noise in per mille, the curve in per mille of the peak every two hours from
# midnight (UTC)
PROFILES = {
    "household": (18000, 120, (90, 70, 80, 350, 420, 300, 380, 310, 350, 700, 1000, 450)),
    "shop": (25000, 80, (60, 60, 60, 120, 850, 950, 1000, 980, 960, 900, 300, 80)),
    "workshop": (60000, 250, (20, 20, 20, 200, 900, 1000, 600, 1000, 900, 250, 30, 20)),
    "night": (12000, 60, (1000, 1000, 900, 300, 50, 40, 40, 40, 60, 300, 800, 1000)),
    "office": (9000, 50, (150, 150, 150, 250, 900, 1000, 850, 1000, 900, 400, 200, 150)),
    "fridge": (1500, 30, None),
    "heater": (20000, 10, (700, 800, 1000, 900, 500, 300, 250, 250, 400, 600, 700, 700)),
    "kiosk": (4000, 200, (250, 200, 200, 400, 700, 800, 800, 800, 850, 1000, 900, 500)),
}


class Tally:
    """Energy as whole Wh and a residual in 0.1 W x ms."""

    def __init__(self, wh=0, residual=0):
        self.wh = wh
        self.residual = residual

    def add(self, units):
        units += self.residual
        self.wh += units // _UNITS_PER_WH
        self.residual = units % _UNITS_PER_WH


class Load:
    """One user's load behind one contact.

    `want` is what it would draw: a constant in 0.1 W, [power in 0.1 W, apparent power in 0.1 VA],
    the name of a profile, or a list of names of appliances, which switch themselves. `meter` has
    add(units).
    """

    def __init__(self, meter, want, tally):
        self.closed = False
        self.energy = tally
        self._meter = meter
        self._since = 0
        self._stepped = 0
        self._demand_dw = 0
        self.household = None  # of appliances
        self.want = want

    def set_want(self, want, random):
        """ValueError if there is no such load."""
        self.household = None
        if _is_pair(want):
            pass
        elif isinstance(want, list):
            self.household = appliances.Household(want, random)
        elif not isinstance(want, int) and want not in PROFILES:
            known = ", ".join(sorted(PROFILES))
            raise ValueError(
                "no load %s: give 0.1 W as a number, a list of appliances, or one of %s"
                % (want, known)
            )
        self.want = want

    @property
    def power_dw(self):
        return self._demand_dw if self.closed else 0

    @property
    def apparent(self):
        """Apparent power of appliances in 0.1 VA; None of other loads, whose power factor is the
        module's to say.
        """
        if _is_pair(self.want):
            return self.want[1] if self.closed else 0
        if self.household is None:
            return None
        return self.household.apparent if self.closed else 0

    def switch(self, closed, now):
        self.settle(now)
        self.closed = closed

    def settle(self, now):
        """Book the energy drawn up to `now` (ticks). Stays off the heap."""
        ms = (now - self._since) & _MASK
        self._since = now
        if self.closed and self._demand_dw:
            while ms > 0:
                part = ms if ms < _CHUNK_MS else _CHUNK_MS
                units = part * self._demand_dw
                self.energy.add(units)
                self._meter.add(units)
                ms -= part

    def step(self, now, day_s, random):
        """Settle, then set the demand for this second of the day."""
        passed_ms = (now - self._stepped) & _MASK
        self._stepped = now
        self.settle(now)
        if self.household is not None:
            if passed_ms:
                self.household.step(passed_ms, random)
                self._demand_dw = self.household.power_dw
            return
        if isinstance(self.want, int):
            self._demand_dw = self.want
            return
        if _is_pair(self.want):
            self._demand_dw = self.want[0]
            return
        peak_dw, noise, curve = PROFILES[self.want]
        if curve is None:
            share = 1000 if day_s % _FRIDGE_CYCLE_S < _FRIDGE_ON_S else 20
        else:
            i = day_s // _TWO_HOURS_S
            into = day_s % _TWO_HOURS_S
            share = curve[i] + (curve[(i + 1) % 12] - curve[i]) * into // _TWO_HOURS_S
        share = share * (1000 - noise + random.below(2 * noise + 1)) // 1000
        self._demand_dw = peak_dw * share // 1000


def _is_pair(want):
    return isinstance(want, list) and len(want) == 2 and isinstance(want[0], int)
