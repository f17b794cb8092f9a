"""The journal's flash in a file, for a board flashed without a journal partition."""

from micropython import const

_SECTOR = const(4096)
_SECTORS = const(4)
_BLANK_BYTES = const(256)


class FileFlash:
    """A preallocated file; the interface is that of hal/flash.py.

    As short as the journal can be: littlefs copies a file from the changed byte to its end at
    every flush. So what was programmed is flushed when it is read back, and durable by the time it
    is verified.
    """

    sector = _SECTOR
    size = _SECTORS * _SECTOR
    warning = "no journal partition: the journal is in a file, which wears the filesystem's flash"

    def __init__(self, path):
        try:
            self._file = open(path, "r+b")
        except OSError:
            self._file = open(path, "w+b")
        length = self._file.seek(0, 2)
        if length < self.size:
            self._fill(length, self.size - length)

    def read(self, off, buf):
        self._file.flush()
        self._file.seek(off)
        self._file.readinto(buf)

    def program(self, off, buf):
        self._file.seek(off)
        self._file.write(buf)

    def erase(self, off):
        self._fill(off, _SECTOR)

    def _fill(self, off, count):
        blank = b"\xff" * _BLANK_BYTES
        self._file.seek(off)
        while count > 0:
            count -= self._file.write(blank[:count])
