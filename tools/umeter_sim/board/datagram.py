"""UDP of the simulated network, in which there is one who answers: a time server.

It is asked by whatever name, on port 123, and knows the virtual time (RFC 4330, server's part).
"""

import errno

import network as _network
import world as _world
from micropython import const

READABLE = const(1)
WRITABLE = const(4)
FAILED = const(8)
HUNG_UP = const(16)
NTP_PORT = const(123)
NTP_ADDRESS = "192.0.2.123"

_ANSWER_MS = const(30)
_NTP_OF_UNIX = const(2208988800)
_ERA = const(0xFFFFFFFF)
_MASK = const(0x3FFFFFFF)
_FOREVER = const(-1)


class Datagrams:
    """A UDP socket."""

    def __init__(self):
        self._timeout_ms = _FOREVER
        self._open = True
        self._answer = None
        self._sent_at = 0
        self._peer = None

    def sendto(self, data, address):
        _world.world.check()
        if not self._open or _network.lost():
            raise OSError(errno.EHOSTUNREACH)
        self._peer = address
        self._sent_at = _world.world.ticks
        net = _network.conditions
        heard = _network.internet() is True and not (net.ntp_down or net.unreachable)
        to_server = address[1] == NTP_PORT and address[0] == NTP_ADDRESS
        if heard and to_server and len(data) == 48 and data[0] & 7 == 3:
            self._answer = _time_answer(data, net.ntp_offset_s)
        return len(data)

    def recvfrom(self, size):
        return self.recv(size), self._peer

    def recv(self, size):
        """A datagram; OSError(EAGAIN or ETIMEDOUT) if there is none."""
        w = _world.world
        w.check()
        start = w.ticks
        while not self.state() & READABLE:
            if not self._open:
                raise OSError(errno.ENOTCONN)
            if self._timeout_ms == 0:
                raise OSError(errno.EAGAIN)
            if 0 < self._timeout_ms <= (w.ticks - start) & _MASK:
                raise OSError(errno.ETIMEDOUT)
            w.wait_network(20)
        answer = self._answer
        self._answer = None
        return answer[:size]

    def state(self):
        """The flags of select."""
        if not self._open:
            return FAILED | HUNG_UP
        passed = (_world.world.ticks - self._sent_at) & _MASK
        there = self._answer is not None and passed >= _ANSWER_MS and not _network.lost()
        return READABLE | WRITABLE if there else WRITABLE

    def setblocking(self, on):
        self._timeout_ms = _FOREVER if on else 0

    def settimeout(self, seconds):
        self._timeout_ms = _FOREVER if seconds is None else int(seconds * 1000)

    def setsockopt(self, level, option, value):
        pass

    def close(self):
        _world.world.check()
        self._open = False


def _time_answer(request, offset_s):
    now_ms = _world.world.unix_ms() + _ANSWER_MS // 2
    stamp = _bytes_of((now_ms // 1000 + offset_s + _NTP_OF_UNIX) & _ERA)
    stamp += _bytes_of((now_ms % 1000 << 32) // 1000)
    head = bytes((request[0] & 0x38 | 4, 2, 6, 0xEC)) + bytes(8) + b"SIMU"
    return head + stamp + bytes(request[40:48]) + stamp + stamp


def _bytes_of(number):
    return bytes([number >> shift & 0xFF for shift in (24, 16, 8, 0)])
