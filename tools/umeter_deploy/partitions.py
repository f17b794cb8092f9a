"""The partition table of an ESP32: read, written, and made to have a place for money.

Pure. It lies at 0x8000 of the flash: rows of 32 bytes, little-endian, then a row with the MD5 of
those before it, then 0xFF up to 0xC00 bytes, a row at least (ESP-IDF, esp_flash_partitions.h;
without MD5 or end its bootloader refuses the table). MicroPython since 1.26 needs no row for its
filesystem: it takes what lies behind the last one (ports/esp32/main.c).
"""

import struct
from dataclasses import dataclass, replace
from hashlib import md5

TABLE_OFFSET = 0x8000
TABLE_BYTES = 0xC00
FIRST_OFFSET = 0x9000
SECTOR = 4096
APP, DATA = 0, 1
FACTORY = 0  # a subtype of APP
OTA_DATA, UNDEFINED = 0, 6  # subtypes of DATA
JOURNAL, LOG = "journal", "log"
RAW_BYTES = 64 * SECTOR  # of each of these two
FILESYSTEMS = ("vfs", "ffat")  # what MicroPython looks for
_ROW = struct.Struct("<2sBBLL16sL")
_MAGIC, _MD5_ROW, _BLANK_ROW = b"\xaa\x50", b"\xeb\xeb" + 14 * b"\xff", 32 * b"\xff"
_MOST_ROWS = TABLE_BYTES // _ROW.size - 2  # the MD5 has one, and a blank one ends the table
_OTA = range(0x10, 0x21)  # subtypes of APP: the slots of an update over the air, and its test
_APP_ALIGNMENT = 0x10000


@dataclass(frozen=True)
class Entry:
    """offset, size: bytes of the flash. flags: bit 0 encrypted, bit 1 read-only."""

    name: str
    kind: int
    subtype: int
    offset: int
    size: int
    flags: int = 0

    @property
    def end(self) -> int:
        return self.offset + self.size


Table = tuple[Entry, ...]


def encode(table: Table) -> bytes:
    """The TABLE_BYTES for the flash. ValueError if a row cannot be written down."""
    if len(table) > _MOST_ROWS:
        raise ValueError(f"A partition table has {_MOST_ROWS} rows at most, this has {len(table)}")
    rows = b""
    for entry in table:
        name = entry.name.encode()
        if not 0 < len(name) <= 15 or b"\0" in name:
            raise ValueError(f"{entry.name!r} is no name for a partition: 1 to 15 bytes")
        rows += _ROW.pack(
            _MAGIC, entry.kind, entry.subtype, entry.offset, entry.size, name, entry.flags
        )
    return (rows + _MD5_ROW + md5(rows).digest()).ljust(TABLE_BYTES, b"\xff")


def decode(raw: bytes) -> Table:
    """The table in what begins with it. ValueError, one sentence, if there is no sound one."""
    entries = []
    for at in range(0, min(len(raw), TABLE_BYTES), _ROW.size):
        row = raw[at : at + _ROW.size]
        if row.startswith(_MD5_ROW):
            if row[16:] != md5(raw[:at]).digest():
                raise ValueError("The partition table is damaged: its MD5 is another")
            if raw[at + _ROW.size : at + 2 * _ROW.size] != _BLANK_ROW:
                raise ValueError("The partition table is damaged: it does not end")
            return tuple(entries)
        if row[:2] != _MAGIC or len(row) < _ROW.size:
            break
        _, kind, subtype, offset, size, name, flags = _ROW.unpack(row)
        text = name.split(b"\0")[0].decode("utf-8", "replace")
        entries.append(Entry(text, kind, subtype, offset, size, flags))
    raise ValueError("There is no partition table")


def named(table: Table, name: str) -> Entry | None:
    """The data partition of this name, as MicroPython finds it."""
    return next((entry for entry in table if entry.name == name and entry.kind == DATA), None)


def factory(table: Table) -> Entry | None:
    """The one app of a table without slots."""
    apps = [entry for entry in table if entry.kind == APP]
    return apps[0] if len(apps) == 1 and apps[0].subtype == FACTORY else None


def has_slots(table: Table) -> bool:
    """Is it made for updates of MicroPython itself over the air, or for a USB disk?"""
    return any(
        (entry.kind == APP and entry.subtype in _OTA)
        or (entry.kind == DATA and entry.subtype == OTA_DATA)
        or entry.name == "ffat"
        for entry in table
    )


def filesystem_offset(table: Table) -> int:
    """Where MicroPython's filesystem begins with this table."""
    for name in FILESYSTEMS:
        entry = named(table, name)
        if entry is not None:
            return entry.offset
    return max(entry.end for entry in table)


def for_meter(table: Table) -> Table:
    """A table of MicroPython's with the journal and the log behind all else, and no row for the
    filesystem: that goes behind them by itself.
    """
    dropped = (*FILESYSTEMS, JOURNAL, LOG)
    kept = tuple(entry for entry in table if entry.name not in dropped)
    start = max(entry.end for entry in kept)
    journal = Entry(JOURNAL, DATA, UNDEFINED, start, RAW_BYTES)
    return (*kept, journal, replace(journal, name=LOG, offset=journal.end))


def check(table: Table, flash_bytes: int) -> None:
    """ValueError, one sentence, if the bootloader would not take it on a flash of this size: rows
    that overlap, lie askew or outside.
    """
    before = FIRST_OFFSET
    for entry in sorted(table, key=lambda entry: entry.offset):
        where = f"Partition {entry.name} at 0x{entry.offset:x}"
        alignment = _APP_ALIGNMENT if entry.kind == APP else SECTOR
        if entry.offset % alignment or entry.size % SECTOR or not entry.size:
            raise ValueError(f"{where} does not begin and end with a block of the flash")
        if entry.offset < before:
            raise ValueError(f"{where} lies over what is before it, up to 0x{before:x}")
        if entry.end > flash_bytes:
            raise ValueError(f"{where} ends at 0x{entry.end:x}, the flash at 0x{flash_bytes:x}")
        before = entry.end
