"""The flash under the journal.

Offsets are in bytes, an erased byte is 0xFF, programming only clears bits. A flash has `size`,
`sector` (the unit of erasing), `read(off, buf)`, `program(off, buf)`, `erase(off)` and `warning`,
None or a sentence for the operator. Errors are OSError.
"""

from micropython import const

_SECTOR = const(4096)
_ERASE_SECTOR = const(6)
_SECTOR_COUNT = const(4)


class PartitionFlash:
    """An esp32.Partition, used raw.

    `writeblocks` with an offset appends without erasing, ioctl 6 erases one 4 KiB block
    (esp32_partition.c).
    """

    sector = _SECTOR
    warning = None

    def __init__(self, partition):
        self._partition = partition
        self.size = partition.ioctl(_SECTOR_COUNT, 0) * _SECTOR

    def read(self, off, buf):
        self._partition.readblocks(off // _SECTOR, buf, off % _SECTOR)

    def program(self, off, buf):
        self._partition.writeblocks(off // _SECTOR, buf, off % _SECTOR)

    def erase(self, off):
        self._partition.ioctl(_ERASE_SECTOR, off // _SECTOR)
