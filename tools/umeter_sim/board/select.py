"""`select.poll` over the fake sockets and sys.stdin. A poll that finds nothing lets virtual time
pass at the network's pace.
"""

import sys

import simhost
import world as _world
from micropython import const

POLLIN = const(1)
POLLOUT = const(4)
POLLERR = const(8)
POLLHUP = const(16)
_INVALID = const(0x20)  # POLLNVAL, of a TLS socket that has failed

_MASK = const(0x3FFFFFFF)
_typed = simhost.typed  # each look-up takes from the heap


class poll:
    """register/modify/unregister/poll as in MicroPython; failures are reported whether asked for
    or not.
    """

    def __init__(self):
        self._masks = {}

    def register(self, sock, mask=POLLIN | POLLOUT):
        self._masks[sock] = mask

    modify = register

    def unregister(self, sock):
        self._masks.pop(sock, None)

    def poll(self, timeout_ms=-1):
        w = _world.world
        w.check()
        start = w.ticks
        while True:
            ready = self._ready()
            if ready or timeout_ms == 0:
                return ready
            left = 20
            if timeout_ms > 0:
                left = timeout_ms - ((w.ticks - start) & _MASK)
                if left <= 0:
                    return ready
            w.wait_network(left)

    def ipoll(self, timeout_ms=-1):
        """The same, without an allocation if nothing is ready."""
        for sock in self._masks:
            if _state(sock):
                return self.poll(timeout_ms)
        return () if timeout_ms == 0 else self.poll(timeout_ms)

    def _ready(self):
        ready = []
        for sock, mask in self._masks.items():
            flags = _state(sock) & (mask | POLLERR | POLLHUP | _INVALID)
            if flags:
                ready.append((sock, flags))
        return ready


def _state(sock):
    if sock is sys.stdin:
        return POLLIN if _typed() else 0
    return sock.state()
