"""The switch to a release that is all there, and what stands in its way."""

import pytest

from umeter_sim import ota_cuts
from umeter_sim.ota_board import Release, Restarted, firmware
from umeter_sim.ota_flash import BLOCK
from update_kit import everything, offered, running


@pytest.fixture
def made():
    return ota_cuts.releases()


@pytest.fixture
def board(made):
    yield from running(made)


def test_no_switch_before_everything_is_there(board, made):
    release = made[1]
    offered(board, release)
    assert board.switch(release)["code"] == "not_now"
    answer = board.fetch(release)
    assert answer["want"] is None
    board.files.remove("b/umeter/only/in2.mpy")
    answer = board.switch(release)
    assert answer["code"] == "not_now" and answer["want"][1] == 0
    assert board.files.read("slot") is None


def test_a_file_that_was_damaged_meanwhile_is_seen_at_the_switch(board, made):
    board.fetch(made[1])
    board.files.write("b/umeter/app.mpy", b"rotten")
    assert board.switch(made[1])["code"] == "not_now"
    assert board.fetch(made[1])["want"] is None
    assert board.switch(made[1])["code"] == "applied"


def test_only_what_is_offered_can_be_switched_to(board, made):
    board.fetch(made[1])
    assert board.switch(made[2])["code"] == "not_now"


@pytest.mark.parametrize("release", [1.0, True, "1", None])
def test_what_is_no_number_is_not_the_release_that_runs(board, release):
    assert board.order(op="update", do="switch", release=1)["code"] == "applied"
    assert board.order(op="update", do="switch", release=release)["code"] == "malformed"


def test_while_one_is_on_trial_the_other_slot_is_not_touched(board, made):
    board.fetch(made[1])
    board.switch(made[1])
    with pytest.raises(Restarted):
        board.lived(board.meter.up_s + 2)
    board.boot()
    before = everything(board, "a")
    assert offered(board, made[2])["reason"] == "a release is on trial"
    assert board.order(op="update", do="abort")["code"] == "not_now"
    assert everything(board, "a") == before
    assert board.switch(made[1])["code"] == "applied"  # as it was: an answer may be lost


def test_a_board_without_slots_says_so(board, made):
    umeter = firmware.load("umeter")
    umeter.__path__ = "lib/umeter"
    assert offered(board, made[1])["reason"] == "this software is in no slot"


def test_a_full_disk_gives_all_of_it_back_and_says_why(board, made):
    ballast = []
    with pytest.raises(OSError):
        while True:
            ballast.append(f"ballast{len(ballast)}")
            with board.files.open(ballast[-1], "wb") as file:
                file.write(bytes(BLOCK))
    for name in ballast[-4:]:
        board.files.remove(name)
    release = Release(2, {f"umeter/m{i}.mpy": bytes([i]) * 3000 for i in range(5)})
    answer = board.fetch(release)
    assert answer["code"] == "not_now" and "28" in answer["reason"]
    if "b" in board.files.listdir("."):
        assert everything(board, "b") == {}
    for name in ballast[:-4]:
        board.files.remove(name)
    assert board.fetch(made[1])["want"] is None


def test_an_abort_leaves_nothing(board, made):
    board.fetch(made[1])
    assert board.order(op="update", do="abort")["code"] == "applied"
    assert everything(board, "b") == {}
    assert board.switch(made[1])["code"] == "not_now"


def test_a_switch_that_cannot_be_committed_is_taken_back(board, made, monkeypatch):
    board.fetch(made[1])

    def fails(extra=None):
        raise OSError("flash")

    monkeypatch.setattr(board.meter, "commit", fails)
    assert board.switch(made[1])["code"] == "store"
    assert board.files.read("slot") == b"a good" and board.meter.look_s == 0
