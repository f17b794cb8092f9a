"""`umeter doctor`: its tables, its questions, its way of ending."""

import json

import pytest
from typer.testing import CliRunner

from prompt_kit import prompt
from simulated_chip import board
from umeter_deploy import cli_doctor
from umeter_deploy.cli import app
from umeter_sim.paths import BOARDS

LOADS = [1000, 2000, 3000, 4000, 36_000]


@pytest.fixture
def there(tmp_path, monkeypatch):
    there = prompt(root=tmp_path, loads=LOADS)
    (tmp_path / "board.json").write_text(json.dumps(board()))
    monkeypatch.setattr(cli_doctor, "Link", lambda port: there)
    # What runs here has the names of its source.
    monkeypatch.setattr(cli_doctor, "_names", dict)
    return there


def doctor(*words, said=None):
    done = CliRunner().invoke(
        app, ["doctor", *map(str, words)], input=said, env={"COLUMNS": "150"}
    )
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def rows(done):
    return [" ".join(line.split()) for line in done.stdout.splitlines()]


PORT = ("--port", "/dev/null")


def test_a_board_as_it_should_be(there):
    done = doctor(*PORT, "--yes")
    assert done.exit_code == 0, done.output
    assert [f"{n} ok" in rows(done) for n in range(1, 6)] == [True] * 5
    assert any(row.startswith("a 2 2") and row.endswith("channel 2") for row in rows(done))


def test_what_is_wrong_with_modules_is_in_the_table(there):
    places = there.chip.site.site.places
    places[0].meter.address = 9
    done = doctor(*PORT, "--no-wiring")
    assert done.exit_code == 1
    assert "a 1 - - - channel 1: nothing answers" in rows(done)
    assert any(row.endswith("no channel's: umeter doctor address") for row in rows(done))


@pytest.mark.parametrize("said", ["\n", "no\n", "y\n"])
def test_contacts_stay_open_unless_somebody_says_yes(there, said):
    done = doctor(*PORT, said=said)
    assert there.chip.edges == []
    assert "mains voltage" in done.stderr
    assert done.exit_code == 0


def test_nobody_there_to_say_so(there):
    done = doctor(*PORT, said="")
    assert done.exit_code == 1 and there.chip.edges == []


def test_yes_and_chosen_channels(there):
    done = doctor(*PORT, "-c", 2, "-c", 4, said="yes\n")
    assert done.exit_code == 0
    assert [channel for channel, closed in there.chip.edges if closed] == [2, 4]
    assert doctor(*PORT, "-c", 6, "--yes").stderr == "There is no channel 6, the board has 5.\n"


def test_one_verdict_is_enough_to_fail(there):
    there.chip.ask("fault", kind="jammed", ch=3)
    done = doctor(*PORT, "--yes")
    assert done.exit_code == 1
    assert any(row.startswith("3 no power") for row in rows(done))


def test_an_interrupted_check_opens_everything(there, monkeypatch):
    def interrupted(self, index):
        there.run(f"_there[0].relays.set({index}, True)")
        raise KeyboardInterrupt

    monkeypatch.setattr(cli_doctor.Wiring, "judge", interrupted)
    CliRunner().invoke(app, ["doctor", *PORT, "--yes"])
    assert there.chip.edges == [(1, True), (1, False)]


def test_a_board_without_its_file_needs_a_folder(there, tmp_path):
    (tmp_path / "board.json").unlink()
    assert "--board" in doctor(*PORT, "--no-wiring").stderr
    done = doctor(*PORT, "--no-wiring", "--board", BOARDS / "sim8")
    assert sum("nothing answers" in row for row in rows(done)) == 4


def test_the_module_that_is_there_gets_an_address(there):
    for place in there.chip.site.site.places[1:4]:
        place.meter.faults.dead = True
    done = doctor("address", *PORT, "--bus", "a", "--to", 30)
    assert done.exit_code == 0, done.output
    assert done.stdout == "The module had address 1, and has 30 now.\n"
    assert "as before" in doctor("address", *PORT, "--to", 30).stdout
    assert "1 to 247" in doctor("address", *PORT, "--to", 300).stderr
    assert "--bus" in doctor("address", *PORT, "--bus", "b", "--to", 3).stderr


def test_a_walk_through_all_modules(there, monkeypatch):
    meters = [place.meter for place in there.chip.site.site.places[:4]]
    for meter in meters:
        meter.address = 1  # as they come from the shop
    asked = iter([None, 0, 1, "s", 3])

    def answer(question):
        connected = next(asked)
        for index, meter in enumerate(meters):
            meter.faults.dead = index != connected
        return "s" if connected == "s" else ""

    monkeypatch.setattr(cli_doctor, "_answer", answer)
    done = doctor("address", *PORT)
    assert done.exit_code == 0, done.output
    assert [meter.address for meter in meters] == [1, 2, 1, 4]
    assert done.stderr.count("Nothing answers") == 1
    assert "mains potential" in done.stderr


def test_a_bus_of_something_else_is_left_alone():
    document = board(
        channels=[
            {"frontend": "pzem", "bus": "a", "address": 1},
            {"frontend": "bl0942", "bus": "b", "address": 0},
        ],
        buses={name: {"type": "uart", "id": 1} for name in "abcd"} | {"i": {"type": "i2c"}},
        relays={"type": "modbus", "bus": "d"},
    )
    assert cli_doctor._buses(document) == ["a", "c"]
