"""Power cuts in the interpreter of the board: a short day of sales and energy, cut at every so
many bytes, then again while it recovers.
"""

import json

from umeter.core.channel import Channel
from umeter.core.channel_record import pack
from umeter.core.events import Events
from umeter.core.journal import Journal
from umeter.core.meter import Meter
from umeter.core.replay import KEY, window_of
from umeter.core.sample import Sample
from umeter.core.supply import Supply
from umeter.settings import Settings

_PAGE = 512
_PAGES = 2  # to a sector of the journal
_SALES = 6
_SALE_U = 1_000_000
_TICKS = 6
_WH = 36_000_000
_MODULUS = 10_000_000


class PowerCut(BaseException):
    pass


class _Flash:
    sector = _PAGE
    size = 2 * _PAGES * _PAGE

    def __init__(self):
        self._cells = bytearray(b"\xff" * self.size)
        self.budget = 1 << 29
        self.turns = 0

    def read(self, off, buf):
        buf[:] = memoryview(self._cells)[off : off + len(buf)]

    def program(self, off, buf):
        for i in range(len(buf)):
            self._spend()
            self._cells[off + i] &= buf[i]

    def erase(self, off):
        for at in range(off, off + _PAGE):
            if at % 64 == 0:
                self._spend()
            self._cells[at] = 0xFF
        self.turns += 1

    def _spend(self):
        if self.budget == 0:
            raise PowerCut()
        self.budget -= 1


class _Relays:
    def set(self, index, closed):
        pass


class _Board:
    """One channel with a register of its own, one counted on the board.

    `durable` is the state that the last commit to return was to keep, `attempt` the newest one's.
    """

    def __init__(self):
        self.flash = _Flash()
        self.units = [0, 0]
        self.durable = self.attempt = None

    def boot(self):
        samples = [Sample(_WH, _MODULUS, True), Sample(_WH, _MODULUS)]
        channels = [Channel(i, sample, 250_000) for i, sample in enumerate(samples)]
        journal = Journal(self.flash, _PAGES)
        supply = Supply(_Relays(), channels)
        self._before = self.units[1]
        self.meter = Meter([self], channels, supply, journal, Events(), Settings(2))
        commit = journal.commit

        def watched(batch):
            self.attempt = self.state()
            commit(batch)
            self.durable = self.attempt

        journal.commit = watched
        self.meter.restore()

    def poll(self, dt_ms):
        for channel in self.meter.channels:
            i = channel.index
            self.units[i] += 30_000 * dt_ms if channel.contact else 0
            since = self._before if i else 0
            channel.sample.count = (self.units[i] - since) // _WH
            channel.sample.power_dw = 30_000 if channel.contact else 0
            channel.sample.fresh += 1

    def sale(self, n):
        """What a credit order does."""
        window = window_of(self.meter.journal)
        if window.outcome(n):
            return
        window.record(n, 1)
        self.meter.channels[n % 2].account.credit(_SALE_U)
        self.meter.commit({KEY: window.pack()})

    def state(self):
        """All that is to survive and does not follow from the settings, as the price does, and
        from the account, as claims do.
        """
        states = []
        for channel in self.meter.channels:
            record = bytearray(52)
            pack(channel, record)
            states.append(bytes(record[4:44] + record[48:]))
        return states

    def day(self, done):
        """Sales, ticks and commits from where `done` says."""
        while done[0] < _SALES:
            self.sale(done[0] + 1)
            done[0] += 1
            for _ in range(_TICKS):
                self.meter.tick(1000, 0)
            self.meter.journal.prepare()


def _credited(board):
    return [channel.account.credited_total_u for channel in board.meter.channels]


def _try(budgets):
    """What was wrong with a cut after budgets[0] bytes, and then others while recovering."""
    board = _Board()
    done = [0]
    for budget in budgets:
        board.flash.budget = budget
        try:
            expected = (board.durable, board.attempt)
            board.boot()
            if expected[0] is not None and board.state() not in expected:
                return "after %s: as no commit had it" % (budgets,)
            sold = sum(_credited(board)) // _SALE_U
            if not done[0] <= sold <= done[0] + 1:
                return "after %s: %d sales of %d" % (budgets, sold, done[0])
            board.day(done)
        except PowerCut:
            continue
    if _credited(board) != [_SALES // 2 * _SALE_U] * 2:
        return "after %s: credited %s" % (budgets, _credited(board))
    for channel in board.meter.channels:
        account = channel.account
        units = channel.register.wh * _WH + channel.register.residual
        if units >= board.units[channel.index] + _WH:
            return "after %s: energy invented" % (budgets,)
        if account.charged_total_u != units * 200_000 // 36_000_000_000:
            return "after %s: charged %d" % (budgets, account.charged_total_u)
    return None


def run(arg):
    """arg: JSON [first budget, last, step]. JSON of what was tried, and the first fault."""
    first, last, step = json.loads(arg)
    whole = _Board()
    whole.boot()
    whole.day([0])
    total = (1 << 29) - whole.flash.budget
    cuts = 0
    for budget in range(first, min(last, total), step):
        second = budget * 7 % 150
        for budgets in ((budget, 1 << 29), (budget, second, second // 2, 1 << 29)):
            fault = _try(budgets)
            cuts += len(budgets) - 1
            if fault:
                return json.dumps({"fault": fault})
    return json.dumps({"fault": None, "cuts": cuts, "bytes": total, "turns": whole.flash.turns})
