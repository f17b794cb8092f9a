"""The power-cut-safe store of money and energy: a small key -> value set on raw NOR flash.

Every sector of the flash is a slot for one copy of the whole set. Slots are used in turn, so a
commit never touches the newest good copy and the erasing is spread evenly. A copy is a header
(magic, format, sequence, body length, CRC-32 of the rest of the header and the body) and the
entries of the body: key length u8, key, value length u16, value; all little-endian. The header
stays as it is in every later format.
"""

import struct
from binascii import crc32

from micropython import const

from umeter.core.transient import forget

FORMAT = const(1)
HEADER_BYTES = const(14)
_MAGIC = const(b"uJ")
_HEADER = const("<2sHIHI")
_CRC_FROM = const(2)
_CRC_TO = const(10)
_CHUNK_BYTES = const(64)


def read_header(flash, slot):
    """(magic, format, sequence, body length, CRC) of a slot that holds a whole copy, else None."""
    start = slot * flash.sector
    header = bytearray(HEADER_BYTES)
    flash.read(start, header)
    fields = struct.unpack(_HEADER, header)
    length = fields[3]
    if fields[0] != _MAGIC or length > flash.sector - HEADER_BYTES:
        return None
    crc = crc32(header[_CRC_FROM:_CRC_TO])
    chunk = bytearray(_CHUNK_BYTES)
    offset = start + HEADER_BYTES
    end = offset + length
    while offset < end:
        part = memoryview(chunk)[: min(_CHUNK_BYTES, end - offset)]
        flash.read(offset, part)
        crc = crc32(part, crc)
        offset += len(part)
    return fields if crc == fields[4] else None


class Journal:
    """flash: `size`, `sector` in bytes, `read(off, buf)`, `program(off, buf)` (only clears bits),
    `erase(off)`.

    Keys are str of 1..8 characters, values bytes. `damaged` is set by `load` when it met a copy
    that is neither whole nor erased: a commit torn by a power cut, or a fault of the flash.
    """

    def __init__(self, flash):
        self._flash = flash
        self._slots = flash.size // flash.sector
        self._live = {}
        self._newest = -1  # slot of the newest good copy
        self._next = 0
        self._sequence = 0
        self.damaged = False

    def get(self, key):
        """The durable value of a key, or None."""
        return self._live.get(key)

    def load(self):
        """Read the newest whole copy and return {key: bytes}, {} from an erased flash.

        ValueError if it was written by a later format: it is for a newer firmware to read, never
        to be overwritten.
        """
        from umeter.core import journal_load

        try:
            self._newest, self._sequence, self.damaged = journal_load.survey(self._flash)
            self._live = journal_load.entries(self._flash, self._newest)
        finally:
            forget(journal_load)
        self._next = (self._newest + 1) % self._slots
        return self._live

    def commit(self, batch):
        """Merge {key: bytes} into the set and make it durable, all of the batch or nothing.

        ValueError if the set would not fit. OSError if the flash fails or does not read back what
        was written. In either case the set is what it was before.
        """
        live = dict(self._live)
        live.update(batch)
        length = 0
        for key in live:
            length += 3 + len(key) + len(live[key])
        room = self._flash.sector - HEADER_BYTES
        if length > room:
            raise ValueError("journal full: %d bytes, %d fit" % (length, room))
        slot = self._next
        self._next = (slot + 1) % self._slots
        if self._next == self._newest:  # after a failure too: never erase the good copy
            self._next = (self._next + 1) % self._slots
        self._sequence += 1  # even if it fails: such a copy may be whole all the same
        self._write(slot, live, length)
        self._newest = slot
        self._next = (slot + 1) % self._slots
        self._live = live

    def _write(self, slot, live, length):
        flash = self._flash
        start = slot * flash.sector
        flash.erase(start)
        header = bytearray(HEADER_BYTES)
        struct.pack_into(_HEADER, header, 0, _MAGIC, FORMAT, self._sequence, length, 0)
        crc = crc32(header[_CRC_FROM:_CRC_TO])
        offset = start + HEADER_BYTES
        for key in live:
            value = live[key]
            name = key.encode()
            head = bytes((len(name),)) + name + struct.pack("<H", len(value))
            for part in (head, value):
                flash.program(offset, part)
                crc = crc32(part, crc)
                offset += len(part)
        struct.pack_into("<I", header, _CRC_TO, crc)
        # Last, so that a torn commit has no header at all.
        flash.program(start, header)
        written = read_header(flash, slot)
        if written is None or written[4] != crc:
            raise OSError("journal: flash does not hold what was written")
