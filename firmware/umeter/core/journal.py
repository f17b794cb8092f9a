"""The power-cut-safe store of money and energy: a small key -> value set on raw NOR flash.

A log. A sector begins with a header (magic, format, sequence, body length, CRC-32 of the rest of
the header and the body; it stays as it is in every later format, the body is empty in this one).
Records follow: length u16 of all the record, sequence u32 of the batch, flags u8, entries (key
length u8, key, value length u16, value), CRC-32 of all before it; little-endian. The first record
is a snapshot of the whole set, merged with the batch that did not fit into the sector before, and
the header has its sequence; so one sector is enough to load. The header is programmed last: a
sector that has one has had a whole snapshot.

Sectors are used in turn, so erases are spread evenly and the sector before stays as it was.
"""

import struct
from binascii import crc32

from micropython import const

from umeter.core.transient import forget

FORMAT = const(2)
HEADER = const("<2sHIHI")
HEADER_BYTES = const(14)
MAGIC = const(b"uJ")
RECORD_HEAD = const("<HIB")
RECORD_HEAD_BYTES = const(7)
RECORD_BYTES_LEAST = const(11)  # a record without entries
SNAPSHOT = const(1)  # in a record's flags
_CRC_FROM = const(2)
_CRC_TO = const(10)
_CHUNK_BYTES = const(64)


def crc_of(flash, offset, end, crc):
    """CRC-32 of what the flash holds from offset to end, continued from a CRC."""
    chunk = bytearray(_CHUNK_BYTES)
    while offset < end:
        part = memoryview(chunk)[: min(_CHUNK_BYTES, end - offset)]
        flash.read(offset, part)
        crc = crc32(part, crc)
        offset += len(part)
    return crc


def _bytes_of(entries):
    """How long a record with these entries is."""
    length = RECORD_BYTES_LEAST
    for key in entries:
        length += 3 + len(key) + len(entries[key])
    return length


class Journal:
    """flash: `size`, `sector` in bytes, `read(off, buf)`, `program(off, buf)` (only clears bits),
    `erase(off)`.

    Keys are str of 1..8 characters, values bytes. `sequence` is the number of the newest batch.
    `damaged` is set by `load` when it met something that is neither whole nor erased: a commit or
    an erase torn by a power cut, or a fault of the flash.
    """

    def __init__(self, flash):
        self._flash = flash
        self._sectors = flash.size // flash.sector
        self._live = {}
        self._newest = -1  # the sector being filled
        self._tail = flash.sector  # where its next record goes; the sector's size: nowhere
        self._next = 0  # the sector that follows
        self._ready = False  # it was erased by this boot: a torn erase may look like a whole one
        self.sequence = 0
        self.damaged = False

    def get(self, key):
        """The durable value of a key, or None."""
        return self._live.get(key)

    def load(self):
        """Read the last whole batch and return the set {key: bytes}, {} from an erased flash.

        ValueError if any of it was written by a later format: it is for a newer firmware to read,
        never to be overwritten.
        """
        from umeter.core import journal_load

        try:
            found = journal_load.load(self._flash)
        finally:
            forget(journal_load)
        self._live, self._newest, self._tail, self.sequence, self.damaged = found
        self._next = (self._newest + 1) % self._sectors
        self._ready = False
        return self._live

    def prepare(self):
        """Erase the next sector if it will be needed soon: for a moment in which 50 ms do not
        matter. True if it did.
        """
        sector = self._flash.sector
        if self._ready or self._tail < sector - sector // 4:
            return False
        following = self._next
        try:
            self._flash.erase(following * sector)
        except OSError:
            self._skip(following)  # it may be worn out
            return False
        self._ready = True
        return True

    def commit(self, batch):
        """Merge {key: bytes} into the set and make it durable, all of the batch or nothing.

        ValueError if the set would not fit. OSError if the flash fails or does not read back what
        was written. In either case the set is what it was before.
        """
        live = dict(self._live)
        live.update(batch)
        length = _bytes_of(live)
        room = self._flash.sector - HEADER_BYTES
        if length > room:
            raise ValueError("journal full: %d bytes, %d fit" % (length, room))
        self.sequence += 1  # even if it fails: such a record may be whole all the same
        tail = self._tail
        end = tail + _bytes_of(batch)
        if end <= self._flash.sector:
            self._tail = self._flash.sector  # after a failure nothing more goes into this sector
            self._append(self._newest * self._flash.sector + tail, batch, end - tail, 0)
            self._tail = end
        else:
            self._turn_over(live, length)
        self._live = live

    def _turn_over(self, live, length):
        """Begin the next sector with a snapshot."""
        flash = self._flash
        sector = self._next
        start = sector * flash.sector
        ready = self._ready
        self._skip(sector)  # after a failure the one behind it is next
        if not ready:
            flash.erase(start)
        self._append(start + HEADER_BYTES, live, length, SNAPSHOT)
        header = bytearray(HEADER_BYTES)
        struct.pack_into(HEADER, header, 0, MAGIC, FORMAT, self.sequence, 0, 0)
        crc = crc32(memoryview(header)[_CRC_FROM:_CRC_TO])
        struct.pack_into("<I", header, _CRC_TO, crc)
        flash.program(start, header)
        written = bytearray(HEADER_BYTES)
        flash.read(start, written)
        if written != header:
            raise OSError("journal: flash does not hold what was written")
        self._newest = sector
        self._tail = HEADER_BYTES + length
        self._next = (sector + 1) % self._sectors

    def _skip(self, sector):
        """The next sector is the one behind this, but never the one that holds the set."""
        self._ready = False
        self._next = (sector + 1) % self._sectors
        if self._next == self._newest:
            self._next = (self._next + 1) % self._sectors

    def _append(self, offset, entries, length, flags):
        flash = self._flash
        start = offset
        head = struct.pack(RECORD_HEAD, length, self.sequence, flags)
        flash.program(offset, head)
        crc = crc32(head)
        offset += RECORD_HEAD_BYTES
        for key in entries:
            value = entries[key]
            name = key.encode()
            for part in (bytes((len(name),)) + name + struct.pack("<H", len(value)), value):
                flash.program(offset, part)
                crc = crc32(part, crc)
                offset += len(part)
        flash.program(offset, struct.pack("<I", crc))
        written = bytearray(4)
        flash.read(offset, written)
        if crc_of(flash, start, offset, 0) != crc or struct.unpack("<I", written)[0] != crc:
            raise OSError("journal: flash does not hold what was written")
