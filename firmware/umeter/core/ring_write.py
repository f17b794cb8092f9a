"""What a ring needs for a moment when a record is written."""

import struct
from binascii import crc32

from micropython import const

_TRIES = const(3)


def append(ring, buf):
    """Ring.append() tells."""
    flash = ring.flash
    size = ring.record_bytes
    body = memoryview(buf)[: size - 4]
    struct.pack_into("<I", buf, len(body), crc32(body))
    written = bytearray(size)
    for _ in range(_TRIES):
        slot = ring.next
        if slot % ring.per_sector == 0:
            if not ring.ready:
                clear(ring, slot)
            ring.ready = False
        # Whatever comes of it: a slot is not programmed twice.
        ring.next = (slot + 1) % (ring.sectors * ring.per_sector)
        offset = ring.start + slot * size
        flash.program(offset, buf)
        flash.read(offset, written)
        if written == buf:
            ring.newest = struct.unpack_from("<I", buf)[0]
            return
        if written == b"\xff" * size:
            ring.next = slot  # nothing at all: a reader would take it for the end
    raise OSError("log: flash does not hold what was written")


def clear(ring, slot):
    """Erase the sector that begins with `slot`, unless it is blank. True if it was erased."""
    flash = ring.flash
    offset = ring.start + slot * ring.record_bytes
    end = offset + flash.sector
    chunk = bytearray(ring.record_bytes)
    blank = b"\xff" * ring.record_bytes
    while offset < end:
        flash.read(offset, chunk)
        if chunk != blank:
            flash.erase(end - flash.sector)
            return True
        offset += ring.record_bytes
    return False
