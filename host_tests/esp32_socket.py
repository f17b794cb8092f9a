"""Sockets by the rules of MicroPython's ESP32 port (ports/esp32/modsocket.c), blocking ones too.

What a PC does otherwise: setblocking(True) erases the timeout set before; a timeout counts polls
of 100 ms and begins anew with every byte; one below 100 ms is none at all, and read gives None
after the first poll; errors carry newlib's numbers; SO_KEEPALIVE is taken and does nothing.
"""

import types

from umeter_sim import fake_net

NEWLIB = types.SimpleNamespace(
    EIO=5,
    EAGAIN=11,
    ENOMEM=12,
    ECONNRESET=104,
    ECONNREFUSED=111,
    ECONNABORTED=113,
    ETIMEDOUT=116,
    EHOSTUNREACH=118,
    EINPROGRESS=119,
    ENOTCONN=128,
)
_POLL_MS = 100
_FOREVER = None
_HOUR = 36_000  # polls


class Hang(BaseException):
    """The board has waited for an hour here. No Exception: nothing on the board could end it."""


class Esp32Socket(fake_net.FakeSocket):
    def __init__(self, network):
        super().__init__(network)
        self.polls = _FOREVER

    def settimeout(self, seconds):
        self.polls = _FOREVER if seconds is None else int(seconds * 1000) // _POLL_MS
        self.nonblocking = seconds == 0

    def setblocking(self, blocking):
        self.settimeout(None if blocking else 0)

    def setsockopt(self, *_):
        """Takes SO_KEEPALIVE and forgets it."""

    def connect(self, address):
        wanted, self.nonblocking = self.nonblocking, True
        try:
            super().connect(address)
        except OSError as error:
            if wanted or error.args[0] != NEWLIB.EINPROGRESS:
                raise
        finally:
            self.nonblocking = wanted
        self._wait(lambda: self.events(4 | 8))
        if self.wire.broken:
            raise OSError(NEWLIB.ECONNREFUSED)

    def read(self, n):
        if self.nonblocking:
            return super().read(n)
        data = b""
        self.nonblocking = True
        try:
            while len(data) < n:
                part = super().read(n - len(data))
                if part is None:
                    if not self._wait(self.wire.due):
                        return data or None
                    continue
                if not part:
                    break
                data += part
        finally:
            self.nonblocking = False
        return data

    def write(self, data, size=None):
        data = bytes(data)[:size]
        sent = super().write(data)
        if self.nonblocking:
            return sent
        while sent is None or sent < len(data):
            self._wait(lambda: self.wire.capacity != 0)
            sent = (sent or 0) + (super().write(data[sent or 0 :]) or 0)
        return len(data)

    def _wait(self, condition):
        """True as soon as it holds, False after the one poll of a timeout below 100 ms."""
        clock = self.network.clock
        polls = 0
        while not condition():
            if polls >= _HOUR:
                raise Hang()
            if self.polls is not _FOREVER and polls >= max(self.polls, 1):
                if self.polls == 0:
                    return False
                raise OSError(NEWLIB.ETIMEDOUT)
            polls += 1
            clock.now_ms += _POLL_MS
        return True


class Esp32Network(fake_net.Network):
    def socket(self, *_):
        return Esp32Socket(self)
