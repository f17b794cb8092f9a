"""Who answers in the place of the peer that the board wanted to connect to."""

from micropython import const

READABLE = const(1)
WRITABLE = const(4)
NOTHING = const(-1)
GARBAGE = const(5)  # the number of an error, see tls.py

_PAGE = b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/login\r\nConnection: close\r\n\r\n"


class BlackHole:
    """Accepts whatever comes and never says a word, so no TLS handshake ends with it."""

    def __init__(self):
        self.secure = False

    def state(self):
        return 0 if self.secure else WRITABLE

    def send(self, data):
        return NOTHING if self.secure else len(data)

    def recv(self, buffer):
        return NOTHING

    def failure(self):
        return 0

    def start_tls(self):
        self.secure = True


class Portal:
    """A captive portal: whatever it hears it answers with its login page, then it closes."""

    def __init__(self):
        self._secure = False
        self._left = None  # what is left of the page; None before anything was heard

    def state(self):
        return WRITABLE if self._left is None else READABLE | WRITABLE

    def send(self, data):
        if self._left is None:
            self._left = _PAGE
        return -2 - GARBAGE if self._secure else len(data)

    def recv(self, buffer):
        if self._left is None:
            return NOTHING
        if self._secure:
            return -2 - GARBAGE
        part = self._left[: len(buffer)]
        self._left = self._left[len(part) :]
        buffer[: len(part)] = part
        return len(part)

    def failure(self):
        return GARBAGE if self._secure else 0

    def start_tls(self):
        self._secure = True
        self._left = _PAGE
