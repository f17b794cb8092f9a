"""What a meter in the interpreter stands on: flash in memory, relays that only listen."""


class Flash:
    """NOR flash: program only clears bits. OSError in place of programming while `failing`."""

    def __init__(self, sectors, sector=4096):
        self.sector = sector
        self.size = sectors * sector
        self.failing = False
        self._cells = bytearray(b"\xff" * self.size)

    def read(self, off, buf):
        buf[:] = memoryview(self._cells)[off : off + len(buf)]

    def program(self, off, buf):
        if self.failing:
            raise OSError("flash")
        for i, byte in enumerate(buf):
            self._cells[off + i] &= byte

    def erase(self, off):
        self._cells[off : off + self.sector] = b"\xff" * self.sector


class Relays:
    def __init__(self):
        self._closed = bytearray(8)

    def set(self, index, closed):
        self._closed[index] = closed
