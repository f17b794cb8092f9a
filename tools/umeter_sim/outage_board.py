"""A meter that is alone for weeks: the flash of a board that had a station, taken further by the
firmware on a board for long runs, and what the site knows of that time by itself.

The site's own knowledge: what each user has drawn at each bound of an interval, what that costs,
and each contact that moved.
"""

import random

from umeter_sim.reference_site import EPOCH, HOUR_S, USERS, ReferenceLoads
from umeter_sim.soak_board import SoakBoard

EPOCH_UNIX = int(EPOCH.timestamp())
INTERVAL_S = 900
LESS = 4  # small flats: a quarter of the reference loads
PACE_MS = 60_000  # the firmware's turns; the loads change as often
SETTLE_MS = 60_000  # at full pace after a boot: contacts close, one healthy minute
AWAY_MS = 120_000  # without power: cuts lie inside an interval, which has a record all the same
CUT_EVERY_H = 10 * 24
KETTLE_DW = 22_000
KETTLE_MINUTES = 4
KETTLES_A_DAY = 10  # of all users


class LoneBoard(SoakBoard):
    """flash: {label: bytes} of the board it goes on from; units: what its users had drawn then,
    0.1 W x ms. Powered up, with contacts and clock as they come by themselves.

    `drawn`: {Unix seconds of an interval's end: units of each user}. `costs`: by user, 0.1 W x ms
    x micro-units per kWh, at the prices that price_u(unix) says. `moves`: (unix, ch, closed).
    """

    def __init__(self, unix, flash, units, price_u, seed):
        super().__init__(unix)
        for label, cells in flash.items():
            self.flash[label].cells[:] = cells
        self.units[:] = units
        self.drawn = {}
        self.costs = [0] * USERS
        self.moves = []
        self._price_u = price_u
        self._random = random.Random(seed)
        self._loads = ReferenceLoads(seed)
        self._kettles = [0] * USERS  # minutes that they have to boil
        self._boot()

    def live(self, until_unix, progress):
        """Go on to that time, the end of an interval. progress(per cent) is told."""
        began = self.unix_ms // 1000
        cut_at = began + self._next_cut_s()
        self.stride_ms, self.meters.at_once = PACE_MS, USERS
        while self.unix_ms < until_unix * 1000:
            now = self.unix_ms // 1000
            if now >= cut_at and now % INTERVAL_S == 3 * 60:
                self._power_cut()
                cut_at = now + self._next_cut_s()
            self._want()
            self.step(1)
            if self.unix_ms % (INTERVAL_S * 1000) == 0:
                self.drawn[self.unix_ms // 1000] = list(self.units)
            if now % (6 * HOUR_S) == 0:
                progress(100 * (now - began) // (until_unix - began))
        self.stride_ms = 0
        self.step(2000)  # the last interval is closed, and everything of it told

    def draw(self, ms):
        before = list(self.units)
        super().draw(ms)
        price_u = self._price_u(self.unix_ms // 1000)
        for index, units in enumerate(self.units):
            self.costs[index] += (units - before[index]) * price_u

    def held(self, log):
        """The bytes of all records that a log of the firmware holds, oldest first."""
        read = self._firmware.load("umeter.core.ring_read")
        return bytes(read.copy(log.ring, 1, log.ring.sectors * log.ring.per_sector)[0])

    def _boot(self):
        self._closed = [False] * USERS
        self.power_up()
        self.stride_ms, self.meters.at_once = 0, 1
        self.step(1000)
        # No station has told the time: the network did.
        self.app._clock.set(self.unix_ms // 1000 - EPOCH_UNIX)
        self.step(SETTLE_MS)

    def _power_cut(self):
        self.draw(self._random.randrange(PACE_MS // 1000) * 1000)
        self.unix_ms += AWAY_MS
        self._boot()
        self.stride_ms, self.meters.at_once = PACE_MS, USERS

    def _next_cut_s(self):
        return self._random.randrange(CUT_EVERY_H // 2, CUT_EVERY_H * 3 // 2) * HOUR_S

    def _want(self):
        hour = self.unix_ms // 1000 % (24 * HOUR_S) // HOUR_S
        demand_dw = [power_dw // LESS for power_dw in self._loads.demand_dw(hour)]
        for index in range(USERS):
            if self._random.randrange(24 * 60 * USERS) < KETTLES_A_DAY:
                self._kettles[index] = KETTLE_MINUTES
            if self._kettles[index]:
                self._kettles[index] -= 1
                demand_dw[index] += KETTLE_DW
        self.meters.demand_dw[:] = demand_dw

    def _board(self, part):
        board = super()._board(part)
        board.relays.set = self._moved
        return board

    def _moved(self, index, closed):
        if closed != self._closed[index]:
            self._closed[index] = closed
            self.moves.append((self.unix_ms // 1000, index + 1, closed))
