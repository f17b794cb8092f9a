"""What has arrived and is not stored yet, between the link's thread and the one that stores."""

import threading
import time
from collections import deque

from umeter_station.link import Received

# Nothing new for so long: what is there is all there is.
_QUIET_S = 0.003


class Mailbox:
    """`most`: as many messages may wait; who brings more is held up, and so is the broker."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._waiting: deque[Received] = deque()
        self._changed = threading.Condition()
        self._closed = False

    @property
    def is_empty(self) -> bool:
        return not self._waiting

    def put(self, burst: list[Received]) -> None:
        with self._changed:
            while len(self._waiting) >= self._most and not self._closed:
                self._changed.wait()
            self._waiting.extend(burst)
            self._changed.notify_all()

    def take(self, most: int, idle_s: float, fill_s: float) -> list[Received]:
        """The next messages: [] if none comes for `idle_s`. A batch that is not full waits for
        more until it is quiet, and no longer than `fill_s`."""
        with self._changed:
            if not self._waiting:
                self._changed.wait(idle_s)
            if not self._waiting:
                return []
            end_s = time.monotonic() + fill_s
            while len(self._waiting) < most:
                left_s = end_s - time.monotonic()
                if left_s <= 0 or not self._changed.wait(min(left_s, _QUIET_S)):
                    break
            batch = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
            self._changed.notify_all()
            return batch

    def close(self) -> None:
        """Nobody is held up any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
