"""The power goes in the middle of an update: whatever is left on the flash, one whole release runs
and the update comes to its end.
"""

import pytest

from umeter_sim import ota_board, ota_cuts
from umeter_sim.ota_flash import Files

EVERY = 29


def test_a_cut_leaves_a_whole_release_and_a_way_on(capsys):
    told = []
    figures = ota_cuts.run(told.append, every=EVERY)
    assert figures["ota_bricks"] == 0, capsys.readouterr().out
    assert figures["ota_cuts_tried"] == told[-1] > 80


def test_all_steps_together_are_enough_for_the_bench():
    made = ota_cuts.releases()
    assert sum(len(ota_cuts.life(name, made)[1]) for name in ota_cuts.LIVES) * 2 >= 500


@pytest.mark.parametrize("name", ota_cuts.LIVES)
def test_a_life_without_cuts_ends_well(name):
    made = ota_cuts.releases()
    before, log = ota_cuts.life(name, made)
    *_, (cells, journal) = ota_cuts.cuts(before, log)
    fault, _ = ota_cuts.recover(made, cells, journal)
    assert fault == ""


@pytest.mark.slow
def test_a_slot_that_is_not_written_in_one_step_is_seen_to_brick(monkeypatch):
    def rename(self, old, new):
        data = self.read(old)
        with self.open(new, "wb"):  # emptied, and that is on the flash
            pass
        with self.open(new, "wb") as file:
            file.write(data)
        self.remove(old)

    monkeypatch.setattr(Files, "rename", rename)
    monkeypatch.setattr(ota_cuts, "LIVES", {"kept": ota_cuts.LIVES["kept"]})
    assert ota_cuts.run(every=11)["ota_bricks"] > 0


def test_a_switch_that_verifies_nothing_is_seen_to_brick(monkeypatch):
    def unverified(run, other, mine):
        run.meter.look_s = run.meter.up_s + 2
        with ota_board.firmware.files.open("slot", "w") as file:
            file.write(other + " good")

    monkeypatch.setattr(ota_board.firmware.load("umeter.net.order_update"), "offer", unverified)
    made = ota_cuts.releases()
    board = ota_board.Board(made)
    board.install(made[0])
    board.boot()
    board.order(op="update", do="offer", **made[1].offer)
    assert board.boot() is None


def test_a_full_disk_at_boot_does_not_keep_the_board_from_what_it_had(monkeypatch):
    made = ota_cuts.releases()
    board = ota_board.Board(made)
    board.install(made[0])
    board.boot()
    board.fetch(made[1])
    board.switch(made[1])

    def full(self, old, new):
        raise OSError(28, "ENOSPC")

    monkeypatch.setattr(Files, "rename", full)
    for _ in range(3):
        assert board.boot() is made[0]
        board.lived(200)
    monkeypatch.undo()
    assert board.boot() is made[1]  # what was ordered is still to be tried
