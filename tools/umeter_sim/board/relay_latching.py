"""Latching relays with their coils: a contact stays where the last good pulse has moved it, for
ever. They are shipped closed (HG4502).
"""

from micropython import const

_MASK = const(0x3FFFFFFF)
_OPERATE_MS = const(20)  # of several makes, at most


class Device:
    """contact(index, closed) is told of every move. For tests: `most` coils that had current at
    the same time, `longest_ms` of a pulse, `shortest_gap_ms` between two, -1 if there were none.
    """

    def __init__(self, world, relays, contact, state=None):
        self._world = world
        self._contact = contact
        self._on = 1 if relays["active"] == "high" else 0
        self.pins = [pin for pair in relays["pins"] for pin in pair]
        self._since = {}  # by pin of a coil with current: from when
        self._ended = -1
        self.most = 0
        self.longest_ms = 0
        self.shortest_gap_ms = -1
        self.closed = list(state) if state else [True] * len(relays["pins"])
        for i in range(len(self.closed)):
            contact(i, self.closed[i])

    def pin_driven(self, pin, level):
        now = self._world.ticks
        if level == self._on and pin not in self._since:
            self._since[pin] = now
            self.most = max(self.most, len(self._since))
            if self._ended >= 0:
                gap_ms = (now - self._ended) & _MASK
                if self.shortest_gap_ms < 0 or gap_ms < self.shortest_gap_ms:
                    self.shortest_gap_ms = gap_ms
        elif level != self._on and pin in self._since:
            self._end(pin, (now - self._since.pop(pin)) & _MASK)

    def _end(self, pin, ms):
        self._ended = self._world.ticks
        self.longest_ms = max(self.longest_ms, ms)
        index, opens = divmod(self.pins.index(pin), 2)
        if ms >= _OPERATE_MS and self.closed[index] == bool(opens):
            self.closed[index] = not opens
            self._contact(index, not opens)

    def let_go(self, power):
        for pin in list(self._since):
            self._end(pin, (self._world.ticks - self._since.pop(pin)) & _MASK)

    def brown_out(self):
        pass

    def state(self):
        return self.closed
