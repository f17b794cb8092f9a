"""The bounded ring of audit events, numbered without repetition over reboots."""

from micropython import const

_BLOCK = const(256)
_MARGIN = const(64)


class Events:
    """Holds the newest `size` events; the oldest is dropped and counted in `discards`.

    An event is (n, when, code, ch, a, b): number, seconds since 2020 (0: clock not trusted), a
    short word, the channel number (0: the board) and two integers of the code's own. Numbers come
    in blocks of which the end is journalled before the block is used, so that a reboot skips
    numbers and repeats none. Putting an event allocates.
    """

    def __init__(self, size=32):
        self._size = size
        self._ring = []
        self.next_n = 1
        self.reserved_n = 1  # numbers below this one are reserved in the journal
        self.discards = 0

    def put(self, when, code, ch=0, a=0, b=0):
        if len(self._ring) >= self._size:
            self._ring.pop(0)
            self.discards += 1
        self._ring.append((self.next_n, when, code, ch, a, b))
        self.next_n += 1

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
