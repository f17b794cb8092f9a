"""A network in memory for the firmware's net layer: virtual clock, sockets by the ESP32's rules.

setblocking(True) cancels every timeout there (here: it is an error, for such a socket could wait
for ever), a non-blocking connect raises EINPROGRESS, read gives None, b"" or a part, write takes a
part or None.
"""

import errno
import types
from collections import deque


class VirtualClock:
    """Ticks as on the board, soon to wrap, advanced by sleeps and polls; `when` as hal/clock's."""

    def __init__(self, now_ms=(1 << 30) - 5_000, when=0):
        self.now_ms = now_ms
        self.when = when

    def ticks_ms(self):
        return self.now_ms & 0x3FFFFFFF

    def ticks_diff(self, a, b):
        return ((a - b + (1 << 29)) & 0x3FFFFFFF) - (1 << 29)

    def sleep_ms(self, ms):
        self.now_ms += ms

    def set(self, when):
        self.when = when


class Wire:
    """One TCP connection as the board's socket sees it; `arrive` is the far end."""

    def __init__(self, network):
        self.network = network
        self.arriving = deque()  # (at_ms, bytes); b"" is the end
        self.segments = []  # one entry per write that left the board
        self.capacity = None  # bytes the send buffer still takes; None: any
        self.broken = False
        self.closed = False  # by the board

    def arrive(self, data, after_ms=0):
        self.arriving.append((self.network.clock.now_ms + after_ms, bytes(data)))

    def due(self):
        return bool(self.arriving) and self.arriving[0][0] <= self.network.clock.now_ms


class FakeSocket:
    def __init__(self, network):
        self.network = network
        self.wire = None
        self.connected_at_ms = None
        self.nonblocking = False

    def setblocking(self, blocking):
        assert not blocking, "a blocking socket waits for ever on the ESP32"
        self.nonblocking = True

    def connect(self, address):
        assert self.nonblocking
        assert address == self.network.address
        self.network.attempts.append(self.network.clock.now_ms)
        if self.network.unreachable:
            raise OSError(errno.EHOSTUNREACH)
        self.wire = Wire(self.network)
        self.wire.broken = self.network.refusing
        if self.network.connect_ms is not None:
            self.connected_at_ms = self.network.clock.now_ms + self.network.connect_ms
        self.network.wires.append(self.wire)
        raise OSError(errno.EINPROGRESS)

    def read(self, n):
        assert self.nonblocking and n >= 0
        wire = self.wire
        if wire.broken:
            raise OSError(errno.ECONNRESET)
        if not wire.due():
            return None
        at_ms, data = wire.arriving[0]
        if not data:
            return b""
        if len(data) > n:
            wire.arriving[0] = (at_ms, data[n:])
        else:
            wire.arriving.popleft()
        return data[:n]

    def write(self, data):
        wire = self.wire
        if wire.broken:
            raise OSError(errno.ECONNRESET)
        data = bytes(data)
        if wire.capacity is not None:
            data = data[: wire.capacity]
            wire.capacity -= len(data)
            if not data:
                return None
        wire.segments.append(data)
        self.network.sent(wire, data)
        return len(data)

    def close(self):
        if self.wire is not None:
            self.wire.closed = True

    def events(self, mask):
        """What poll() would report now."""
        if self.wire.broken:
            return FakePoll.POLLERR | FakePoll.POLLHUP
        up = self.connected_at_ms is not None and self.network.clock.now_ms >= self.connected_at_ms
        ready = FakePoll.POLLIN if up and self.wire.due() else 0
        if up and self.wire.capacity != 0:
            ready |= FakePoll.POLLOUT
        return ready & mask

    def next_ms(self, end_ms):
        """The next moment at which events() may differ, end_ms for none before it."""
        now_ms = self.network.clock.now_ms
        moments = [end_ms]
        if self.connected_at_ms is not None:
            moments.append(self.connected_at_ms)
        if self.wire.arriving:
            moments.append(self.wire.arriving[0][0])
        return min(at_ms for at_ms in moments if at_ms > now_ms)


class FakePoll:
    POLLIN, POLLOUT, POLLERR, POLLHUP = 1, 4, 8, 16

    def __init__(self, clock):
        self.clock = clock
        self.registered = {}

    def register(self, sock, mask):
        self.registered[sock] = mask

    modify = register

    def unregister(self, sock):
        del self.registered[sock]

    def poll(self, wait_ms):
        assert 0 <= wait_ms <= 20, "a slice is at most 20 ms"
        end_ms = self.clock.now_ms + wait_ms
        while True:
            found = []
            for sock, mask in self.registered.items():
                events = sock.events(mask)
                if events:
                    found.append((sock, events))
            if found or self.clock.now_ms == end_ms:
                return found
            self.clock.now_ms = min([end_ms, *(s.next_ms(end_ms) for s in self.registered)])


class Network:
    """The `socket` and `select` modules, and the far end of every wire."""

    address = ("192.0.2.7", 1883)

    def __init__(self, clock):
        self.clock = clock
        self.wires = []
        self.attempts = []  # when the board tried to connect
        self.names_asked = 0
        self.names_fail = False
        self.refusing = False
        self.unreachable = False
        self.connect_ms = 5  # None: the SYN is never answered
        self.peer = None  # called with (wire, data) for what the board sends
        self.select = types.SimpleNamespace(
            poll=lambda: FakePoll(clock), POLLIN=1, POLLOUT=4, POLLERR=8, POLLHUP=16
        )

    def socket(self):
        return FakeSocket(self)

    def getaddrinfo(self, host, port):
        self.names_asked += 1
        if self.names_fail:
            raise OSError(-2)
        return [(2, 1, 6, "", self.address)]

    def sent(self, wire, data):
        if self.peer is not None:
            self.peer(wire, data)
