"""The energy register: whole watt-hours and an exact residual.

The unit of energy is 0.1 W x 1 ms. A float register on the ESP32 (32 bits) stops counting small
loads after a few months; a pair of small ints is exact for ever and needs no heap.
"""

from micropython import const

UNITS_PER_WH = const(36_000_000)


class Register:
    """Cumulative energy: `wh`, and `residual` in 0.1 W x ms, 0 .. 35 999 999."""

    def __init__(self):
        self.wh = 0
        self.residual = 0

    def add(self, units):
        """Add energy in units of 0.1 W x ms. Does not allocate below 2**30."""
        # Split first: a residual and 2**30 - 1 units together are no small int.
        residual = self.residual + units % UNITS_PER_WH
        self.wh += units // UNITS_PER_WH + residual // UNITS_PER_WH
        self.residual = residual % UNITS_PER_WH
