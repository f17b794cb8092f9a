"""Latching relays: a pulse moves the contact, which then stays whatever happens to the board.

Each has two GPIOs: those of its set and its reset coil, or the inputs of its H-bridge. A pulse is
ended by the next tick that is late enough, and so may be longer than it need be. If the processor
hangs in the middle of one, the watchdog resets it after eight seconds: the pins are let go, and
the first steps of boot.py drive all coils off. A coil takes one to three watts: that long it can.
"""

import machine
from micropython import const

_UNKNOWN = const(2)


def make(doc, port):
    """The relays of board.json's `relays`."""
    pulse_ms = doc.get("pulse_ms", 100)
    high = doc["active"] == "high"
    return LatchingRelays(machine.Pin, doc["pins"], high, pulse_ms, doc.get("gap_ms", 200))


class LatchingRelays:
    """pin_class: machine.Pin. pairs: (closing GPIO, opening GPIO) by relay.

    One coil on the whole board has current at a time, `gap_ms` after the one before. Where the
    contacts are after a start nobody knows: all of them are pulsed open, after boot.py has done
    so.
    """

    def __init__(self, pin_class, pairs, active_high, pulse_ms, gap_ms):
        self._on = 1 if active_high else 0
        self._pulse_ms = pulse_ms
        self._gap_ms = gap_ms
        self._pins = []  # by 2 * relay + (0: closes, 1: opens)
        for pair in pairs:
            for gpio in pair:
                self._pins.append(pin_class(gpio, pin_class.OUT, value=1 - self._on))
        self._wish = bytearray(len(pairs))
        self._last = bytearray(len(pairs))  # where the last pulse moved it
        for i in range(len(pairs)):
            self._last[i] = _UNKNOWN
        self._coil = None  # the pin whose coil has current
        self._left_ms = 0  # of its pulse, or of the gap

    def set(self, index, closed):
        """Close (feed the user) or open the contact as soon as no other coil is in use; the newest
        wish counts.
        """
        self._wish[index] = 1 if closed else 0

    def poll(self, dt_ms):
        """End a pulse, or begin one. `dt_ms` is the time since the last call."""
        if self._left_ms > 0:
            self._left_ms -= dt_ms
            if self._left_ms > 0:
                return
        if self._coil is not None:
            self._coil.value(1 - self._on)
            self._coil = None
            self._left_ms = self._gap_ms
        elif not self._begin(0):  # who is to be cut comes first
            self._begin(1)

    def _begin(self, position):
        for i in range(len(self._wish)):
            if self._wish[i] == position != self._last[i]:
                self._last[i] = position
                self._coil = self._pins[2 * i + 1 - position]
                self._coil.value(self._on)
                self._left_ms = self._pulse_ms
                return True
        return False
