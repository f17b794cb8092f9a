"""`_thread` for what the firmware does with it: to wait for a name server beside the meter.

Nothing runs at the same time here. A thread first sleeps for as long as the name server takes,
then its body runs in one go, in the middle of whoever waits meanwhile.
"""

import network as _network
import world as _world
from micropython import const

_MASK = const(0x3FFFFFFF)


class _Sleeper:
    """An agent with the body of one thread after the other."""

    def __init__(self, world):
        self.due = -1
        self._bodies = []
        world.attach(self)

    def begin(self, function, args):
        w = _world.world
        self._bodies.append((function, args))
        w.wake(self, (w.ticks + max(1, _network.conditions.dns_delay_ms)) & _MASK)

    def happen(self, now):
        net = _network.conditions
        delay_ms = net.dns_delay_ms
        net.dns_delay_ms = 0  # it has passed already
        try:
            while self._bodies:
                function, args = self._bodies.pop(0)
                function(*args)
        finally:
            net.dns_delay_ms = delay_ms


_sleeper = None


def start_new_thread(function, args):
    global _sleeper
    if _sleeper is None:
        _sleeper = _Sleeper(_world.world)
    _sleeper.begin(function, args)
