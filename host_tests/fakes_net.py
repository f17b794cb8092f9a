"""Patient sockets on a network in memory."""

import errno
import itertools

from umeter.net.transport import PatientSocket
from umeter_sim.fake_net import Network, VirtualClock


class SocketRig:
    """Patient sockets on a Network; `turns` are the moments the meter worked."""

    def __init__(self, **options):
        self.clock = VirtualClock()
        self.network = Network(self.clock)
        self.turns = []
        self.sockets = PatientSocket(
            self.network, self.network.select, self.turn, self.clock, **options
        )

    def turn(self):
        self.turns.append(self.clock.now_ms)

    def connected(self):
        sock = self.sockets.socket()
        self.sockets.begin()
        sock.connect(self.sockets.getaddrinfo("broker", 1883)[0][-1])
        self.wire = self.network.wires[-1]
        return sock

    def longest_gap_ms(self, since_ms):
        times = [since_ms, *(t for t in self.turns if t >= since_ms), self.clock.now_ms]
        return max(b - a for a, b in itertools.pairwise(times))

    def times_out(self, action):
        """Run action, which must time out and give turns meanwhile. Returns how long it took."""
        start_ms = self.clock.now_ms
        try:
            action()
        except OSError as e:
            assert e.args[0] == errno.ETIMEDOUT
        else:
            raise AssertionError("it came back")
        assert self.longest_gap_ms(start_ms) <= 20
        return self.clock.now_ms - start_ms
