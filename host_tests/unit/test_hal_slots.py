"""A release on trial: what makes it good, and what has it give way."""

import pytest

from umeter_sim import ota_cuts
from umeter_sim.ota_board import Restarted
from update_kit import running


@pytest.fixture
def made():
    return ota_cuts.releases()


@pytest.fixture
def board(made):
    yield from running(made)


@pytest.fixture
def trial(board, made):
    """It runs the second release, for a second."""
    board.fetch(made[1])
    board.switch(made[1])
    with pytest.raises(Restarted):
        board.lived(board.meter.up_s + 2)
    assert board.boot() is made[1]
    del board.events[:]
    return board


def slot(board):
    return board.files.read("slot").decode()


def test_without_a_file_there_is_nothing_to_look_at_again(board):
    assert board.meter.look_s == 0 and board.files.read("slot") is None


def test_the_restart_waits_for_the_answer_to_get_out(board, made):
    board.fetch(made[1])
    board.switch(made[1])
    board.lived(board.meter.up_s + 1)
    with pytest.raises(Restarted):
        board.lived(board.meter.up_s + 1)


def test_three_minutes_with_the_broker_are_enough(trial):
    trial.lived(179)
    assert slot(trial) == "b tried"
    trial.lived(180)
    assert slot(trial) == "b good" and trial.events == [("update.kept", 2, 0)]
    assert trial.meter.look_s == 0


def test_until_the_broker_is_reached_it_waits_ten_minutes_at_most(trial):
    trial.commands.session.sessions = 0
    for up_s in range(180, 600, 10):
        trial.lived(up_s)
    assert slot(trial) == "b tried" and trial.events == []
    with pytest.raises(Restarted):
        trial.lived(600)


def test_it_is_good_as_soon_as_the_broker_is_reached(trial):
    trial.commands.session.sessions = 0
    trial.lived(180)
    trial.commands.session.sessions = 1
    trial.lived(190)
    assert slot(trial) == "b good"


def test_one_that_kept_the_meter_waiting_gives_way(trial):
    trial.meter.worst_gap_ms = 4000
    with pytest.raises(Restarted):
        trial.lived(180)


def test_what_is_booked_is_durable_before_a_restart(trial, monkeypatch):
    kept = []
    trial.meter.hot = type("Hot", (), {"save": lambda self, meter: kept.append("hot")})()
    monkeypatch.setattr(trial.meter, "commit", lambda: kept.append("journal"))
    trial.meter.worst_gap_ms = 4000
    with pytest.raises(Restarted):
        trial.lived(180)
    assert kept == ["journal", "hot"]


def test_a_flash_that_fails_does_not_keep_it_from_giving_way(trial, monkeypatch):
    def fails():
        raise OSError("flash")

    monkeypatch.setattr(trial.meter, "commit", fails)
    trial.meter.worst_gap_ms = 4000
    with pytest.raises(Restarted):
        trial.lived(180)


def test_the_one_before_tells_that_it_is_back(trial, made):
    assert trial.boot() is made[0]
    assert trial.events == [("update.back", 1, 2)]
    assert slot(trial) == "a good"
    trial.boot()
    assert trial.events == [("update.back", 1, 2)]


@pytest.mark.parametrize("text", ["", "b", "x y z", "b good"])
def test_what_boot_leaves_alone_is_left_alone(board, text):
    board.files.write("slot", text.encode())
    board.meter.look_s = 1
    board.lived(5)
    assert board.events == [] and slot(board) == text and board.meter.look_s == 0
