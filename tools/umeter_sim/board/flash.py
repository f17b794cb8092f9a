"""NOR flash at cell level: programming only clears bits, erasing sets a sector, power can fail
inside either, and cells rot.
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


class Cut:
    """When the power fails inside the flash: after `bytes_left` more programmed bytes (an erase
    counts as its sector), or in the erase after `erases_left` more. -1: not ordered.
    """

    def __init__(self):
        self.bytes_left = -1
        self.erases_left = -1


# What ordered cuts count over, if they do not name a partition.
cut = Cut()


class Flash:
    """A partition of `size` bytes. Offsets in bytes. Wear is in `erased`, erases per sector.

    The cells are the host's, outside of the heap that the firmware lives in, and outlive it.
    """

    def __init__(self, label, size):
        self.size = size
        self.cells = uctypes.bytearray_at(simhost.flash_cells(label, size), size)
        self.erased = [0] * (size // SECTOR)
        self.cut = cut
        self._busy_us = 0

    def cut_after(self, count):
        """Order a power cut after `count` more programmed bytes of this partition; a sector that
        is being erased then is left blank so far and as it was from there.
        """
        self.cut = Cut()
        self.cut.bytes_left = count

    def rot(self, offset, bit):
        """Flip one bit."""
        self.cells[offset] ^= 1 << bit

    def read(self, offset, buffer):
        self._bound(offset, len(buffer))
        buffer[:] = memoryview(self.cells)[offset : offset + len(buffer)]

    def program(self, offset, data):
        size = len(data)
        self._bound(offset, size)
        cells = self.cells
        order = self.cut
        if order.bytes_left < 0 and cells[offset : offset + size] == memoryview(_BLANK)[:size]:
            cells[offset : offset + size] = data
        else:
            for i in range(size):
                if order.bytes_left == 0:
                    _world.world.stop(_world.PowerCut())
                order.bytes_left -= order.bytes_left > 0
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
        order = self.cut
        if order.erases_left == 0:
            self._half_erase(start)
        order.erases_left -= order.erases_left > 0
        if 0 <= order.bytes_left < SECTOR:
            middle = start + order.bytes_left
            self.cells[start:middle] = memoryview(_BLANK)[: order.bytes_left]
            _world.world.stop(_world.PowerCut())
        if order.bytes_left > 0:
            order.bytes_left -= SECTOR
        self.cells[start : start + SECTOR] = _BLANK
        _world.world.advance(_ERASE_MS)

    def _half_erase(self, start):
        """The power fails in the middle: some bits are back at 1, which ones is chance."""
        cells = self.cells
        below = _world.world.random.below
        for at in range(start, start + SECTOR):
            cells[at] |= below(256)
        _world.world.stop(_world.PowerCut())

    def _bound(self, offset, size):
        _world.world.check()
        if offset < 0 or offset + size > self.size:
            raise OSError(-258)  # ESP_ERR_INVALID_ARG


# The data partitions by label, made by control.power_up(); a board may lack any.
partitions = {}
