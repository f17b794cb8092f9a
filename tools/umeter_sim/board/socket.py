"""`socket` with the ESP32's rules, over the host's real TCP.

The rules that matter and that a PC does not have: a non-blocking connect always raises
EINPROGRESS; read() returns None when nothing is there, b"" when the peer has closed, and whatever
part has come; write() may take a part only (the send buffer is 5.7 kB); setblocking(True) means
for ever, also after a settimeout().
"""

import errno

import network as _network
import simhost
import uctypes
import world as _world
from micropython import const

AF_INET = const(2)
SOCK_STREAM = const(1)
IPPROTO_TCP = const(6)
SOL_SOCKET = const(0xFFF)
SO_REUSEADDR = const(4)
TCP_NODELAY = const(1)

READABLE = const(1)
WRITABLE = const(4)
FAILED = const(8)
HUNG_UP = const(16)

_NOTHING = const(-1)
_FOREVER = const(-1)
_POLL_QUANTUM_MS = const(100)
_MASK = const(0x3FFFFFFF)
_ERRORS = (
    errno.ENOTCONN,
    errno.ECONNREFUSED,
    errno.ECONNRESET,
    errno.ETIMEDOUT,
    errno.EHOSTUNREACH,
)

_recv = simhost.tcp_recv
_send = simhost.tcp_send
_state = simhost.tcp_state


def getaddrinfo(host, port, family=0, kind=0, proto=0, flags=0):
    """Resolve as lwIP does: the caller stands still until the answer is there; OSError(-2) if
    there is none.
    """
    w = _world.world
    w.check()
    if host.replace(".", "").isdigit():
        address = host
    else:
        net = _network.conditions
        w.advance(net.dns_delay_ms)
        address = "" if net.wifi_down else simhost.resolve(host)
        if not address:
            raise OSError(-2)
    return [(AF_INET, SOCK_STREAM, 0, "", (address, port))]


class socket:
    """A TCP client socket. `state()` gives select's flags; the rest is the usual interface."""

    def __init__(self, family=AF_INET, kind=SOCK_STREAM, proto=0):
        _world.world.check()
        self._id = simhost.tcp_open()
        self._timeout_ms = _FOREVER
        self._connecting = False
        self._swallowed = False  # connected to nothing: a black hole has accepted

    def connect(self, address):
        _world.world.check()
        net = _network.conditions
        self._connecting = True
        if net.blackhole:
            self._swallowed = True
        elif net.refuse:
            simhost.tcp_connect(self._id, "127.0.0.1", 0)
        elif not net.unreachable and not net.wifi_down:
            simhost.tcp_connect(self._id, address[0], address[1])
        if self._timeout_ms == 0:
            raise OSError(errno.EINPROGRESS)
        self._wait_for(WRITABLE)
        self._raise_failure()

    def state(self):
        """READABLE | WRITABLE | FAILED | HUNG_UP as poll() reports them."""
        net = _network.conditions
        if self._id < 0:
            return FAILED | HUNG_UP
        if self._swallowed:
            return WRITABLE
        if net.blackhole or net.wifi_down:
            return WRITABLE if _state(self._id) & WRITABLE else 0
        return _state(self._id)

    def recv(self, size):
        data = bytearray(size)
        count = self.recv_into(data)
        return None if count is None else bytes(memoryview(data)[:count])

    def recv_into(self, buffer):
        return self._transfer(_recv, buffer, READABLE)

    readinto = recv_into

    def send(self, data):
        return self._transfer(_send, data, WRITABLE)

    def write(self, data, size=None):
        """A part or None when non-blocking; all of it, or OSError, when blocking."""
        if size is not None:
            data = memoryview(data)[:size]
        if self._timeout_ms == 0:
            return self.send(data)
        self.sendall(data)
        return len(data)

    def sendall(self, data):
        view = memoryview(data)
        while len(view):
            view = view[self.send(view) :]

    def read(self, size):
        """Non-blocking: None, b"" or a part. Blocking: `size` bytes, fewer only when the peer has
        closed.
        """
        whole = self.recv(size)
        if self._timeout_ms == 0:
            return whole
        part = whole
        while len(whole) < size and part:
            part = self.recv(size - len(whole))
            whole += part
        return whole

    def setblocking(self, on):
        self._timeout_ms = _FOREVER if on else 0

    def settimeout(self, seconds):
        self._timeout_ms = _FOREVER if seconds is None else int(seconds * 1000)

    def setsockopt(self, level, option, value):
        pass

    def close(self):
        _world.world.check()
        if self._id >= 0:
            simhost.tcp_close(self._id)
            self._id = -1

    def _transfer(self, call, buffer, needed):
        _world.world.check()
        if self._id < 0:
            raise OSError(errno.ENOTCONN)
        while True:
            if self._lost():
                count = len(buffer) if needed == WRITABLE else _NOTHING
            else:
                count = call(self._id, uctypes.addressof(buffer), len(buffer))
            if count >= 0:
                return count
            if count != _NOTHING:
                raise OSError(_ERRORS[-2 - count])
            if self._timeout_ms == 0:
                return None
            self._wait_for(needed)

    def _lost(self):
        net = _network.conditions
        return self._swallowed or net.blackhole or net.wifi_down

    def _wait_for(self, flags):
        # lwIP is polled in quanta of 100 ms; a timeout below one is over after one.
        w = _world.world
        start = w.ticks
        limit = self._timeout_ms
        if 0 < limit < _POLL_QUANTUM_MS:
            limit = _POLL_QUANTUM_MS
        while not self.state() & (flags | FAILED | HUNG_UP):
            if limit >= 0 and (w.ticks - start) & _MASK >= limit:
                raise OSError(errno.ETIMEDOUT)
            w.wait_network(20)

    def _raise_failure(self):
        state = self.state()
        if state & FAILED:
            raise OSError(_ERRORS[simhost.tcp_error(self._id)])
        self._connecting = False
