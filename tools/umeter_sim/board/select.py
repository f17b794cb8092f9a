"""`select.poll` over the fake sockets. A poll that finds nothing lets virtual time pass at the
network's pace.
"""

import world as _world
from micropython import const

POLLIN = const(1)
POLLOUT = const(4)
POLLERR = const(8)
POLLHUP = const(16)
_INVALID = const(0x20)  # POLLNVAL, of a TLS socket that has failed

_MASK = const(0x3FFFFFFF)


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

    def _ready(self):
        ready = []
        for sock, mask in self._masks.items():
            flags = sock.state() & (mask | POLLERR | POLLHUP | _INVALID)
            if flags:
                ready.append((sock, flags))
        return ready
