"""`umeter board check`: the pin table, and what it warns of."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from umeter_deploy import board_hazards
from umeter_deploy.board_check import check
from umeter_deploy.cli import app

BOARDS = Path(__file__).resolve().parents[2] / "boards"
PATHS = sorted(BOARDS.glob("*/board.json"))
SIM8 = json.loads((BOARDS / "sim8" / "board.json").read_text())


def umeter(*arguments):
    words = [str(argument) for argument in arguments]
    done = CliRunner().invoke(app, words, env={"COLUMNS": "200"})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def row(document, gpio):
    """The row of a pin in a document's table."""
    return next(row for row in board_hazards.rows(check(document)) if row.gpio == gpio)


def notes(document, gpio):
    return " ".join(row(document, gpio).notes)


def relays(active, *pins, **more):
    return SIM8 | {
        "relays": {"type": "gpio", "pins": list(pins), "active": active},
        "channels": SIM8["channels"][: len(pins)],
        **more,
    }


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.parent.name)
def test_every_board_has_its_table(path):
    done = umeter("board", "check", path.parent)
    assert done.exit_code == 0
    board = json.loads(path.read_text())
    line = f"{path} is good: {board['name']}, {len(board['channels'])} channels."
    assert done.stdout.splitlines()[0] == line
    drawn = {int(n) for n in re.findall(r"^│ +(\d+) │", done.stdout, re.M)}
    assert drawn == {what[1] for what in check(board).uses if what[0] == "GPIO"}
    assert "boot.py opens every contact first: " in done.stdout
    for fact, why in board.get("about", {}).get("unverified", {}).items():
        assert f"Not verified: {fact}: {why}\n" in done.stderr


def test_what_is_wrong_is_told_in_a_sentence(tmp_path):
    path = tmp_path / "board.json"
    path.write_text(json.dumps(SIM8 | {"mcu": "esp8266"}))
    done = umeter("board", "check", path)
    assert done.exit_code == 1 and done.stdout == ""
    assert done.stderr.startswith(f"{path}: board.json: mcu is 'esp8266', it must be one of: esp")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("text, said", [(None, "cannot be read"), ("{", "is not JSON")])
def test_no_file(tmp_path, text, said):
    if text:
        (tmp_path / "board.json").write_text(text)
    done = umeter("board", "check", tmp_path)
    assert done.exit_code == 1 and said in done.stderr and done.stderr.count("\n") == 1


def test_uses_are_told_in_words():
    kit = check(json.loads((BOARDS / "waveshare_s3_8di_8ro" / "board.json").read_text()))
    uses = {row.gpio: row.use for row in board_hazards.rows(kit)}
    assert (
        uses[4] == "channel 1 button" and uses[21] == "bus rs485 de" and uses[42] == "bus i2c sda"
    )
    assert row(SIM8, 16).use == "relay 1" and row(SIM8, 2).use == "led"


def test_a_relay_at_a_pin_that_is_pulled_to_its_level_is_warned_of():
    closes = "the chip's own pull closes the contact in reset"
    assert closes in notes(relays("high", 14), 14)
    assert closes in notes(relays("low", 13), 13)
    assert closes not in notes(relays("low", 14), 14) + notes(relays("high", 13), 13)
    assert row(relays("low", 14), 14).at_reset == "pulled up"


def test_a_relay_at_a_pin_that_floats_needs_a_resistor():
    assert "open in reset only with a pull-down at" in notes(relays("high", 16), 16)
    assert "open in reset only with a pull-up at" in notes(relays("low", 16), 16)
    assert row(relays("low", 16), 16).at_reset == "floats"


def test_a_coil_is_not_a_contact():
    latching = {"type": "latching", "coils": 2, "pins": [[14, 16]], "active": "high"}
    document = SIM8 | {"relays": latching, "channels": SIM8["channels"][:1]}
    assert "pull drives the coil in reset" in notes(document, 14)
    assert "the coil rests in reset only with a pull-down" in notes(document, 16)
    assert row(document, 14).use == "relay 1 set"


def test_strapping_is_told_with_the_reason_for_it():
    told = notes(SIM8, 2)
    assert "strapping, must be low or open for a download; used because: the LED goes to" in told


def test_inputs_without_resistors_and_debugger_pins():
    assert "no resistor inside" in notes(SIM8, 34)
    assert "JTAG" in notes(relays("low", 14), 14)
    assert "JTAG" not in notes(SIM8, 33)


def test_pulses_at_power_up_matter_to_outputs_only():
    kit = check(json.loads((BOARDS / "waveshare_s3_8di_8ro" / "board.json").read_text()))
    told = {row.gpio: " ".join(row.notes) for row in board_hazards.rows(kit)}
    assert "60 us at power-up" in told[17] and "60 us" not in told[4]


def test_more_modules_than_a_pin_can_drive():
    few = SIM8 | {"channels": SIM8["channels"][:4]}
    assert board_hazards.warnings(few, []) == []
    assert "Bus a has 8 modules" in board_hazards.warnings(SIM8, [])[0]
    bus = {"a": SIM8["buses"]["a"] | {"de": 13}}
    assert board_hazards.warnings(SIM8 | {"buses": bus}, []) == []


@pytest.mark.parametrize(
    "step, said",
    [("i2c", "does not restart with"), ("shift", "does not restart with"),
     ("uart", "does not restart with"), ("pulse", "without any power"), ("pin", None)],
)  # fmt: skip
def test_what_outlives_a_reset_is_told(step, said):
    told = board_hazards.warnings(SIM8 | {"channels": []}, [[step]])
    assert (said is None and told == []) or (len(told) == 1 and said in told[0])
    assert board_hazards.opening([[step], [step]]).endswith(": 2.")
