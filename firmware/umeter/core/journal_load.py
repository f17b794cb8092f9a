"""The journal's reading side, needed once at a boot. The format is told in journal.py.

Format 1 is read too: every sector was a copy of the whole set, the entries being the body behind
the header. Its sequence goes on in format 2, so the newest wins whatever its format, and a copy of
format 1 is not erased before a snapshot is safe in another sector.
"""

import struct
from binascii import crc32

from micropython import const

from umeter.core.journal import (
    FORMAT,
    HEADER,
    HEADER_BYTES,
    MAGIC,
    RECORD_BYTES_LEAST,
    RECORD_HEAD,
    RECORD_HEAD_BYTES,
    SNAPSHOT,
    crc_of,
)

_COPIES = const(1)  # the earlier format
_CHUNK_BYTES = const(256)


def load(flash):
    """(set, its sector or -1, where that sector's next record goes, sequence, damaged).

    ValueError if a sector is of a later format, or if there are not two sectors.
    """
    sectors = flash.size // flash.sector
    if sectors < 2:
        raise ValueError("the journal needs two sectors of flash, there is %d" % sectors)
    found = []
    for sector in range(sectors):
        header = _header(flash, sector)
        if header is not None:
            found.append(header + (sector,))
    found.sort()
    highest = found[-1][0] if found else 0
    damaged = False
    live = None
    newest = -1
    tail = flash.sector
    for sequence, form, length, sector in reversed(found):
        if form == _COPIES:
            body = memoryview(bytearray(length))
            flash.read(sector * flash.sector + HEADER_BYTES, body)
            live = _entries(body)
        else:
            live, tail, sequence, clean = _records(flash, sector, sequence)
            damaged = damaged or not clean or live is None
        if live is not None:
            newest = sector
            highest = max(highest, sequence)
            break
    following = (newest + 1) % sectors
    if not _has(found, following) and not _is_erased(flash, following, 0):
        damaged = True
    if damaged:
        tail = flash.sector
    return live or {}, newest, tail, highest, damaged


def _has(found, sector):
    for header in found:
        if header[3] == sector:
            return True
    return False


def _header(flash, sector):
    """(sequence, format, body length) of a sector with a whole header and body, else None."""
    start = sector * flash.sector
    header = bytearray(HEADER_BYTES)
    flash.read(start, header)
    magic, form, sequence, length, crc = struct.unpack(HEADER, header)
    if magic != MAGIC or length > flash.sector - HEADER_BYTES:
        return None
    body = start + HEADER_BYTES
    if crc_of(flash, body, body + length, crc32(memoryview(header)[2:10])) != crc:
        return None
    if form > FORMAT:
        raise ValueError("journal format %d, this firmware reads %d" % (form, FORMAT))
    return sequence, form, length


def _records(flash, sector, sequence):
    """(set or None, offset behind its last whole batch, that one's sequence, is the rest erased).

    What follows a record that is not whole is not looked at: it changes a set nobody knows.
    """
    live = None
    at = HEADER_BYTES
    head = bytearray(RECORD_HEAD_BYTES)
    while at + RECORD_BYTES_LEAST <= flash.sector:
        start = sector * flash.sector + at
        flash.read(start, head)
        length, number, flags = struct.unpack(RECORD_HEAD, head)
        if not RECORD_BYTES_LEAST <= length <= flash.sector - at or number != sequence:
            break
        body = memoryview(bytearray(length - RECORD_HEAD_BYTES))
        flash.read(start + RECORD_HEAD_BYTES, body)
        entries = body[: len(body) - 4]
        if crc32(entries, crc32(head)) != struct.unpack_from("<I", body, len(entries))[0]:
            break
        if flags & SNAPSHOT:
            live = {}
        elif live is None:
            break
        live.update(_entries(entries))
        at += length
        sequence += 1
    return live, at, sequence - 1, _is_erased(flash, sector, at)


def _entries(body):
    """{key: value}"""
    found = {}
    at = 0
    while at < len(body):
        key, at = _field(body, at, "B")
        found[key.decode()], at = _field(body, at, "<H")
    return found


def _field(body, at, form):
    """A length in the given format and as many bytes: (bytes, the offset behind them)."""
    start = at + struct.calcsize(form)
    end = start + struct.unpack_from(form, body, at)[0]
    return bytes(body[start:end]), end


def _is_erased(flash, sector, at):
    """Is a sector blank from an offset in it to its end?"""
    chunk = bytearray(_CHUNK_BYTES)
    blank = memoryview(b"\xff" * _CHUNK_BYTES)
    start = sector * flash.sector
    while at < flash.sector:
        part = memoryview(chunk)[: min(_CHUNK_BYTES, flash.sector - at)]
        flash.read(start + at, part)
        if part != blank[: len(part)]:
            return False
        at += len(part)
    return True
