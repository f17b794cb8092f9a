"""The power-cut-safe store of money and energy: a small key -> value set on raw NOR flash.

A log. A sector begins with a header (magic, format, sequence, body length, CRC-32 of the rest of
the header and the body; it stays as it is in every later format, the body is empty in this one).
Records follow: length u16 of all the record, sequence u32 of the batch, flags u8, entries (key
length u8, key, value length u16, value), CRC-32 of all before it; little-endian. The first record
is a snapshot of the whole set, merged with the batch that did not fit into the sector before, and
the header has its sequence; so one sector is enough to load. The header is programmed last: a
sector that has one has had a whole snapshot.

A sector is one of the flash's (format 2) or `pages` of them (format 3): the whole set has to fit
into it. Sectors are used in turn, so erases are spread evenly and the sector before stays as it
was.
"""

import struct
from binascii import crc32

from micropython import const

from umeter.core.transient import run

ONE_PAGE = const(2)  # the format
FORMAT = const(3)  # the format with several pages, the latest there is
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
_LONG_BYTES = const(16)  # a longer value stays in flash, where it is read when asked for
_SMALL_MASK = const(0x3FFFFFFF)


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
    """How long a record with these entries, values or places, is."""
    length = RECORD_BYTES_LEAST
    for key in entries:
        value = entries[key]
        length += 3 + len(key) + (value[1] if type(value) is tuple else len(value))
    return length


def _kept(offset, value):
    """The value if it is short, else the place of it at this offset in flash."""
    if len(value) <= _LONG_BYTES:
        return bytes(value)
    return offset, len(value), crc32(value) & _SMALL_MASK


class Journal:
    """flash: `size`, `sector` in bytes, `read(off, buf)`, `program(off, buf)` (only clears bits),
    `erase(off)`.

    pages: how many of the flash's sectors make one of the journal's, 1 or 2. A set that the same
    flash holds with one page is read, and goes on with two.

    Keys are str of 1..8 characters, values bytes. `sequence` is the number of the newest batch.
    `damaged` is set by `load` when it met something that is neither whole nor erased: a commit or
    an erase torn by a power cut, or a fault of the flash.
    """

    def __init__(self, flash, pages=1):
        self._flash = flash
        self._pages = pages
        self._sector = pages * flash.sector
        self._sectors = flash.size // self._sector
        self._live = {}  # by key the value, or its place: (offset, length, of its CRC-32 30 bits)
        self._newest = -1  # the sector being filled
        self._tail = self._sector  # where its next record goes; the sector's size: nowhere
        self._next = 0  # the sector that follows
        # How many of its pages this boot has erased: a torn erase may look like a whole one.
        self._ready = 0
        self.sequence = 0
        self.damaged = False

    def get(self, key):
        """The durable value of a key, or None. OSError if the flash has lost it since."""
        value = self._live.get(key)
        return self._read(value) if type(value) is tuple else value

    def _read(self, place):
        offset, length, crc = place
        value = bytearray(length)
        self._flash.read(offset, value)
        if crc32(value) & _SMALL_MASK != crc:
            raise OSError("journal: the flash has changed at %d" % offset)
        return bytes(value)

    def load(self):
        """Read the last whole batch and return the set {key: bytes}, {} from an erased flash.

        ValueError if any of it was written by a later format: it is for a newer firmware to read,
        never to be overwritten.
        """
        found = run("core.journal_load", "load", self._flash, self._pages)
        entries, self._newest, self._tail, self.sequence, self.damaged = found
        self._next = (self._newest + 1) % self._sectors
        self._ready = 0
        self._live = {}
        live = {}
        for key in entries:
            offset, live[key] = entries[key]
            self._live[key] = _kept(offset, live[key])
        return live

    def prepare(self):
        """Erase a page of the next sector if that will be needed soon: for a moment in which 50 ms
        do not matter. True if it did.
        """
        if self._ready == self._pages or self._tail < self._sector - self._sector // 4:
            return False
        following = self._next
        try:
            self._flash.erase(following * self._sector + self._ready * self._flash.sector)
        except OSError:
            self._skip(following)  # it may be worn out
            return False
        self._ready += 1
        return True

    def commit(self, batch):
        """Merge {key: bytes} into the set and make it durable, all of the batch or nothing.

        ValueError if the set would not fit. OSError if the flash fails or does not read back what
        was written. In either case the set is what it was before.
        """
        live = dict(self._live)
        live.update(batch)  # values among places
        length = _bytes_of(live)
        room = self._sector - HEADER_BYTES
        if length > room:
            raise ValueError("journal full: %d bytes, %d fit" % (length, room))
        self.sequence += 1  # even if it fails: such a record may be whole all the same
        tail = self._tail
        end = tail + _bytes_of(batch)
        # After a failure nothing more goes into this sector: numbers in it follow each other.
        self._tail = self._sector
        if end <= self._sector:
            kept = self._append(self._newest * self._sector + tail, batch, end - tail, 0)
            self._tail = end
            self._live.update(kept)
        else:
            self._live = self._turn_over(live, length)

    def _turn_over(self, live, length):
        """Begin the next sector with a snapshot. Returns what to keep of it."""
        flash = self._flash
        sector = self._next
        start = sector * self._sector
        ready = self._ready
        self._skip(sector)  # after a failure the one behind it is next
        for page in range(ready, self._pages):
            flash.erase(start + page * flash.sector)
        kept = self._append(start + HEADER_BYTES, live, length, SNAPSHOT)
        header = bytearray(HEADER_BYTES)
        form = ONE_PAGE if self._pages == 1 else FORMAT
        struct.pack_into(HEADER, header, 0, MAGIC, form, self.sequence, 0, 0)
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
        return kept

    def _skip(self, sector):
        """The next sector is the one behind this, but never the one that holds the set."""
        self._ready = 0
        self._next = (sector + 1) % self._sectors
        if self._next == self._newest:
            self._next = (self._next + 1) % self._sectors

    def _append(self, offset, entries, length, flags):
        """Write a record of entries, values or places. Returns what to keep of them."""
        kept = {}
        flash = self._flash
        start = offset
        head = struct.pack(RECORD_HEAD, length, self.sequence, flags)
        flash.program(offset, head)
        crc = crc32(head)
        offset += RECORD_HEAD_BYTES
        for key in entries:
            value = entries[key]
            if type(value) is tuple:
                value = self._read(value)
            name = key.encode()
            for part in (bytes((len(name),)) + name + struct.pack("<H", len(value)), value):
                flash.program(offset, part)
                crc = crc32(part, crc)
                offset += len(part)
            kept[key] = _kept(offset - len(value), value)
        flash.program(offset, struct.pack("<I", crc))
        written = bytearray(4)
        flash.read(offset, written)
        if crc_of(flash, start, offset, 0) != crc or struct.unpack("<I", written)[0] != crc:
            raise OSError("journal: flash does not hold what was written")
        return kept
