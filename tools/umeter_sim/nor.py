"""Raw NOR flash in plain memory, for runs of the firmware's core without a simulated chip."""

SECTOR = 4096


class Nor:
    """The interface of umeter.hal.flash. `erased` counts per sector, `programmed` bytes in all.

    OSError for a program that would have to set a bit: on a chip it would be lost in silence.
    """

    sector = SECTOR
    warning = None

    def __init__(self, sectors):
        self.size = sectors * SECTOR
        self.cells = bytearray(b"\xff" * self.size)
        self.erased = [0] * sectors
        self.programmed = 0

    def read(self, off, buf):
        buf[:] = self.cells[off : off + len(buf)]

    def program(self, off, buf):
        size = len(buf)
        there = int.from_bytes(self.cells[off : off + size], "little")
        wanted = int.from_bytes(buf, "little")
        if there & wanted != wanted:
            raise OSError(f"programming at {off} would have to set bits")
        self.cells[off : off + size] = buf
        self.programmed += size

    def erase(self, off):
        if off % SECTOR:
            raise OSError(f"{off} is not the start of a sector")
        self.cells[off : off + SECTOR] = b"\xff" * SECTOR
        self.erased[off // SECTOR] += 1
