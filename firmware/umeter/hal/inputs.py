"""What a hand moves at the board: the cover's switch and the consumers' buttons.

All of them connect their pin to ground, against a pull-up (GPIO 34-39 have none of their own: put
10 kOhm there). The cover's switch is closed while the cover is on, so that a cut wire is an open
cover; `active_low` is for a switch that closes when the cover opens.
"""

import machine
from micropython import const

_LONG_MS = const(3000)
_COVER = const(-1)


def make(doc, port):
    """The inputs of board.json: its key `inputs` has {"cover": {...}} and, by channel's number,
    {"buttons": {"1": gpio}}.
    """
    given = doc["inputs"]
    buttons = [(int(ch) - 1, gpio) for ch, gpio in given.get("buttons", {}).items()]
    return Inputs(machine.Pin, given.get("cover"), buttons)


class _Input:
    """One debounced pin: a level counts once two polls in a row have seen it."""

    def __init__(self, pin, active, index):
        self.pin = pin
        self.active = active
        self.index = index  # of the button's channel, _COVER
        self.seen = False
        self.on = False
        self.held_ms = _LONG_MS  # a button that is stuck since before the start is no hand


class Inputs:
    """pin_class: machine.Pin. cover: of board.json, None without one. buttons: [(channel's index,
    GPIO)].

    One of the buses that the meter polls. What it finds it tells `meter`, to be set before:
    `cover(open)` at every change, also if the cover is open at the start; `hand(index, long)`
    when a button is let go, or has been held for three seconds.
    """

    def __init__(self, pin_class, cover, buttons):
        self.meter = None
        self._inputs = []
        if cover:
            self._add(pin_class, cover["gpio"], 0 if cover.get("active_low") else 1, _COVER)
        for index, number in buttons:
            self._add(pin_class, number, 0, index)

    def _add(self, pin_class, number, active, index):
        pin = pin_class(number, pin_class.IN, pin_class.PULL_UP)
        self._inputs.append(_Input(pin, active, index))

    def poll(self, dt_ms):
        """Look at all pins, `dt_ms` after the last time. Allocates nothing."""
        for one in self._inputs:
            on = one.pin.value() == one.active
            if on != one.seen:
                one.seen = on
                continue
            if one.index == _COVER:
                if on != one.on:
                    self.meter.cover(on)
            elif not on:
                if one.on and one.held_ms < _LONG_MS:
                    self.meter.hand(one.index, False)
                one.held_ms = 0
            elif one.held_ms < _LONG_MS:
                one.held_ms += dt_ms
                if one.held_ms >= _LONG_MS:
                    self.meter.hand(one.index, True)
            one.on = on
