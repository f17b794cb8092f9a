"""What a driver of SPI chips is handed: the bus, and pins that select its chips."""

import machine


class Spi:
    """spi: the machine.SPI."""

    def __init__(self, spi):
        self.spi = spi

    def pin(self, gpio, level):
        """An output, at this level from its first moment."""
        return machine.Pin(gpio, machine.Pin.OUT, value=level)
