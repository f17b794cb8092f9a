"""Audit events on their way to the station, numbered without repetition over reboots."""

from micropython import const

_BLOCK = const(256)
_MARGIN = const(64)


class Events:
    """Holds the newest `size` events; the oldest is dropped and counted in `discards`.

    An event is (n, when, code, ch, a, b): number, seconds since 2020 (0: clock not trusted), a
    short word, the channel number (0: the board) and two integers of the code's own. What `audit`,
    the log in flash, holds goes on with its numbers: an event has the same number there. A board
    without one reserves numbers in blocks of which the end is journalled before the block is
    used, so that a reboot skips numbers and repeats none; so does a board with one, for the day
    it loses its log. Putting an event allocates.
    """

    def __init__(self, size=32, audit=None):
        self._size = size
        self._ring = []
        self.audit = audit
        self.next_n = 1
        self.reserved_n = 1  # numbers below this one are reserved in the journal
        self.discards = 0
        self._unlogged = False

    def resume(self, reserved_n, boot):
        """Go on behind the last boot, which had reserved the numbers below `reserved_n`."""
        audit = self.audit
        self.next_n = self.reserved_n = reserved_n
        if audit is not None:
            audit.boot = boot
            if audit.ring.newest:
                self.next_n = audit.ring.newest + 1

    def put(self, when, code, ch=0, a=0, b=0):
        n = self.next_n
        self.next_n = n + 1
        if len(self._ring) >= self._size:
            self._ring.pop(0)
            self.discards += 1
        self._ring.append((n, when, code, ch, a, b))
        if self.audit is not None:
            try:
                self.audit.append(n, when, code, ch, a, b)
                self._unlogged = False
            except Exception:  # flash, or no memory for the moment: the meter goes on
                if not self._unlogged:
                    self._unlogged = True
                    self.put(when, "log.failed", 0, n)

    def peek(self):
        """The oldest event, or None."""
        return self._ring[0] if self._ring else None

    def pop(self, n=0):
        """Drop the oldest event; given a number, only if it still is that one."""
        if self._ring and n in (0, self._ring[0][0]):
            self._ring.pop(0)

    def to_reserve(self):
        """End of the block to journal now, 0 while there is room. Once safe it is `reserved_n`."""
        return self.next_n + _BLOCK if self.next_n + _MARGIN > self.reserved_n else 0
