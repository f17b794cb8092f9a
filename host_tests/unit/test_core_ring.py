"""The ring on flash, against a list: whatever is cut wherever, the newest records are there."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes_core import Flash, PowerCut
from thoroughness import every
from umeter.core import ring_read, ring_write
from umeter.core.ring import Ring

SECTOR = 256  # small sectors: many turn-overs
RECORD = 32
PER_SECTOR = SECTOR // RECORD
SECTORS = 4


def open_ring(flash):
    return Ring(flash, 1, SECTORS, RECORD)


@pytest.fixture
def flash():
    return Flash(SECTORS + 2, SECTOR)


def record(n):
    return bytearray(struct.pack("<I", n) + bytes((n * 7 + i) % 256 for i in range(RECORD - 4)))


def append(ring, count=1):
    for _ in range(count):
        ring_write.append(ring, record(ring.newest + 1))


def numbers(ring):
    """Numbers of all records, pulled as a station does, each checked against what was written."""
    found = []
    n = ring_read.oldest(ring)
    while n <= ring.newest:
        records, n = ring_read.copy(ring, n, 5)
        for at in range(0, len(records), RECORD):
            number = struct.unpack_from("<I", records, at)[0]
            assert records[at : at + RECORD - 4] == record(number)[:-4]
            found.append(number)
    return found


def test_an_erased_flash_holds_nothing(flash):
    ring = open_ring(flash)
    assert ring.newest == 0 and ring_read.oldest(ring) == 1
    assert ring_read.copy(ring, 1, 5) == (b"", 1)
    assert ring_read.copy(ring, 9, 5) == (b"", 9)


@given(st.integers(1, 150), st.booleans())
def test_the_newest_are_kept_over_any_number_of_turns(count, prepared):
    flash = Flash(SECTORS + 2, SECTOR)
    ring = open_ring(flash)
    for _ in range(count):
        append(ring)
        if prepared:
            ring.prepare()
    for opened in (ring, open_ring(flash)):
        held = numbers(opened)
        assert held == list(range(count - len(held) + 1, count + 1))
        assert len(held) >= min(count, (SECTORS - 1) * PER_SECTOR - PER_SECTOR)
    # neighbours are left alone, and sectors wear alike
    assert flash.cells[:SECTOR] + flash.cells[-SECTOR:] == b"\xff" * 2 * SECTOR
    assert max(flash.erases[1:-1]) - min(flash.erases[1:-1]) <= 1
    append(ring)
    assert ring.newest == count + 1


def test_a_range_begins_and_ends_where_it_is_asked(flash):
    ring = open_ring(flash)
    append(ring, 20)
    for n in range(1, 21):
        for count in (1, 3, 30):
            records, further = ring_read.copy(ring, n, count)
            last = min(20, n + count - 1)
            assert len(records) == (last - n + 1) * RECORD
            assert further == last + 1
    append(ring, 100)
    first = ring_read.oldest(ring)
    records, further = ring_read.copy(ring, 1, 2)
    assert struct.unpack_from("<I", records)[0] == first and further == first + 2


def test_erasing_is_done_ahead(flash):
    ring = open_ring(flash)
    for _ in range(100):
        ring.prepare()
        before = sum(flash.erases)
        append(ring)
        assert sum(flash.erases) == before
    assert not any(ring.prepare() for _ in range(2))


def test_prepared_again_after_a_boot_takes_no_second_erase(flash):
    ring = open_ring(flash)
    append(ring, SECTORS * PER_SECTOR)
    assert ring.prepare()
    for _ in range(3):
        assert not open_ring(flash).prepare()


def cut_everywhere(budget_of_boot):
    """Cut after every byte of a workload; `budget_of_boot` cuts the boots after that, too."""
    for written in (0, PER_SECTOR - 1, PER_SECTOR * SECTORS - 2):
        budget = 0
        done = False
        while not done:
            flash = Flash(SECTORS + 2, SECTOR)
            append(open_ring(flash), written)
            safe = written
            flash.budget = budget
            try:
                ring = open_ring(flash)
                for _ in range(3):
                    ring.prepare()
                    append(ring)
                    safe += 1
                done = True
            except PowerCut:
                pass
            for again in budget_of_boot:
                flash.budget = again
                try:
                    ring = open_ring(flash)
                    ring.prepare()
                    append(ring)
                    safe = ring.newest
                except PowerCut:
                    pass
            flash.budget = None
            yield flash, safe
            budget += every(3)


@pytest.mark.parametrize("again", [(), (0, 7), (RECORD - 1, 3), (RECORD + 2, 1)])
def test_a_cut_after_any_byte_takes_no_record_and_no_number(again):
    for flash, safe in cut_everywhere(again):
        ring = open_ring(flash)
        # the last one may be whole although its writer did not live to know
        assert safe <= ring.newest <= safe + 1
        held = numbers(ring)
        assert held == list(range(ring.newest - len(held) + 1, ring.newest + 1))
        spoilt = 1 + len(again)
        assert len(held) >= min(ring.newest, (SECTORS - 2) * PER_SECTOR - spoilt)
        for _ in range(PER_SECTOR + 2):
            append(ring)
        after = numbers(ring)
        assert after == list(range(after[0], ring.newest + 1))


@given(st.data())
def test_rot_takes_the_records_it_hits_and_no_other(data):
    flash = Flash(SECTORS + 2, SECTOR)
    count = data.draw(st.integers(1, 60))
    ring = open_ring(flash)
    append(ring, count)
    before = numbers(ring)
    at = data.draw(st.integers(SECTOR, SECTOR * (SECTORS + 1) - 1))
    flash.cells[at] ^= 1 << data.draw(st.integers(0, 7))
    ring = open_ring(flash)
    assert len(set(before) - set(numbers(ring))) <= 1
    if ring.newest == before[-1]:
        append(ring, 3)
        assert numbers(ring)[-3:] == [count + 1, count + 2, count + 3]


def test_a_slot_that_does_not_hold_is_passed_over(flash):
    ring = open_ring(flash)
    append(ring, 2)
    flash.stuck = {SECTOR + 2 * RECORD + 6}
    append(ring, 2)
    assert numbers(ring) == numbers(open_ring(flash)) == [1, 2, 3, 4]
    flash.stuck = range(SECTOR, SECTOR * (SECTORS + 1))
    with pytest.raises(OSError, match="does not hold"):
        append(ring)
    flash.stuck = ()
    append(ring)
    assert numbers(ring) == numbers(open_ring(flash)) == [1, 2, 3, 4, 5]


def test_numbers_may_leap(flash):
    ring = open_ring(flash)
    for n in (5, 6, 300, 301, 4000):
        ring.append(record(n))
    assert numbers(open_ring(flash)) == [5, 6, 300, 301, 4000]
    assert ring_read.copy(ring, 7, 1)[1] == 301


def test_a_boot_reads_little():
    """A whole partition of the board, full."""

    class Counting(Flash):
        reads = 0

        def read(self, off, buf):
            self.reads += 1
            super().read(off, buf)

    flash = Counting(64)
    for ring in (Ring(flash, 0, 17, 64), Ring(flash, 17, 47, 32)):
        for n in range(1, ring.sectors * ring.per_sector + 40):
            ring_write.append(ring, bytearray(struct.pack("<I", n) + bytes(ring.record_bytes - 4)))
    flash.reads = 0
    assert Ring(flash, 0, 17, 64).newest == 17 * 64 + 39
    assert Ring(flash, 17, 47, 32).newest == 47 * 128 + 39
    assert flash.reads <= 130


def test_one_sector_is_not_a_ring(flash):
    with pytest.raises(ValueError, match="two sectors"):
        Ring(flash, 0, 1, RECORD)
