"""Flash that fails for a moment: what is committed afterwards is there after the next boot."""

import pytest

from fakes_board import MemoryFlash
from umeter.core.journal import Journal

HALF_A_SECTOR = 1500  # two such batches fit, the third begins the next sector


def test_what_follows_a_failed_turn_of_sectors_is_kept():
    flash = MemoryFlash()
    journal = Journal(flash)
    journal.load()
    for _ in range(2):
        journal.commit({"a": bytes(HALF_A_SECTOR)})
    flash.failing = True
    with pytest.raises(OSError):
        journal.commit({"a": bytes(HALF_A_SECTOR)})
    flash.failing = False
    journal.commit({"b": b"sold"})  # would have had room where the other had none
    assert Journal(flash).load()["b"] == b"sold"
