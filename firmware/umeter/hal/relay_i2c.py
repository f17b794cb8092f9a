"""Relays behind I2C expanders: PCF8574, TCA9554, MCP23017.

An expander holds its outputs while only this chip restarts. When its own supply dips it wakes up
with its default instead, which must not close a contact: check of board.json.
"""

from micropython import const

_PERIOD_MS = const(1000)


def make(doc, port):
    """The relays of board.json's `relays`."""
    return ExpanderRelays(port(doc["bus"]), doc["frames"])


class _Chip:
    """One expander; contacts are its bits. `wish` is what was ordered to be closed, `now` what the
    chip is told: less, for a while after it has lost its outputs.
    """

    def __init__(self, i2c, address, open_, used, levels, ways):
        self._i2c = i2c
        self._address = address
        self._used = used
        self._open = open_
        self._levels = bytearray(levels)
        self._ways = bytearray(ways)
        self._low = 1 if ways else 0
        self._back = bytearray(len(levels) - self._low)
        self.wish = self.now = 0
        self.put()

    def put(self):
        """Write outputs, then directions: on the way no contact moves that is not to. True if the
        chip then says that it has them.
        """
        levels = self._open ^ self.now
        out = self._levels
        out[-1] = levels >> 8
        out[self._low] = levels & 255
        try:
            self._i2c.writeto(self._address, out)
            if self._ways:
                self._i2c.writeto(self._address, self._ways)
            return self._read(out) == levels & self._used
        except OSError:
            return False

    def again(self):
        """The same once more. What lost its outputs gets the contacts back one at a time: eight
        loads must not start together. False then, too.
        """
        try:
            # As a power-up leaves it: all high, all inputs.
            if self.now and self._read(self._ways or self._levels) == self._used:
                self.now = 0
                self.put()
                return False
        except OSError:
            return False
        missing = self.wish & ~self.now
        self.now |= missing & -missing
        return self.put()

    def _read(self, frame):
        back = self._back
        if self._low:
            self._i2c.readfrom_mem_into(self._address, frame[0], back)
        else:
            self._i2c.readfrom_into(self._address, back)
        return (back[0] | back[-1] << 8) & self._used


class ExpanderRelays:
    """i2c: machine.I2C. frames: of board.json, see tools/umeter_deploy/kinds/relay_i2c.py: by chip
    its address, the levels with all contacts open, the bits in use, what writes the levels and, if
    the chip has any, the directions. All contacts open at construction.

    Each chip is looked at and written again once a second. `meter` is told when one of them does
    not answer or has lost its outputs, and when all are well again.
    """

    def __init__(self, i2c, frames):
        self.meter = None
        self._chips = []
        self._places = []  # of each relay: its chip, its bit
        for bits, *frame in frames:
            chip = _Chip(i2c, *frame)
            self._chips.append(chip)
            for bit in bits:
                self._places.append((chip, 1 << bit))
        self._wait_ms = 0
        self._silent = False

    def set(self, index, closed):
        """Close (feed the user) or open the contact. What the chip does not take now it gets with
        the next poll that is due.
        """
        chip, bit = self._places[index]
        chip.wish |= bit
        if not closed:
            chip.wish ^= bit
        chip.now = (chip.now | bit) & chip.wish
        chip.put()

    def poll(self, dt_ms):
        """Look at all chips, when it is time to. `dt_ms` is the time since the last call."""
        self._wait_ms -= dt_ms
        if self._wait_ms <= 0:
            self._wait_ms = _PERIOD_MS
            silent = False
            for chip in self._chips:
                if not chip.again():
                    silent = True
            if silent != self._silent:
                self._silent = silent
                self.meter.event("relay.silent" if silent else "relay.back", 0)
