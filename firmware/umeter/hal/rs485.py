"""An RS485 transceiver with a pin for its direction (DE, with RE# on the same line)."""


class Rs485:
    """A UART that drives the line while it sends. uart: machine.UART. driver: the pin, low."""

    def __init__(self, uart, driver):
        self._uart = uart
        self._driver = driver
        self.any = uart.any
        self.read = uart.read
        self.readinto = uart.readinto

    def write(self, data):
        """Send, and wait for the end of it: 8 ms for a request at 9600 baud. Nothing else tells
        when the line is to be let go, and an answer may follow within 4 ms.
        """
        self._driver.value(1)
        try:
            self._uart.write(data)
            self._uart.flush()
        except OSError:  # so long it cannot take
            pass
        finally:
            self._driver.value(0)
