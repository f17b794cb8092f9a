"""Relays on GPIO pins."""


def make(doc, port):
    """The relays of board.json's `relays`."""
    from machine import Pin

    return GpioRelays(Pin, doc["pins"], doc["active"] == "high")


class GpioRelays:
    """One relay a pin, by index. All contacts open at construction.

    `pin_class` is machine.Pin. The ESP32 port writes `value` before it enables the driver, so no
    contact moves on the way.
    """

    def __init__(self, pin_class, pins, active_high):
        self._closed_level = 1 if active_high else 0
        open_level = 1 - self._closed_level
        self._pins = []
        for number in pins:
            self._pins.append(pin_class(number, pin_class.OUT, value=open_level))

    def set(self, index, closed):
        """Close (feed the user) or open the contact."""
        level = self._closed_level
        self._pins[index].value(level if closed else 1 - level)
