"""How fast virtual time may run against real time: the rules of node/pace.mjs, for the CPython
runtime.
"""

import math
import time
from typing import Any

_LATE_S = 0.05


class Pace:
    """speed, net_speed: virtual per real time, 0 = as fast as it goes. answer_ms: see
    SimBoard.set_speed.

    nap(seconds, peers) sleeps so long at most, and less when the host, or with `peers` a peer, has
    something to say: then it gives True.
    """

    def __init__(self, nap, host, settings: dict[str, Any]):
        self._nap = nap
        self.host = host
        self.answer_ms = 2000
        self.set(settings)
        self.restart()

    def set(self, settings: dict[str, Any]) -> None:
        self.speed = settings.get("speed", getattr(self, "speed", 0))
        self.net_speed = settings.get("net_speed", getattr(self, "net_speed", 0))
        self.answer_ms = settings.get("answer_ms", self.answer_ms)

    def restart(self) -> None:
        self._due = time.monotonic()

    def awaits_answer(self) -> bool:
        return time.monotonic() - self.host.asked_at < self.answer_ms / 1000

    def rate(self, waiting: bool, hurry: bool = False) -> float:
        """Virtual ms for each real ms. hurry: as if speed were 0."""
        speed = math.inf if hurry else self.speed or math.inf
        return min(speed, self.net_speed or math.inf) if waiting else speed

    def slice_ms(self, hurry: bool) -> int:
        if self.awaits_answer():
            return 20
        return round(min(200, max(20, self.rate(False, hurry) * 20)))

    def keep(self, ms: int, hurry: bool) -> None:
        """Wait until `ms` of virtual time may have passed; one that is late does not hurry to
        catch up.
        """
        waiting = self.awaits_answer()
        self._due += ms / self.rate(waiting, hurry) / 1000
        left = self._due - time.monotonic()
        if left < -_LATE_S:
            self.restart()
        while left > 0.0002:
            heard = self._nap(left, waiting)
            if waiting and heard:
                return
            left = self._due - time.monotonic()

    def wait_network(self, ms: int) -> int:
        """The firmware waits for its peer up to `ms`: the virtual ms that did pass."""
        rate = self.rate(True)
        if rate == math.inf:
            return ms
        began = time.monotonic()
        self._nap(ms / rate / 1000, True)
        self.restart()
        return min(ms, max(1, round((time.monotonic() - began) * 1000 * rate)))
