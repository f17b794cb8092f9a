"""The journal as a store: what it keeps, refuses and reports. Cuts are in test_cut_journal.py."""

import struct
from binascii import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes_core import Flash, loaded, whole_set
from umeter.core.journal import HEADER_BYTES, RECORD_BYTES_LEAST, Journal

KEYS = st.sampled_from(["c0", "c1", "n", "s", "b", "longname"])
BATCHES = st.lists(st.dictionaries(KEYS, st.binary(max_size=120), min_size=1), max_size=30)
FULL = 4096 - HEADER_BYTES - RECORD_BYTES_LEAST - 3


def test_erased_flash_is_empty_and_sound():
    journal, data = loaded(Flash())
    assert data == {}
    assert not journal.damaged and journal.sequence == 0


@given(BATCHES, st.integers(2, 5), st.sampled_from([512, 1024]), st.booleans())
def test_what_was_committed_is_loaded(batches, sectors, sector, idle):
    flash = Flash(sectors, sector)
    journal, _ = loaded(flash)
    model = {}
    for batch in batches:
        try:
            journal.commit(batch)
            model.update(batch)
        except ValueError as full:
            assert "journal full" in str(full)
        if idle:
            journal.prepare()
        after, data = loaded(flash)
        assert data == model and not after.damaged
        assert after.sequence == journal.sequence
    assert all(journal.get(key) == model.get(key) for key in ("c0", "n", "none"))
    assert max(flash.erases) - min(flash.erases) <= 1


def test_batches_are_appended_and_a_sector_is_erased_only_when_it_is_needed():
    flash = Flash(4)
    journal, _ = loaded(flash)
    for i in range(50):
        journal.commit({"e": bytes([i]) * 52})
    assert flash.erases == [1, 0, 0, 0]
    assert HEADER_BYTES + 50 * 67 <= 4096
    for i in range(50):
        journal.commit({"e": bytes([i]) * 52})
    assert flash.erases == [1, 1, 0, 0]


def test_the_next_sector_is_erased_ahead_late_and_once():
    flash = Flash(3)
    journal, _ = loaded(flash)
    assert journal.prepare()  # nothing is written yet: it is needed at once
    assert not journal.prepare()
    journal.commit({"a": bytes(1000)})
    assert not journal.prepare()
    journal.commit({"a": bytes(2100)})
    assert journal.prepare() and not journal.prepare()
    assert flash.erases == [1, 1, 0]
    journal.commit({"a": bytes(1000)})
    assert flash.erases == [1, 1, 0]
    assert loaded(flash)[1] == {"a": bytes(1000)}


def test_a_sector_erased_by_an_earlier_boot_is_erased_again():
    """A torn erase may read as blank and not hold what is programmed."""
    flash = Flash(3)
    journal, _ = loaded(flash)
    journal.commit({"a": bytes(3500)})
    assert journal.prepare()
    journal, _ = loaded(flash)
    journal.commit({"a": bytes(3500)})
    assert flash.erases == [1, 2, 0]


def test_flash_that_does_not_take_what_is_written_changes_nothing():
    flash = Flash()
    journal, _ = loaded(flash)
    journal.commit({"b": b"1"})
    flash.stuck = range(100, 8192)
    journal.commit({"b": b"2"})
    for _ in range(3):
        with pytest.raises(OSError, match="flash"):
            journal.commit({"b": b"3", "c0": bytes(100)})
        assert journal.get("b") == b"2"
        assert journal.get("c0") is None
        assert loaded(flash)[1] == {"b": b"2"}
    flash.stuck = ()
    journal.commit({"b": b"4"})
    assert loaded(flash)[1] == {"b": b"4"}


def test_a_worn_sector_is_passed_over():
    flash = Flash(4)
    journal, _ = loaded(flash)
    journal.commit({"a": bytes(3500)})
    flash.stuck = range(4096, 8192)
    with pytest.raises(OSError):
        journal.commit({"a": b"1" * 3500})
    journal.commit({"a": b"2" * 3500})
    assert loaded(flash)[1] == {"a": b"2" * 3500}


def test_a_failed_record_that_is_whole_after_all_loses_against_the_next():
    flash = Flash(3)
    journal, _ = loaded(flash)
    journal.commit({"b": b"first"})
    read = flash.read
    flash.read = lambda off, buf: None  # the read-back fails, the flash does not
    for _ in range(2):
        with pytest.raises(OSError, match="flash"):
            journal.commit({"b": b"failed"})
    flash.read = read
    journal.commit({"b": b"good"})
    assert loaded(flash)[1] == {"b": b"good"}


def test_a_batch_that_does_not_fit_is_refused_and_changes_nothing():
    flash = Flash()
    journal, _ = loaded(flash)
    journal.commit({"b": b"1"})
    with pytest.raises(ValueError, match="journal full"):
        journal.commit({"s": bytes(4096)})
    assert journal.get("s") is None
    with pytest.raises(ValueError, match="journal full"):
        journal.commit({"b": bytes(FULL)})
    journal.commit({"b": bytes(FULL - 1)})  # to the last byte
    assert len(loaded(flash)[1]["b"]) == FULL - 1


@pytest.mark.parametrize("form", [1, 4])
@pytest.mark.parametrize("sector", range(3))
def test_another_format_anywhere_is_refused_and_not_touched(sector, form):
    flash = Flash(3)
    journal, _ = loaded(flash)
    for _ in range(3):
        journal.commit({"b": bytes(3500)})
    flash.erase(sector * 4096)
    flash.program(sector * 4096, whole_set(1, {"any": b"thing"}, form))
    before = bytes(flash.cells)
    with pytest.raises(ValueError, match=f"format {form}, this firmware reads 2 and 3"):
        Journal(flash).load()
    assert bytes(flash.cells) == before


def test_one_sector_is_not_enough():
    with pytest.raises(ValueError, match="two sectors"):
        Journal(Flash(1)).load()


def test_the_first_format_refuses_this_one():
    """Its reader takes the header for that of a later format, and wipes nothing."""
    flash = Flash()
    journal, _ = loaded(flash)
    journal.commit({"b": b"1"})
    magic, form, _, length, crc = struct.unpack_from("<2sHIHI", flash.cells)
    assert (magic, form, length) == (b"uJ", 2, 0)
    assert crc == crc32(flash.cells[2:10])
