"""NOR flash at cell level: programming only clears bits, erasing sets a sector, and power can fail
inside either.
"""

import simhost
import uctypes
import world as _world
from micropython import const

SECTOR = const(4096)
# W25Q data sheet, typical: the chip stands still so long. A page of 256 bytes takes 0.7 ms.
_ERASE_MS = const(45)
_PROGRAM_US = const(30)
_PROGRAM_BYTE_NS = const(2600)
_BLANK = b"\xff" * SECTOR


class Flash:
    """`size` bytes of cells, blank when new. Offsets in bytes. Wear is in `erased`, erases per
    sector.

    cut_after(n) orders a power cut after n more programmed bytes; a sector that is being erased
    when the power fails is left half blank and half as it was.
    """

    def __init__(self, size):
        self.size = size
        self.cells = bytearray(_BLANK * (size // SECTOR))
        self.erased = [0] * (size // SECTOR)
        self._bytes_left = -1
        self._busy_us = 0
        simhost.watch_flash(uctypes.addressof(self.cells), size)

    def cut_after(self, count):
        self._bytes_left = count

    def read(self, offset, buffer):
        self._bound(offset, len(buffer))
        buffer[:] = memoryview(self.cells)[offset : offset + len(buffer)]

    def program(self, offset, data):
        size = len(data)
        self._bound(offset, size)
        cells = self.cells
        if self._bytes_left < 0 and cells[offset : offset + size] == memoryview(_BLANK)[:size]:
            cells[offset : offset + size] = data
        else:
            for i in range(size):
                if self._bytes_left == 0:
                    _world.world.stop(_world.PowerCut())
                self._bytes_left -= self._bytes_left > 0
                cells[offset + i] &= data[i]
        self._busy_us += _PROGRAM_US + size * _PROGRAM_BYTE_NS // 1000
        if self._busy_us >= 1000:
            ms = self._busy_us // 1000
            self._busy_us %= 1000
            _world.world.advance(ms)

    def erase(self, sector):
        """Erase one sector, by number."""
        start = sector * SECTOR
        self._bound(start, SECTOR)
        self.erased[sector] += 1
        if 0 <= self._bytes_left < SECTOR:
            middle = start + self._bytes_left
            self.cells[start:middle] = memoryview(_BLANK)[: self._bytes_left]
            _world.world.stop(_world.PowerCut())
        if self._bytes_left > 0:
            self._bytes_left -= SECTOR
        self.cells[start : start + SECTOR] = _BLANK
        _world.world.advance(_ERASE_MS)

    def _bound(self, offset, size):
        _world.world.check()
        if offset < 0 or offset + size > self.size:
            raise OSError(-258)  # ESP_ERR_INVALID_ARG


# The journal partition's cells, made by control.power_up(); None on a board without the partition.
flash = None
