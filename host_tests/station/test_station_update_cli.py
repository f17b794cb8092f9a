"""`umeter-station update`: starting one, waiting for it, and what does not fit."""

import pytest

from cli_kit import clocked_home, run, squeezed
from release_kit import BUNDLE, answer
from station_kit import new_database
from umeter_deploy import bundle as bundles
from umeter_station import update


@pytest.fixture
def db(tmp_path):
    return new_database(tmp_path)


@pytest.fixture
def home(tmp_path):
    return clocked_home(tmp_path)


@pytest.fixture
def bundle_file(tmp_path):
    path = tmp_path / "sim8-2.zip"
    path.write_bytes(bundles.packed(BUNDLE))
    return path


def test_the_command_starts_it_and_tells_how_far_it_is(home, db, bundle_file):
    done = run(home, "update", "m1", "--bundle", bundle_file, "--no-wait")
    assert done.exit_code == 0, done.output
    assert any("m1 2 offered" in line for line in squeezed(done.stdout))
    answer(db, want=[1, 0], kept=0)
    assert any("m1 2 file 1 of 2" in line for line in squeezed(run(home, "update", "m1").stdout))
    assert "m1: given up." in run(home, "update", "m1", "--abort").output
    assert "m1: nothing was under way." in run(home, "update", "m1", "--abort").output


def test_the_command_waits_and_fails_with_the_update(home, db, bundle_file, monkeypatch):
    def one_poll(_):
        answer(db, "not_now", reason="no room")

    monkeypatch.setattr("umeter_station.cli_update.time.sleep", one_poll)
    done = run(home, "update", "m1", "--bundle", bundle_file)
    assert done.exit_code == 1 and "not_now: no room" in done.output


def test_the_others_wait_for_the_canary(home, tmp_path, bundle_file, monkeypatch):
    db = new_database(tmp_path, "m1", "m2")

    def one_poll(_):
        with db.read() as conn:
            assert update.latest(conn, "m2") is None
        answer(db, "not_now", reason="no room")

    monkeypatch.setattr("umeter_station.cli_update.time.sleep", one_poll)
    done = run(home, "update", "m1", "m2", "--bundle", bundle_file, "--canary")
    assert done.exit_code == 1
    with db.read() as conn:
        assert update.latest(conn, "m2") is None


@pytest.mark.parametrize(
    "options, sentence",
    [
        (["--canary"], "--canary needs a --bundle"),
        (["--abort", "--canary"], "--abort goes alone"),
        (["--bundle", "nowhere.zip"], "nowhere.zip cannot be read"),
    ],
)
def test_what_does_not_fit_is_said_in_a_sentence(home, db, options, sentence):
    done = run(home, "update", "m1", *options)
    assert done.exit_code == 1 and sentence in done.output
