"""The receiving half of a UART, as drivers see it."""


class Received:
    """`received` is what has come in and was not read yet."""

    def __init__(self):
        self.received = b""

    def any(self):
        return len(self.received)

    def readinto(self, buf):
        n = min(len(buf), len(self.received))
        buf[:n] = self.received[:n]
        self.received = self.received[n:]
        return n or None
