"""Token buckets: each caller may ask so often in the long run, and so many times at once."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

_MOST_KEYS = 50_000


class Buckets:
    """One bucket per key. Those not asked for the longest are forgotten first: they are full."""

    def __init__(
        self,
        per_second: float,
        at_once: int,
        monotonic: Callable[[], float] = time.monotonic,
        most_keys: int = _MOST_KEYS,
    ) -> None:
        self._per_second = per_second
        self._at_once = at_once
        self._monotonic = monotonic
        self._most_keys = most_keys
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str) -> float:
        """0.0 if the caller may go on; else the seconds until then, and nothing is taken."""
        now = self._monotonic()
        with self._lock:
            left, then = self._buckets.get(key, (float(self._at_once), now))
            left = min(self._at_once, left + (now - then) * self._per_second)
            waits = 0.0 if left >= 1 else (1 - left) / self._per_second
            self._buckets[key] = (left if waits else left - 1, now)
            self._buckets.move_to_end(key)
            while len(self._buckets) > self._most_keys:
                self._buckets.popitem(last=False)
        return waits
