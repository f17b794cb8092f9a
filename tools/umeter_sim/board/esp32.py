"""`esp32`: the raw data partitions over simulated cells."""

import errno

import flash as _flash
from micropython import const

HEAP_DATA = const(4)
HEAP_EXEC = const(2)


class Partition:
    """esp32.Partition as far as raw data goes: by label."""

    TYPE_APP = const(0)
    TYPE_DATA = const(1)
    BOOT = const(0)
    RUNNING = const(1)

    def __init__(self, label, block_size=_flash.SECTOR):
        if label not in _flash.partitions:
            raise OSError(errno.ENOENT)
        if block_size != _flash.SECTOR:
            raise ValueError("the simulated partition has blocks of %d bytes" % _flash.SECTOR)
        self._label = label
        self._flash = _flash.partitions[label]

    @classmethod
    def find(cls, type=TYPE_APP, subtype=0xFF, label=None, block_size=_flash.SECTOR):
        there = sorted(_flash.partitions) if type == 1 else ()
        return [cls(name, block_size) for name in there if label in (None, name)]

    def info(self):
        at = 0x3C0000 if self._label == "journal" else 0x380000
        return (1, 0x40, at, self._flash.size, self._label, False)

    def readblocks(self, block, buffer, offset=0):
        self._flash.read(block * _flash.SECTOR + offset, buffer)

    def writeblocks(self, block, data, offset=None):
        """With an offset: program only. Without: whole blocks, erased first."""
        if offset is None:
            if len(data) % _flash.SECTOR:
                raise OSError(errno.EINVAL)
            for i in range(len(data) // _flash.SECTOR):
                self._flash.erase(block + i)
            offset = 0
        self._flash.program(block * _flash.SECTOR + offset, data)

    def ioctl(self, op, arg):
        """4: number of blocks, 5: bytes in a block, 6: erase block `arg`."""
        if op == 4:
            return self._flash.size // _flash.SECTOR
        if op == 5:
            return _flash.SECTOR
        if op == 6:
            self._flash.erase(arg)
            return 0
        return None


def idf_heap_info(capabilities):
    """What a plain ESP32 has left for Wi-Fi and TLS: (total, free, largest block, lowest free) of
    two regions.
    """
    return [(40000, 30000, 25000, 20000), (90000, 60000, 55000, 50000)]
