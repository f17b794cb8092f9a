"""A board that lives through weeks in seconds and tells what it would have told: the messages that
a broker would have brought to its station, and the answers to the station's orders.

It is a SoakBoard: the firmware with its journal and logs, in strides of a quarter of an hour. So
a real board can go on with its flash.
"""

import json
import random

import numpy as np

from umeter_sim.outage_board import EPOCH_UNIX
from umeter_sim.soak_board import SITE, SoakBoard
from umeter_sim.watch_site import household

QUARTER_S = 900
SETTLE_MS = 90_000  # at full pace after a boot: contacts close, one healthy minute
NOMINAL_DV = 2300
INLET = 8  # the channel that measures what goes into the house, where one does
OWN_DW = 50  # the board and its relays, behind the inlet
STEPS_A_QUARTER = 3  # of what households want

LOGS = ("events", "profile")
_ALL = 100_000
# Unix seconds, kind, payload. Kinds are those of the topics up/..., and for each log its new
# records one after the other, as they lie in flash.
Message = tuple[int, str, bytes]


class PastBoard(SoakBoard):
    """meter, key (32 bytes): as the station knows it. unix: the beginning, a full quarter of an
    hour. days: as long as people live there. seed: of those people. inlet: the last channel
    measures all others. tap: None, or from which day on 1.2 kW are taken past them.
    """

    def __init__(self, meter, key, unix, days, seed, inlet=False, tap=None):
        super().__init__(unix, {**SITE, "meter": meter, "key": key})
        self._began = unix
        self._inlet = inlet
        self._tap = tap
        self._random = random.Random(seed)
        self._wanted_dw = _wanted_dw(seed, days)
        self._told: list[Message] = []
        self._pulled = dict.fromkeys(LOGS, 1)  # number of the next record

    def begin(self):
        """Power up: what it tells then."""
        self._boot()
        return self._all_told()

    def live(self, quarters, report=1):
        """So many quarters of an hour go by: what it tells, readings after each `report` of them
        and at the end.
        """
        self.stride_ms, self.meters.at_once = QUARTER_S * 1000, len(self.units)
        for quarter in range(quarters):
            self._want()
            at = self.unix_ms // 1000
            self.step(1)  # a tick, and the sleep to the next quarter
            if quarter and quarter % report == 0:
                self._tell("reading", at)
        self.stride_ms = 0
        self.step(1)  # the tick after that sleep: the clock is right again
        self._tell("reading")
        return self._all_told()

    def cut(self, seconds):
        """A power cut after some minutes under load; it ends within a later quarter."""
        self.draw(self._random.randrange(200_000))
        self.unix_ms += seconds * 1000
        self._boot()
        return self.live(1)

    def deliver(self, tokens):
        """Carry out the station's orders: the signed results, and what else there is to tell."""
        for token in tokens:
            result = self.app.session._commands.handle(token)
            if result is not None:
                self._told.append((self.unix_ms // 1000, "result", bytes(result)))
        self._tell("settings")
        return self._all_told()

    def balances(self):
        """By channel (micro-units, is the contact closed)."""
        return [(c.account.balance_u, bool(c.contact)) for c in self.meter.channels]

    def end(self):
        """The last commit is made: (flash by label, energy of each user in 0.1 W x ms)."""
        self.stride_ms, self.meters.at_once = 0, 1
        self.step(2000)
        self.meter.commit()
        return {label: bytes(nor.cells) for label, nor in self.flash.items()}, list(self.units)

    def draw(self, ms):
        """The inlet is no load of its own: it measures the others."""
        super().draw(ms)
        if self._inlet and self.meter.channels[INLET - 1].contact:
            power_dw = sum(self.meters.power_dw[: INLET - 1]) * 1002 // 1000 + OWN_DW
            power_dw += self._tapped_dw()
            self.meters.power_dw[INLET - 1] = power_dw
            self.units[INLET - 1] += power_dw * ms

    def _tapped_dw(self):
        if self._tap is None or self.unix_ms // 1000 < self._began + self._tap * 86_400:
            return 0
        return 12_000 + self._random.randrange(-400, 400)

    def _want(self):
        at = (self.unix_ms // 1000 - self._began) // QUARTER_S
        self.meters.demand_dw[:] = self._wanted_dw[min(at, len(self._wanted_dw) - 1)]
        if self._inlet:
            self.meters.demand_dw[INLET - 1] = 0

    def _boot(self):
        self.power_up()
        self.stride_ms, self.meters.at_once = 0, 1
        self._want()
        self.step(1000)
        # No station has told the time: the network did.
        self.app._clock.set(self.unix_ms // 1000 - EPOCH_UNIX)
        self.step(SETTLE_MS)
        self._tell("status")
        self._tell("settings")
        self._tell("reading")

    def _tell(self, kind, at=None):
        args = ()
        if kind == "status":
            args = (self.app._clock, self.app.session.about)
        elif kind == "reading":
            args = (self.app._clock,)
            self.meter.settle()
            for sample in self.meters.samples:
                sample.voltage_dv = NOMINAL_DV + self._random.randrange(-25, 26)
                sample.current_ma = sample.power_dw * 100_000 // (sample.voltage_dv * 94)
        payload = self.app.session._report(kind, *args)
        self._told.append((at or self.unix_ms // 1000, kind, payload))

    def _all_told(self):
        """With what the logs have got since; that comes first, as a reading names it."""
        at = self.unix_ms // 1000
        read = self._firmware.load("umeter.core.ring_read")
        logs = []
        for kind, log in zip(LOGS, (self.meter.events.audit, self.meter.profile), strict=True):
            records, self._pulled[kind] = read.copy(log.ring, self._pulled[kind], _ALL)
            if records:
                logs.append((at, kind, bytes(records)))
        told, self._told = self._told, []
        return logs + told

    def _board(self, part):
        board = super()._board(part)
        board.name = "sim8"
        return board


def will(boot):
    """What the broker says in a meter's name when it is gone."""
    return json.dumps({"state": "offline", "boot": boot}).encode()


def _wanted_dw(seed, days):
    """What eight households want, 0.1 W, by quarter of an hour."""
    dealer = np.random.default_rng(seed)
    steps = days * 96 * STEPS_A_QUARTER
    watts = np.column_stack([household(dealer, steps) for _ in range(8)])
    by_quarter = watts.reshape(-1, STEPS_A_QUARTER, 8).mean(axis=1)
    return np.round(by_quarter * 10).astype(int).tolist()
