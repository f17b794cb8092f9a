"""Relays behind a chain of 74HC595 shift registers."""

import machine
from micropython import const

_PERIOD_MS = const(1000)


def make(doc, port):
    """The relays of board.json's `relays`."""
    return ShiftRelays(machine.Pin, doc)


class ShiftRelays:
    """pin_class: machine.Pin. doc: of board.json. All contacts open at construction, and with an
    OE# pin muted until then.

    The chips cannot be read back, and a dip of their supply scrambles them: they are written again
    once a second.
    """

    def __init__(self, pin_class, doc):
        out = pin_class.OUT
        mute = pin_class(doc["oe"], out, value=1) if "oe" in doc else None
        self._data = pin_class(doc["data"], out, value=0)
        self._clock = pin_class(doc["clock"], out, value=0)
        self._latch = pin_class(doc["latch"], out, value=0)
        self._high = doc["active"] == "high"
        self._bits = doc["bits"]
        # What is shifted first ends up in the chip that is farthest away.
        self._outputs = bytearray(doc.get("chips", 1))
        if not self._high:
            for i in range(len(self._outputs)):
                self._outputs[i] = 255
        self._wait_ms = _PERIOD_MS
        self._shift()
        if mute is not None:
            mute(0)

    def set(self, index, closed):
        """Close (feed the user) or open the contact."""
        bit = self._bits[index]
        at = -1 - (bit >> 3)
        bit = 1 << (bit & 7)
        if closed == self._high:
            self._outputs[at] |= bit
        else:
            self._outputs[at] &= ~bit
        self._shift()

    def poll(self, dt_ms):
        """Write once more, if it is time to. `dt_ms` after the last call."""
        self._wait_ms -= dt_ms
        if self._wait_ms <= 0:
            self._wait_ms = _PERIOD_MS
            self._shift()

    def _shift(self):
        data = self._data
        clock = self._clock
        for byte in self._outputs:
            for _ in range(8):
                data(byte >> 7 & 1)
                clock(1)
                clock(0)
                byte <<= 1
        self._latch(1)
        self._latch(0)
