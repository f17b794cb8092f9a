"""What may be restored; and a restore that ends on its way leaves the one set or the other."""

import pytest

import backup_kit as kit
from fakes_board import MemoryFlash, PowerCut
from thoroughness import every, share
from umeter.core.journal import Journal
from umeter_deploy import journal_books, restoring
from umeter_deploy.backup import BackupError
from umeter_deploy.journal_books import Channel
from umeter_deploy.link import LinkError
from umeter_sim.journal_image import decode_journal

OLD = kit.values()
NEW = kit.values((6_000_000, 0, 7_000_000), first_n=5)
BLANK = b"\xff" * (kit.SECTORS * journal_books.SECTOR)


def books(*sets, **more):
    return journal_books.read(kit.cells(*sets, **more))


def test_books_are_what_the_meter_has():
    found = books(OLD, NEW)
    assert found.channels == (
        Channel(0, 6_000_000, 0),
        Channel(0, 0, 0),
        Channel(0, 7_000_000, 0),
    )
    assert (found.order, found.sequence, found.sector) == (8, 11, 1)
    assert found.values == NEW and not found.damaged
    image = decode_journal(kit.cells(OLD, NEW))
    assert [one["balance_u"] for one in image] == [c.balance_u for c in found.channels]


def test_a_blank_journal_has_no_books():
    found = journal_books.read(BLANK)
    assert (found.values, found.channels, found.order, found.sector) == ({}, (), 0, -1)


def test_what_is_written_is_for_the_firmware_to_read():
    journal = Journal(MemoryFlash(bytearray(kit.cells(OLD))), journal_books.PAGES)
    assert journal.load() == OLD and not journal.damaged and journal.sequence == 10
    journal.commit({"x": b"more"})
    assert journal.load() == {**OLD, "x": b"more"}


@pytest.mark.parametrize(
    "past, present, words",
    [
        (OLD, NEW, "channel 1: 6 credited, 5 in the backup"),
        (kit.values(first_n=1), kit.values(first_n=2), "order 5 was taken, 4 is the last"),
        (kit.values((1,)), kit.values((1, 0)), "2 channels, 1 in the backup"),
        (OLD, OLD, "just what the backup has"),
    ],
)
def test_balances_never_go_back(past, present, words):
    with pytest.raises(BackupError, match=words):
        restoring.refuse_to_roll_back(books(past), books(present))


@pytest.mark.parametrize("what", ["charged_u", "wh"])
def test_what_was_used_never_goes_back(what):
    past, present = books(OLD), books(OLD, kit.values(first_n=1))
    more = Channel(**{**present.channels[1].__dict__, what: 1})
    present = journal_books.Books(
        **{
            **present.__dict__,
            "channels": (present.channels[0], more, present.channels[2]),
            "values": {**OLD, "x": b""},
        }
    )
    with pytest.raises(BackupError, match=r"channel 2: .* in the backup"):
        restoring.refuse_to_roll_back(past, present)
    restoring.refuse_to_roll_back(present, past)


def test_a_backup_without_books_is_none():
    with pytest.raises(BackupError, match="without books"):
        restoring.refuse_to_roll_back(journal_books.read(BLANK), books(OLD))


@pytest.mark.parametrize("cells", [BLANK, kit.cells(kit.values((0, 0, 0)))])
def test_a_board_that_has_sold_nothing_takes_it(cells):
    restoring.refuse_to_roll_back(books(OLD), journal_books.read(cells))


def put(flash, past, steps=None):
    present = journal_books.read(bytes(flash.cells))
    told = steps.append if steps is not None else lambda step: None
    restoring.put(flash, flash.size, past, present, lambda done, whole: told((done, whole)))


# Boards before a restore: blank, with an older set anywhere, with one that is damaged.
SPOILT = bytearray(kit.cells(OLD, OLD))
SPOILT[8192 + 40] &= 0
BEFORE = {
    "blank": BLANK,
    "first": kit.cells(OLD),
    "last": kit.cells(OLD, OLD, OLD, OLD),
    "spoilt": bytes(SPOILT),
    "smallest": kit.cells(OLD, sectors=4),
}


@pytest.mark.parametrize("name", BEFORE)
def test_the_set_is_there_afterwards_and_the_meter_goes_on_from_it(name):
    flash = MemoryFlash(bytearray(BEFORE[name]))
    steps = []
    put(flash, books(NEW), steps)
    new = restoring.wanted(books(NEW))
    assert journal_books.read(bytes(flash.cells)).values == new
    assert steps[0][0] == 0 and steps[-1][0] == steps[-1][1]
    journal = Journal(flash, journal_books.PAGES)
    assert journal.load() == new
    for i in range(40):
        journal.commit({"x": bytes([i]) * 200})
    assert journal.load() == {**new, "x": b"\x27" * 200}


@pytest.mark.parametrize("name", BEFORE)
def test_whenever_the_power_goes_it_is_the_old_set_or_the_new_one(name):
    before = journal_books.read(BEFORE[name]).values
    new = restoring.wanted(books(NEW))
    whole = False
    cut_after = tried = 0
    seen = set()
    while not whole:
        flash = MemoryFlash(bytearray(BEFORE[name]))
        flash.cut_after = cut_after
        try:
            put(flash, books(NEW))
            whole = True
        except PowerCut:
            pass
        flash.cut_after = None
        there = journal_books.read(bytes(flash.cells)).values
        assert there in (before, new)
        assert there == new or not whole
        seen.add(there == new)
        if cut_after % 13 == 0 and not whole:
            put(flash, books(NEW))
            assert journal_books.read(bytes(flash.cells)).values == new
        cut_after += 1 if cut_after < 30 or tried % 3 else every(40)
        tried += 1
    assert seen == {False, True} and tried > share(100, 50)


def test_every_byte_of_the_header_cut_leaves_the_old_set():
    flash = MemoryFlash(bytearray(BEFORE["first"]))
    put(flash, books(NEW))
    whole = bytes(flash.cells)
    for missing in range(1, 15):
        torn = bytearray(whole)
        torn[8192 + 14 - missing : 8192 + 14] = b"\xff" * missing
        # The last bytes of a checksum may be blank by chance: then nothing is missing.
        expected = NEW if bytes(torn) == whole else OLD
        assert journal_books.read(bytes(torn)).values == expected


def test_flash_that_does_not_hold_it_keeps_the_old_set():
    class Worn(MemoryFlash):
        def program(self, offset, buf):
            super().program(offset, buf)
            self.cells[8192 + 700] = 0

    flash = Worn(bytearray(BEFORE["first"]))
    with pytest.raises(LinkError, match="does not hold"):
        put(flash, books(NEW))
    assert journal_books.read(bytes(flash.cells)).values == OLD
