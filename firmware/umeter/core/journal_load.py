"""The journal's reading side, needed once at a boot. The format is told in journal.py.

Format 2, with one page to a sector, is read too. The sequence goes on from one to the next, so the
newest wins whatever its format, and a set of the earlier format is not erased before a snapshot is
safe in another sector.
"""

import struct
from binascii import crc32

from micropython import const

from umeter.core.journal import (
    FORMAT,
    HEADER,
    HEADER_BYTES,
    MAGIC,
    ONE_PAGE,
    RECORD_BYTES_LEAST,
    RECORD_HEAD,
    RECORD_HEAD_BYTES,
    SNAPSHOT,
    crc_of,
)

_CHUNK_BYTES = const(256)


def load(flash, pages):
    """({key: (offset in flash, value)}, its sector or -1, where that sector's next record goes,
    sequence, damaged).

    ValueError if a sector is of a later format, or if there are not two sectors.
    """
    size = pages * flash.sector
    sectors = flash.size // size
    if sectors < 2:
        raise ValueError("the journal needs two sectors of flash, there is %d" % sectors)
    found = []
    for start in range(0, sectors * size, flash.sector):
        header = _header(flash, start)
        if header is not None and (header[1] == ONE_PAGE or start % size == 0):
            found.append(header + (start,))
    found.sort()
    highest = found[-1][0] if found else 0
    damaged = False
    live = None
    newest = -1
    tail = size
    for sequence, form, start in reversed(found):
        own = flash.sector if form == ONE_PAGE else 2 * flash.sector
        live, tail, sequence, clean = _records(flash, start, own, sequence)
        damaged = damaged or not clean or live is None
        if own != size:  # nothing more goes into a sector of another size
            tail = size
        if live is not None:
            newest = start // size
            highest = max(highest, sequence)
            break
    following = (newest + 1) % sectors * size
    # Pages are erased ahead one by one: where the first is blank, the others may have to wait.
    first_page = following + flash.sector
    if not _has(found, following, size) and not _is_erased(flash, following, first_page):
        damaged = True
    if damaged:
        tail = size
    return live or {}, newest, tail, highest, damaged


def _has(found, start, size):
    for header in found:
        if start <= header[2] < start + size:
            return True
    return False


def _header(flash, start):
    """(sequence, format) of a sector with a whole header and body, else None."""
    header = bytearray(HEADER_BYTES)
    flash.read(start, header)
    magic, form, sequence, length, crc = struct.unpack(HEADER, header)
    if magic != MAGIC or length > flash.sector - HEADER_BYTES:
        return None
    body = start + HEADER_BYTES
    if crc_of(flash, body, body + length, crc32(memoryview(header)[2:10])) != crc:
        return None
    if not ONE_PAGE <= form <= FORMAT:
        raise ValueError(
            "journal format %d, this firmware reads %d and %d" % (form, ONE_PAGE, FORMAT)
        )
    return sequence, form


def _records(flash, start, size, sequence):
    """(set or None, offset behind its last whole batch, that one's sequence, is the rest erased).

    What follows a record that is not whole is not looked at: it changes a set nobody knows.
    """
    live = None
    at = HEADER_BYTES
    head = bytearray(RECORD_HEAD_BYTES)
    while at + RECORD_BYTES_LEAST <= size:
        flash.read(start + at, head)
        length, number, flags = struct.unpack(RECORD_HEAD, head)
        if not RECORD_BYTES_LEAST <= length <= size - at or number != sequence:
            break
        body = memoryview(bytearray(length - RECORD_HEAD_BYTES))
        flash.read(start + at + RECORD_HEAD_BYTES, body)
        entries = body[: len(body) - 4]
        if crc32(entries, crc32(head)) != struct.unpack_from("<I", body, len(entries))[0]:
            break
        if flags & SNAPSHOT:
            live = {}
        elif live is None:
            break
        live.update(_entries(entries, start + at + RECORD_HEAD_BYTES))
        at += length
        sequence += 1
    return live, at, sequence - 1, _is_erased(flash, start + at, start + size)


def _entries(body, offset):
    """{key: (where in flash the value is, value)} of a body that lies at an offset."""
    found = {}
    at = 0
    while at < len(body):
        key, at = _field(body, at, "B")
        value, at = _field(body, at, "<H")
        found[key.decode()] = (offset + at - len(value), value)
    return found


def _field(body, at, form):
    """A length in the given format and as many bytes: (bytes, the offset behind them)."""
    start = at + struct.calcsize(form)
    end = start + struct.unpack_from(form, body, at)[0]
    return bytes(body[start:end]), end


def _is_erased(flash, start, end):
    """Is the flash blank from one offset to the other?"""
    chunk = bytearray(_CHUNK_BYTES)
    blank = memoryview(b"\xff" * _CHUNK_BYTES)
    while start < end:
        part = memoryview(chunk)[: min(_CHUNK_BYTES, end - start)]
        flash.read(start, part)
        if part != blank[: len(part)]:
            return False
        start += len(part)
    return True
