"""The boards of the repository: each is good, stamped, and told about in its README."""

import json
import re
from pathlib import Path

import pytest

from umeter_deploy import files
from umeter_deploy.board_check import check

BOARDS = Path(__file__).resolve().parents[2] / "boards"
PATHS = sorted(BOARDS.glob("*/board.json"))
FOR_SALE = {
    "sim8", "esp32_devkit_pzem8", "esp32_relay_x4", "esp32_relay_x8", "esp32_relay_x8_modbus",
    "kincony_kc868_a4", "kincony_kc868_a6", "kincony_kc868_a8", "kincony_kc868_e8t",
    "lilygo_t_relay8", "lilygo_t_relay_s3", "olimex_esp32_evb", "waveshare_s3_relay_6ch",
    "waveshare_s3_8di_8ro", "circuitsetup_6ch",
}  # fmt: skip
REAL = [path for path in PATHS if path.parent.name in FOR_SALE - {"sim8"}]
CHAPTERS = ["Wiring", "Mains and isolation", "Start and reset", "Flash", "Not verified"]
# Boards whose relays outlive a reset of the ESP32.
HELD = {
    "esp32_relay_x8_modbus", "kincony_kc868_a6", "kincony_kc868_a8", "kincony_kc868_e8t",
    "lilygo_t_relay_s3", "waveshare_s3_8di_8ro",
}  # fmt: skip


def each(paths):
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.parent.name)


def readme(path):
    return (path.parent / "README.md").read_text()


def prose(text):
    """In one line."""
    return " ".join(text.split())


def pins_told(text):
    """The GPIOs of all table columns under "GPIO"."""
    told, column = set(), None
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            column = None
        elif column is None:
            column = next((i for i, cell in enumerate(cells) if cell == "GPIO"), -1)
        elif column >= 0:
            told.update(int(number) for number in re.findall(r"\d+", cells[column]))
    return told


def test_all_of_them_are_there():
    assert {path.parent.name for path in PATHS} >= FOR_SALE


@each(PATHS)
def test_a_board_is_good_and_stamped(path):
    board = json.loads(path.read_text())
    text = files.board_text(board)
    stamped = json.loads(text)
    assert text.startswith('{"checked":"') and stamped["safe"]
    assert "about" not in stamped and "allow_strapping" not in stamped
    assert board["name"] == path.parent.name
    assert readme(path).startswith("# %s\n\n" % board["name"])


@each(PATHS)
def test_its_readme_names_every_pin_and_no_other(path):
    board = json.loads(path.read_text())
    used = {what[1] for what in check(board).uses if what[0] == "GPIO"}
    assert pins_told(readme(path)) == used


@each(PATHS)
def test_a_pin_that_is_allowed_is_used(path):
    board = json.loads(path.read_text())
    used = {what[1] for what in check(board).uses if what[0] == "GPIO"}
    assert set(map(int, board.get("allow_strapping", {}))) <= used


@each(REAL)
def test_its_readme_tells_what_a_person_must_know(path):
    text = readme(path)
    assert re.findall("^## (.*)$", text, re.M) == CHAPTERS
    text = prose(text)
    assert "ESP32_GENERIC" in text or "OLIMEX_ESP32_EVB" in text
    mcu = json.loads(path.read_text())["mcu"]
    assert ("at 0x1000" in text) == (mcu == "esp32") and ("at 0x0" in text) == (mcu != "esp32")
    assert "slot `a`" in text
    assert ("closed through a reset of the ESP32**" in text) == (path.parent.name in HELD)
    assert "://" not in text and "www." not in text


@each(REAL)
def test_it_says_what_nobody_has_verified(path):
    about = json.loads(path.read_text())["about"]
    assert about["verified"] is False and about["unverified"]


@each(PATHS)
def test_what_outlives_a_reset_is_opened_by_the_first_steps(path):
    board = json.loads(path.read_text())
    steps = json.loads(files.board_text(board))["safe"]
    assert (board["name"] in HELD) == bool({step[0] for step in steps} & {"i2c", "shift"})


def test_sim8_is_eight_modules_on_one_bus():
    board = json.loads((BOARDS / "sim8" / "board.json").read_text())
    assert board["relays"]["pins"] == [16, 17, 18, 19, 23, 25, 26, 27]
    assert [c["address"] for c in board["channels"]] == list(range(1, 9))
    assert {c["frontend"] for c in board["channels"]} == {"pzem"}
