"""What `umeter flash` is about to do to a chip: decided before anything is changed.

Two things of a board cannot be made anew: its journal, where the money is, and the files of a
MicroPython that has no journal partition, as the journal may be one of them. A plan keeps them or
is refused, unless it is told to erase.

The steps are in an order that can be stopped at any of them and begun anew: the partition table is
last, so that until then the old one still tells where the old journal is; and it is not touched at
all if it stays as it is.
"""

import struct
from binascii import crc32
from collections.abc import Callable
from dataclasses import dataclass

from umeter_deploy import partitions
from umeter_deploy.esp_image import Image, chip_name, digest
from umeter_deploy.partitions import JOURNAL, LOG, SECTOR, TABLE_BYTES, TABLE_OFFSET, Entry, Table

LEAST_FLASH_BYTES = 4 << 20
_ERASE_TO_LOSE = "save what is needed, and add --erase to lose the rest"
# A filesystem's first two blocks: MicroPython formats what begins blank, and nothing else
# (ports/esp32/modules/inisetup.py); littlefs has its superblock in both.
_FILESYSTEM_HEAD_BYTES = 2 * SECTOR
_LEAST_FILESYSTEM_BYTES = 512 * 1024
# Of a journal's sector, which stays as it is in every format (firmware, core/journal.py): magic,
# format and sequence, length of the body, CRC-32 of all between the magic and it, and the body.
_JOURNAL_HEADER = struct.Struct("<2s6sHI")

Read = Callable[[int, int], bytes]


@dataclass(frozen=True)
class Step:
    """data: what the flash holds there afterwards; None: what it held before."""

    offset: int
    size: int
    what: str
    data: bytes | None

    @property
    def how(self) -> str:
        if self.data is None:
            return "keep"
        return "erase" if self.data.count(0xFF) == self.size else "write"

    @property
    def sha(self) -> str:
        return digest(self.data) if self.how == "write" else ""


@dataclass(frozen=True)
class Plan:
    """steps: in the order in which they are done. table: the one that is there afterwards."""

    steps: tuple[Step, ...]
    table: Table


def blank(_offset: int, size: int) -> bytes:
    """To read a new chip."""
    return size * b"\xff"


def make(image: Image, flash_bytes: int, read: Read, erase: bool) -> Plan:
    """read(offset, size): the bytes that are in the chip's flash now. erase: nothing there has to
    be kept. ValueError, one sentence with a way out, if it cannot be done.
    """
    if flash_bytes < LEAST_FLASH_BYTES:
        raise ValueError(
            f"The chip has {flash_bytes >> 20} MB of flash, and a meter needs"
            f" {LEAST_FLASH_BYTES >> 20}; take a board with more"
        )
    if flash_bytes < image.flash_bytes:
        raise ValueError(
            f"{image.path} is for {image.flash_bytes >> 20} MB of flash, and the chip has"
            f" {flash_bytes >> 20}; take the plain image for {chip_name(image.chip)}"
        )
    old = _table_of(read)
    if not erase and _can_stay(old, image):
        table = old
    else:
        table = partitions.for_meter(image.table)
    _fits(table, image, flash_bytes)
    steps = _around_the_app(old, table, read, erase)
    steps.append(Step(image.offset, len(image.bootloader), "bootloader", image.bootloader))
    steps.append(Step(image.app_offset, len(image.app), f"MicroPython {image.version}", image.app))
    raw = partitions.encode(table).ljust(SECTOR, b"\xff")
    same = table == old
    steps.append(Step(TABLE_OFFSET, SECTOR, "partition table", None if same else raw))
    return Plan(tuple(steps), table)


def _table_of(read: Read) -> Table:
    try:
        return partitions.decode(read(TABLE_OFFSET, TABLE_BYTES))
    except ValueError:
        return ()


def _can_stay(old: Table, image: Image) -> bool:
    """Has the chip a meter's table, with place for this app?"""
    factory = partitions.factory(old)
    return (
        factory is not None
        and factory.offset == image.app_offset
        and len(image.app) <= factory.size
        and not partitions.has_slots(old)
        and all(partitions.named(old, name) for name in (JOURNAL, LOG))
        and not any(partitions.named(old, name) for name in partitions.FILESYSTEMS)
    )


def _fits(table: Table, image: Image, flash_bytes: int) -> None:
    # The bootloader refuses a table that goes beyond the size in its own header.
    partitions.check(table, min(flash_bytes, image.flash_bytes))
    left = flash_bytes - partitions.filesystem_offset(table)
    if left < _LEAST_FILESYSTEM_BYTES:
        raise ValueError(
            f"Behind the journal and the log there would be {left >> 10} KB for files, and"
            f" {_LEAST_FILESYSTEM_BYTES >> 10} are the least; take an image with a smaller app"
        )


def _around_the_app(old: Table, new: Table, read: Read, erase: bool) -> list[Step]:
    """What becomes of journal, log and files. ValueError if something would be lost."""
    steps = []
    journal, log = partitions.named(new, JOURNAL), partitions.named(new, LOG)
    was = partitions.named(old, JOURNAL)
    if not erase and was is not None and not _same(was, journal) and _money_in(was, read):
        raise ValueError(
            f"There is a journal at 0x{was.offset:x} of the chip, with money in it, and this image"
            f" leaves it no place there; {_ERASE_TO_LOSE}"
        )
    # Also where the table does not name it: it may have been overwritten by another tool.
    keep = not erase and (_same(was, journal) or _money_in(journal, read))
    steps.append(_region(journal, keep))
    steps.append(_region(log, not erase and _same(partitions.named(old, LOG), log)))
    before = partitions.filesystem_offset(old) if old else None
    now = partitions.filesystem_offset(new)
    if not erase and before not in (None, now) and _files_at(before, read):
        raise ValueError(
            f"There are files on the chip, at 0x{before:x}, which would be lost, and with them the"
            f" money of a meter that has no journal partition; {_ERASE_TO_LOSE}"
        )
    if before == now and not erase:
        steps.append(Step(now, _FILESYSTEM_HEAD_BYTES, "files", None))
    else:
        head = blank(now, _FILESYSTEM_HEAD_BYTES)
        steps.append(Step(now, _FILESYSTEM_HEAD_BYTES, "files (their beginning)", head))
    if old != new:
        # Settings of whatever ran there before, in a layout of its own.
        start = partitions.FIRST_OFFSET
        size = partitions.factory(new).offset - start
        steps.append(Step(start, size, "settings of MicroPython", blank(start, size)))
    return steps


def _region(entry: Entry, keep: bool) -> Step:
    data = None if keep else blank(entry.offset, entry.size)
    return Step(entry.offset, entry.size, entry.name, data)


def _same(a: Entry | None, b: Entry) -> bool:
    return a is not None and (a.offset, a.size) == (b.offset, b.size)


def _money_in(entry: Entry, read: Read) -> bool:
    """Does any of its sectors begin as one of a journal's?"""
    for offset in range(entry.offset, entry.end, SECTOR):
        header = read(offset, _JOURNAL_HEADER.size)
        magic, _, length, crc = _JOURNAL_HEADER.unpack(header)
        if magic == b"uJ" and length <= SECTOR - len(header):
            body = read(offset + len(header), length) if length else b""
            if crc == crc32(header[2:10] + body):
                return True
    return False


def _files_at(offset: int, read: Read) -> bool:
    """Does a littlefs or a FAT begin there?"""
    first, second = read(offset, 512), read(offset + SECTOR, 16)
    return b"littlefs" in (first[8:16], second[8:16]) or first[510:] == b"\x55\xaa"
