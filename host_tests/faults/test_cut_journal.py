"""The journal under power cuts at every byte, torn erases and rot: a batch is seen whole or not
at all, and the last whole one wins.
"""

import pytest

from fakes_core import Flash, PowerCut, loaded
from thoroughness import every, share
from umeter.core.journal import Journal

SECTOR = 256
BATCHES = [
    {"b": b"\x01"},
    {"c0": bytes(range(40)), "n": b"seven"},
    {"e": b"\xff" * 20},  # reads like erased flash
    {"e": b"\x00" * 20},
    {"c0": bytes(range(1, 41))},
    {"n": b"eight", "c0": bytes(40), "s": b"a longer one" * 3},
    {"e": b"\xff\xff\x00" * 9},
    {"n": b"nine"},
    {"e": b"12345678901234567890", "b": b"\x02"},
    {"c0": b"\xff" * 40},
]


class TornFlash(Flash):
    """`erased_part`: (from, to) of a sector's bytes that a torn erase has reached."""

    erased_part = (0, SECTOR // 2)

    def erase(self, off):
        before = bytes(self.cells[off : off + self.sector])
        try:
            super().erase(off)
        except PowerCut:
            low, high = self.erased_part
            self.cells[off : off + self.sector] = before
            low, high = low // self.pages, high // self.pages
            self.cells[off + low : off + high] = b"\xff" * (high - low)
            raise


def steps_of(batches):
    """The set after 0, 1, 2... batches."""
    steps = [{}]
    for batch in batches:
        steps.append({**steps[-1], **batch})
    return steps


STEPS = steps_of(BATCHES)
PARTS = [(0, 128), (128, 256), (0, 0), (0, 256), (0, 14), (14, 256)]


def run(journal, done):
    """Commit the batches from `done` on, erasing ahead as the idle loop does; `done` counts."""
    while done[0] < len(BATCHES):
        journal.commit(BATCHES[done[0]])
        done[0] += 1
        journal.prepare()


def cut(flash, budget, done):
    """Load and go on until the budget of bytes is spent. True if it was; the set is checked."""
    flash.budget = None
    journal, data = loaded(flash)
    assert data in STEPS[done[0] : done[0] + 2], "all of a batch or nothing, none forgotten"
    done[0] = STEPS.index(data, done[0])
    flash.budget = budget
    try:
        run(journal, done)
    except PowerCut:
        return True
    return False


def work(sectors, pages=1):
    """How many bytes and erases the whole workload takes."""
    flash = TornFlash(sectors, SECTOR, pages)
    flash.budget = 1 << 30
    run(loaded(flash)[0], [0])
    return (1 << 30) - flash.budget


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("sectors, pages", [(2, 1), (3, 1), (5, 1), (2, 2), (3, 2)])
def test_a_cut_at_every_byte_and_erase(sectors, pages, part):
    """Of three sectors of two pages one torn erase at every byte, all others at some."""
    total = work(sectors, pages)
    assert total > 600
    for budget in range(0, total, 1 if (part, sectors, pages) == (PARTS[0], 3, 2) else every(7)):
        flash = TornFlash(sectors, SECTOR, pages)
        flash.erased_part = part
        done = [0]
        assert cut(flash, budget, done)
        assert not cut(flash, None, done)
        assert done == [len(BATCHES)]
        journal, data = loaded(flash)
        assert data == STEPS[-1] and not journal.damaged


@pytest.mark.parametrize("sectors, pages", [(2, 1), (3, 1), (3, 2)])
def test_cuts_during_the_recovery_twice_and_three_times_in_a_row(sectors, pages):
    total = work(sectors, pages)
    for budget in range(0, total, share(7, 37)):
        for second in range(0, 60, share(3, 7)):
            flash = TornFlash(sectors, SECTOR, pages)
            done = [0]
            cut(flash, budget, done)
            cut(flash, second, done)
            cut(flash, (budget * 31 + second) % 90, done)
            cut(flash, None, done)
            assert loaded(flash)[1] == STEPS[-1]


def test_a_torn_commit_is_told_once_and_its_sector_not_used_again():
    flash = TornFlash(3, SECTOR)
    done = [0]
    assert cut(flash, 20, done)
    flash.budget = None
    journal, data = loaded(flash)
    assert data == {} and journal.damaged
    journal.commit({"b": b"1"})
    journal, data = loaded(flash)
    assert data == {"b": b"1"} and not journal.damaged


def test_every_rotten_bit_is_seen_and_the_last_whole_batch_before_it_wins():
    flash = Flash(2, SECTOR)
    journal, _ = loaded(flash)
    ends = []
    for batch in BATCHES[:4]:
        journal.commit(batch)
        ends.append(journal._tail)
    for bit in range(0, SECTOR * 8, every(7)):
        flash.cells[bit // 8] ^= 1 << bit % 8
        before = bytes(flash.cells)
        journal, data = loaded(flash)
        whole = sum(end <= bit // 8 for end in ends)
        assert data == STEPS[whole]
        assert journal.damaged
        journal.commit({"x": b"on"})
        assert loaded(flash)[1] == {**STEPS[whole], "x": b"on"}
        assert not loaded(flash)[0].damaged
        flash.cells[:] = before
        flash.cells[bit // 8] ^= 1 << bit % 8
    assert loaded(flash)[1] == STEPS[4]


def test_a_rotten_snapshot_falls_back_to_the_sector_before():
    flash = Flash(3, SECTOR)
    journal, _ = loaded(flash)
    run(journal, [0])
    newest = journal._newest
    assert newest != 0 or max(flash.erases) > 1
    for offset in (3, 12, 20, 60):  # header, its CRC, record head, entries
        flash.cells[newest * SECTOR + offset] ^= 4
        journal, data = loaded(flash)
        assert journal.damaged
        assert data in STEPS[1:-1], "a set that was true once"
        for _ in range(3):
            journal, _ = loaded(flash)
        flash.cells[newest * SECTOR + offset] ^= 4
    flash.cells[newest * SECTOR + 20] ^= 4
    journal, data = loaded(flash)
    journal.commit({"x": b"on"})
    assert loaded(flash)[1] == {**data, "x": b"on"}
    assert not loaded(flash)[0].damaged


@pytest.mark.parametrize("batches", range(1, len(BATCHES)))
def test_a_cut_at_every_byte_of_going_over_to_two_pages(batches):
    """What one page to a sector holds, wherever its newest sector lies, goes on with two."""
    old = STEPS[batches]
    budget = 0
    while True:
        flash = TornFlash(4, SECTOR)
        journal, _ = loaded(flash)
        for batch in BATCHES[:batches]:
            journal.commit(batch)
        flash.pages = 2
        for second in (5, None):
            journal, data = loaded(flash)
            assert data in (old, {**old, "x": b"1"})
            flash.budget = budget if second else None
            try:
                journal.commit({"x": b"1"})
                whole = True
            except PowerCut:
                whole = not second
            if whole:
                break
        flash.budget = None
        journal, data = loaded(flash)
        assert data == {**old, "x": b"1"} and not journal.damaged
        if second:
            assert budget > 30
            return
        budget += 3


def test_half_erased_next_sector_is_told_and_used():
    flash = TornFlash(3, SECTOR)
    journal, _ = loaded(flash)
    run(journal, [0])
    following = journal._next * SECTOR
    flash.cells[following : following + 100] = b"\xff" * 100
    journal = Journal(flash)
    assert journal.load() == STEPS[-1]
    assert journal.damaged
    journal.commit({"x": b"on"})
    assert loaded(flash)[1] == {**STEPS[-1], "x": b"on"}
