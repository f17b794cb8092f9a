"""`socket` with the ESP32's rules, over the host's real TCP.

The rules that matter and that a PC does not have: a non-blocking connect always raises
EINPROGRESS; read() returns None when nothing is there, b"" when the peer has closed, and whatever
part has come; write() may take a part only (the send buffer is 5.7 kB); setblocking(True) means
for ever, also after a settimeout().
"""

import errno

import datagram
import impostor
import network as _network
import simhost
import uctypes
import world as _world
from micropython import const

AF_INET = const(2)
SOCK_STREAM = const(1)
SOCK_DGRAM = const(2)
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
_PORTAL_ADDRESS = "192.0.2.1"
_RESET = const(2)  # its place in _ERRORS
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
_start_tls = simhost.tls_start


def getaddrinfo(host, port, family=0, kind=0, proto=0, flags=0):
    """Resolve as lwIP does: the caller stands still until the answer is there; OSError(-2) if
    there is none.
    """
    w = _world.world
    w.check()
    if host.replace(".", "").isdigit():
        address = host
    else:
        w.advance(_network.conditions.dns_delay_ms)
        address = "" if _network.lost() else _resolved(host, port)
        if not address:
            raise OSError(-2)
    return [(AF_INET, SOCK_STREAM, 0, "", (address, port))]


def _resolved(host, port):
    internet = _network.internet()
    if internet == _network.CAPTIVE:
        return _PORTAL_ADDRESS  # whatever was asked for
    if not internet:
        return ""
    return datagram.NTP_ADDRESS if port == datagram.NTP_PORT else simhost.resolve(host)


def socket(family=AF_INET, kind=SOCK_STREAM, proto=0):
    """A socket: TCP, or UDP in the simulated network."""
    _world.world.check()
    return datagram.Datagrams() if kind == SOCK_DGRAM else Stream()


class Stream:
    """A TCP client socket. `state()` gives select's flags; the rest is the usual interface.

    For tls.py, which goes on over the same connection: start_tls(), exchange(), wait_for(),
    failure().
    """

    errors = _ERRORS  # errno by number of failure

    def __init__(self):
        self._id = simhost.tcp_open()
        self._instead = None  # who answers in the place of the peer
        self._ssid = _network.WLAN.ssid  # of the network that the connection was made in
        self.timeout_ms = _FOREVER

    def connect(self, address):
        _world.world.check()
        net = _network.conditions
        self._ssid = _network.WLAN.ssid
        if net.blackhole:
            self._instead = impostor.BlackHole()
        elif net.refuse:
            simhost.tcp_connect(self._id, "127.0.0.1", 0)
        elif not net.unreachable and not _network.lost():
            internet = _network.internet()
            if internet == _network.CAPTIVE:
                self._instead = impostor.Portal()
            elif internet:
                simhost.tcp_connect(self._id, address[0], address[1])
        if self.timeout_ms == 0:
            raise OSError(errno.EINPROGRESS)
        self.wait_for(WRITABLE)
        if self.state() & FAILED:
            raise OSError(_ERRORS[self.failure()])

    def state(self):
        """READABLE | WRITABLE | FAILED | HUNG_UP as poll() reports them."""
        if self._id < 0 or self._moved():
            return FAILED | HUNG_UP
        if self._instead is not None:
            return self._instead.state()
        if _network.conditions.on_new_channel():
            return 0
        flags = _state(self._id)
        return flags & WRITABLE if self._swallowed() else flags

    def recv(self, size):
        data = bytearray(size)
        count = self.recv_into(data)
        return None if count is None else bytes(memoryview(data)[:count])

    def recv_into(self, buffer):
        return self._transfer(False, buffer)

    readinto = recv_into

    def send(self, data):
        return self._transfer(True, data)

    def write(self, data, size=None):
        """A part or None when non-blocking; all of it, or OSError, when blocking."""
        if size is not None:
            data = memoryview(data)[:size]
        if self.timeout_ms == 0:
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
        if self.timeout_ms == 0:
            return whole
        part = whole
        while len(whole) < size and part:
            part = self.recv(size - len(whole))
            whole += part
        return whole

    def setblocking(self, on):
        self.timeout_ms = _FOREVER if on else 0

    def settimeout(self, seconds):
        self.timeout_ms = _FOREVER if seconds is None else int(seconds * 1000)

    def setsockopt(self, level, option, value):
        pass

    def close(self):
        _world.world.check()
        if self._id >= 0:
            simhost.tcp_close(self._id)
            self._id = -1

    def start_tls(self, context, name, unix_s, verify):
        """Begin a handshake; what is exchanged from now on is what is inside."""
        if self._instead is not None:
            self._instead.start_tls()
        else:
            _start_tls(self._id, context, name, unix_s, verify)

    def failure(self):
        """The number of what has failed, 0 for nothing."""
        if self._instead is not None:
            return self._instead.failure()
        return _RESET if self._moved() else simhost.tcp_error(self._id)

    def exchange(self, sending, buffer):
        """Send or receive without waiting: bytes, -1 for nothing now, -2 less the number of a
        failure.
        """
        _world.world.check()
        if self._id < 0:
            return -2
        if self._moved():
            return -2 - _RESET
        if self._instead is not None:
            return self._instead.send(buffer) if sending else self._instead.recv(buffer)
        if _network.conditions.on_new_channel():
            return _NOTHING
        if self._swallowed():
            return len(buffer) if sending and _state(self._id) & WRITABLE else _NOTHING
        call = _send if sending else _recv
        return call(self._id, uctypes.addressof(buffer), len(buffer))

    def wait_for(self, flags):
        """Stand still until one of the flags, or a failure; OSError(ETIMEDOUT) at the timeout."""
        # lwIP is polled in quanta of 100 ms; a timeout below one is over after one.
        w = _world.world
        start = w.ticks
        limit = self.timeout_ms
        if 0 < limit < _POLL_QUANTUM_MS:
            limit = _POLL_QUANTUM_MS
        while not self.state() & (flags | FAILED | HUNG_UP):
            if limit >= 0 and (w.ticks - start) & _MASK >= limit:
                raise OSError(errno.ETIMEDOUT)
            w.wait_network(20)

    def _transfer(self, sending, buffer):
        while True:
            count = self.exchange(sending, buffer)
            if count >= 0:
                return count
            if count != _NOTHING:
                raise OSError(_ERRORS[-2 - count])
            if self.timeout_ms == 0:
                return None
            self.wait_for(WRITABLE if sending else READABLE)

    def _moved(self):
        """Whether our address has changed with the network: lwIP ends its connections then."""
        return self._ssid != _network.WLAN.ssid

    def _swallowed(self):
        """Whether what is sent goes nowhere and nothing comes."""
        net = _network.conditions
        return net.blackhole or _network.lost() or _network.internet() is not True
