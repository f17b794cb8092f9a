"""Boards for net tests: the real core on flash in memory, alone or on a network with a broker."""

import errno
import itertools
import json

from umeter.core.channel import Channel
from umeter.core.events import Events
from umeter.core.journal import Journal
from umeter.core.meter import Meter
from umeter.core.replay import window_of
from umeter.core.sample import Sample
from umeter.core.supply import Supply
from umeter.net.commands import Commands
from umeter.net.envelope import sign, verify
from umeter.net.session import Session
from umeter.net.transport import PatientSocket
from umeter.settings import Settings
from umeter_sim.fake_mqtt import Broker, load_umqtt
from umeter_sim.fake_net import Network, VirtualClock
from umeter_sim.link_parts import ABOUT, Wifi, broker_of_site


class PowerCut(BaseException):
    """Not an Exception: no firmware code may catch it."""


class MemoryFlash:
    """NOR flash: program only clears bits. Fails or loses its power at the byte the test names."""

    sector = 4096

    def __init__(self, cells=None):
        self.cells = cells or bytearray(b"\xff" * 2 * self.sector)
        self.size = len(self.cells)
        self.failing = False
        self.cut_after = None  # bytes still to be programmed before the power goes

    def read(self, offset, buf):
        buf[:] = self.cells[offset : offset + len(buf)]

    def program(self, offset, buf):
        if self.failing:
            raise OSError(errno.EIO)
        for i, byte in enumerate(bytes(buf)):
            self._spend()
            self.cells[offset + i] &= byte

    def erase(self, offset):
        self._spend()
        self.cells[offset : offset + self.sector] = b"\xff" * self.sector

    def _spend(self):
        if self.cut_after is not None:
            if self.cut_after == 0:
                raise PowerCut()
            self.cut_after -= 1


class Relays:
    def set(self, index, closed):
        pass


class Board:
    """The real core on a MemoryFlash, and its commands. A new Board on old cells is a reboot."""

    def __init__(self, cells=None, channels=3, clock=None):
        self.flash = MemoryFlash(cells)
        self.clock = clock or VirtualClock()
        self.samples = [Sample(36_000_000, 10_000_000, True) for _ in range(channels)]
        self.channels = [Channel(i, s, 250_000) for i, s in enumerate(self.samples)]
        self.settings = Settings(channels)
        self.journal = Journal(self.flash)
        supply = Supply(Relays(), self.channels)
        self.meter = Meter([], self.channels, supply, self.journal, Events(), self.settings)
        self.add_logs(self.meter)
        self.meter.restore()
        self.key = bytes(range(32))
        self.commands = Commands(self.meter, self.key, self.clock)

    def add_logs(self, meter):
        """A board without a partition for logs has none."""

    @property
    def window(self):
        """The replay window as it is in the journal."""
        return window_of(self.journal)

    def order(self, **fields):
        """Hand a signed order to the commands; the decoded answer, its signature checked."""
        token = self.commands.handle(sign(self.key, json.dumps(fields).encode()))
        return None if token is None else json.loads(verify(self.key, token, 8192))

    def reboot(self):
        return Board(self.flash.cells, len(self.channels), VirtualClock())

    def state(self):
        """All that commands can change, as one comparable value."""
        accounts = []
        for c in self.channels:
            totals = (c.account.credited_total_u, c.account.charged_total_u)
            accounts.append((totals, c.claims, c.armed, self.meter.get("a%d" % c.index)))
        return accounts, self.settings.to_dict(), self.window.pack(), self.clock.when


class ConnectedBoard:
    """A Board on a network. run() is the app's loop, `turns` are when the meter worked."""

    def __init__(self, newer=False, user=None, brokers=None):
        self.clock = VirtualClock()
        self.network = Network(self.clock)
        self.broker = Broker(self.network)
        self.board = Board(clock=self.clock)
        self.meter = self.board.meter
        self.umqtt = load_umqtt(newer)
        self.turns = []
        self.link = Wifi()
        self.tick_ms = self.clock.now_ms
        self.sockets = PatientSocket(self.network, self.network.select, self.turn, self.clock)
        site = {"meter": "m1", "brokers": brokers or [broker_of_site(user=user)]}
        site.update({"ca": 1, "client": 0, "ntp": "time", "made_t": 1_790_000_000})
        self.session = Session(
            self.umqtt,
            self.sockets,
            site,
            self.meter,
            self.board.commands,
            self.clock,
            self.link,
            lambda n: n // 2,
            dict(ABOUT),
        )

    def turn(self):
        self.turns.append(self.clock.now_ms)
        if self.clock.now_ms - self.tick_ms >= 100:
            self.meter.tick(self.clock.now_ms - self.tick_ms, self.clock.when)
            self.tick_ms = self.clock.now_ms

    def run(self, ms, until=None):
        end_ms = self.clock.now_ms + ms
        while self.clock.now_ms < end_ms and not (until and until()):
            self.turn()
            while self.session.step():
                pass
            self.clock.sleep_ms(10)

    def settled(self):
        """Connected, the first messages out, the claim BOOT released."""
        self.run(6000)
        assert self.session.connected, self.session.last_error
        return self

    def token(self, **fields):
        return sign(self.board.key, json.dumps(fields).encode())

    def sale(self, n, ch=1, amount_u=1000):
        return self.token(n=n, op="credit", ch=ch, amount_u=amount_u)

    def results(self):
        return [json.loads(verify(self.board.key, t, 8192)) for t in self.broker.of("result")]

    def longest_gap_ms(self, since_ms):
        moments = [since_ms, *(t for t in self.turns if t > since_ms), self.clock.now_ms]
        return max(b - a for a, b in itertools.pairwise(moments))
