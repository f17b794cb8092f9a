"""A chain of 74HC595 with relays on its outputs. Wakes up with anything in it; an OE# pin that
nobody drives is pulled up, which mutes the outputs.
"""


class Device:
    """contact(index, closed) is told of every move. `outputs`: bit 0 is QA of the first chip."""

    def __init__(self, world, relays, contact, state=None):
        self._random = world.random
        self._contact = contact
        self._bits = relays["bits"]
        self._high = relays["active"] == "high"
        self._chips = relays.get("chips", 1)
        self._data_pin = relays["data"]
        self._clock_pin = relays["clock"]
        self._latch_pin = relays["latch"]
        self._oe_pin = relays.get("oe", -1)
        self.pins = [relays[key] for key in ("data", "clock", "latch", "oe") if key in relays]
        self._levels = {}
        self._shifted = 0
        self._closed = [False] * len(self._bits)
        self.outputs = state if state is not None else self._anything()
        self._muted = self._oe_pin >= 0
        self._look()

    def _anything(self):
        outputs = 0
        for _ in range(self._chips):
            outputs = outputs << 8 | self._random.below(256)
        return outputs

    def pin_driven(self, pin, level):
        rises = level and not self._levels.get(pin, 0)
        self._levels[pin] = level
        if pin == self._oe_pin:
            self._muted = bool(level)
        elif rises and pin == self._clock_pin:
            bit = self._levels.get(self._data_pin, 0)
            self._shifted = (self._shifted << 1 | bit) & (1 << 8 * self._chips) - 1
        elif rises and pin == self._latch_pin:
            self.outputs = self._shifted
        self._look()

    def _look(self):
        for i in range(len(self._bits)):
            level = self.outputs >> self._bits[i] & 1
            closed = not self._muted and bool(level) == self._high
            if closed != self._closed[i]:
                self._closed[i] = closed
                self._contact(i, closed)

    def let_go(self, power):
        self._levels = {}
        self._muted = self._oe_pin >= 0
        self._look()
        if not power:
            self.outputs = self._shifted = 0 if self._high else (1 << 8 * self._chips) - 1
            self._look()  # what has no supply closes nothing
            self.outputs = self._anything()  # and this is how it will wake up

    def brown_out(self):
        self.outputs = self._anything()
        self._look()

    def state(self):
        return self.outputs
