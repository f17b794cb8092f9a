"""The journal on flash that clears bits only and is cut at every byte."""

import struct
from binascii import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes_core import Flash, PowerCut
from umeter.core.journal import Journal

KEYS = st.sampled_from(["c0", "c1", "n", "s", "b", "longname"])
BATCHES = st.lists(st.dictionaries(KEYS, st.binary(max_size=120), min_size=1), max_size=12)


def loaded(flash):
    journal = Journal(flash)
    return journal, journal.load()


def test_erased_flash_is_empty_and_sound():
    journal, data = loaded(Flash())
    assert data == {}
    assert not journal.damaged


@given(BATCHES, st.integers(2, 5))
def test_what_was_committed_is_loaded(batches, sectors):
    flash = Flash(sectors)
    journal, _ = loaded(flash)
    model = {}
    for batch in batches:
        journal.commit(batch)
        model.update(batch)
        assert loaded(flash)[1] == model
    assert all(journal.get(key) == model.get(key) for key in ("c0", "n", "none"))
    assert max(flash.erases) - min(flash.erases) <= 1


@pytest.mark.parametrize("sectors", [2, 3])
def test_a_cut_at_any_byte_leaves_the_old_set_or_the_new_one(sectors):
    first = {"c0": b"old0", "n": b"old"}
    second = {"c0": b"new0", "s": b"more than before"}
    merged = {**first, **second}
    outcomes = []
    for budget in range(80):
        flash = Flash(sectors)
        journal, _ = loaded(flash)
        for _ in range(sectors + 1):  # the torn sector has been used before
            journal.commit(first)
        flash.budget = budget
        try:
            journal.commit(second)
            whole = True
        except PowerCut:
            whole = False
        flash.budget = None
        journal, data = loaded(flash)
        assert data in (first, merged)
        assert data == merged or not whole
        outcomes.append(data == merged)
        # And the store goes on from there.
        journal.commit({"n": b"next"})
        journal, data = loaded(flash)
        assert data["n"] == b"next"
        assert not journal.damaged or sectors > 2
    assert outcomes == sorted(outcomes)
    assert outcomes[0] is False
    assert outcomes[-1] is True


def test_a_damaged_newest_copy_falls_back_and_is_told():
    flash = Flash()
    journal, _ = loaded(flash)
    journal.commit({"b": b"1"})
    journal.commit({"b": b"2"})
    flash.cells[4096 + 16] ^= 0xFF
    journal, data = loaded(flash)
    assert data == {"b": b"1"}
    assert journal.damaged
    journal.commit({"b": b"3"})
    assert loaded(flash)[1] == {"b": b"3"}
    assert not loaded(flash)[0].damaged


def test_every_flipped_bit_of_a_copy_is_seen():
    flash = Flash()
    journal, _ = loaded(flash)
    journal.commit({"b": b"value"})
    used = 14 + 3 + 1 + 5
    for bit in range(used * 8):
        flash.cells[bit // 8] ^= 1 << bit % 8
        journal, data = loaded(flash)
        assert data == {}
        assert journal.damaged
        flash.cells[bit // 8] ^= 1 << bit % 8
    assert loaded(flash)[1] == {"b": b"value"}


def test_flash_that_does_not_take_what_is_written_changes_nothing():
    flash = Flash()
    journal, _ = loaded(flash)
    journal.commit({"b": b"1"})
    flash.stuck = range(4096, 8192)
    for _ in range(3):
        with pytest.raises(OSError, match="flash"):
            journal.commit({"b": b"2", "c0": b"x"})
        assert journal.get("b") == b"1"
        assert journal.get("c0") is None
        assert loaded(flash)[1] == {"b": b"1"}
    flash.stuck = ()
    journal.commit({"b": b"3"})
    assert loaded(flash)[1] == {"b": b"3"}


def test_a_failed_copy_that_is_whole_after_all_loses_against_the_next():
    flash = Flash(3)
    journal, _ = loaded(flash)
    read = flash.read
    flash.read = lambda off, buf: None  # the read-back fails, the flash does not
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
    journal.commit({"b": bytes(4096 - 14 - 4)})  # to the last byte
    assert len(loaded(flash)[1]["b"]) == 4096 - 18


def test_a_later_format_is_refused_and_not_touched():
    flash = Flash()
    journal, _ = loaded(flash)
    journal.commit({"b": b"1"})
    body = b"anything"
    raw = struct.pack("<2sHIH", b"uJ", 2, 9, len(body))
    flash.program(4096, raw + struct.pack("<I", crc32(raw[2:] + body)) + body)
    before = bytes(flash.cells)
    with pytest.raises(ValueError, match="format 2"):
        Journal(flash).load()
    assert bytes(flash.cells) == before


def test_one_sector_is_not_enough():
    with pytest.raises(ValueError, match="two sectors"):
        Journal(Flash(1)).load()
