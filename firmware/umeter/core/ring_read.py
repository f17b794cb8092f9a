"""What is seldom needed of a ring: finding its end at a boot, and reading records."""

import struct
from binascii import crc32


def recover(ring):
    """(number of the newest record or 0, slot of the next) from what the flash holds.

    Reads the first record of each sector, and some of the newest sector.
    """
    head = -1
    newest = 0
    for sector in range(ring.sectors):
        n = _first(ring, sector)
        if n > newest:
            newest = n
            head = sector
    if head < 0:
        return 0, 0
    first = head * ring.per_sector
    low = first + 1
    high = first + ring.per_sector
    while low < high:  # slots are used in order: the first blank one is found by halving
        middle = (low + high) // 2
        if _number(ring, middle) is None:
            high = middle
        else:
            low = middle + 1
    for slot in range(low - 1, first - 1, -1):  # torn ones at the end do not count
        n = _number(ring, slot)
        if n:
            newest = n
            break
    return newest, low % (ring.sectors * ring.per_sector)


def oldest(ring):
    """Number of the oldest record, `newest` + 1 if there is none."""
    for sector in _by_age(ring):
        n = _first(ring, sector)
        if n:
            return n
    return ring.newest + 1


def copy(ring, n, count):
    """Up to `count` records from number `n` on: (their bytes one after the other, the number to go
    on with). Numbers that are skipped are not held.
    """
    sectors = _by_age(ring)
    begin = None
    for sector in sectors:
        first = _first(ring, sector)
        if first and (begin is None or first <= n):
            begin = sector
    found = []
    if begin is not None:
        slots = ring.sectors * ring.per_sector
        slot = begin * ring.per_sector
        while len(found) < count:
            record = bytearray(ring.record_bytes)
            number = _number(ring, slot, record)
            if number and number >= n:
                found.append(record)
                n = number + 1
            slot = (slot + 1) % slots
            if slot == ring.next:
                break
    if len(found) < count and n <= ring.newest:
        n = ring.newest + 1  # the rest cannot be read any more
    return b"".join(found), n


def _by_age(ring):
    """The sectors, the oldest first."""
    head = (ring.next - 1) % (ring.sectors * ring.per_sector) // ring.per_sector
    return [(head + 1 + i) % ring.sectors for i in range(ring.sectors)]


def _first(ring, sector):
    """Number of the first whole record of a sector. 0 if there is none, or if it begins blank."""
    slot = sector * ring.per_sector
    for i in range(ring.per_sector):
        n = _number(ring, slot + i)
        if n is None:
            return 0
        if n:
            return n
    return 0


def _number(ring, slot, record=None):
    """Number of the record in a slot, 0 if it is not whole, None if the slot is blank."""
    if record is None:
        record = bytearray(ring.record_bytes)
    ring.flash.read(ring.start + slot * ring.record_bytes, record)
    n, crc = struct.unpack("<I%dxI" % (ring.record_bytes - 8), record)
    if crc == crc32(memoryview(record)[:-4]):
        return n
    return None if record == b"\xff" * ring.record_bytes else 0
