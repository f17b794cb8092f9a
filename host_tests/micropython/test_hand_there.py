"""The local hand's screens in the board's own letters, and its steady polls."""

import json
from pathlib import Path

import pytest

from hand_kit import KIT, Panel
from umeter_sim import screen
from umeter_sim.build import build_firmware
from umeter_sim.paths import BOARD_SIDE, SSD1306
from umeter_sim.upy import run_script

SCRIPTS = Path(__file__).parent / "scripts"


@pytest.fixture(scope="module")
def paths():
    return [build_firmware().folder, KIT, SSD1306, BOARD_SIDE]


@pytest.fixture(scope="module")
def drawn(paths):
    told = json.loads(run_script(SCRIPTS / "hand_screens.py", paths=paths))
    return {name: (bytes.fromhex(dots), texts) for name, (dots, texts) in told.items()}


def test_every_screen_says_the_same_there(drawn):
    panel = Panel()
    page = panel.modules.load("umeter.hal.hand_page")
    here = {name: page.screen(hand) for name, hand, bus in panel.scenes.screens()}
    assert {name: texts for name, (dots, texts) in drawn.items()} == here


def lit(dots, rows, columns=range(128)):
    picture = screen.dots(dots)
    return sum(picture[row][column] for row in rows for column in columns)


def test_letters_are_where_they_belong(drawn):
    for name, (dots, (title, upper, _, amount, text)) in drawn.items():
        if name == "selected":
            continue
        assert lit(dots, range(16), range(16 * len(title))) > 0, name
        assert lit(dots, range(8), range(16 * len(title), 128 - 8 * len(upper))) == 0, name
        assert bool(lit(dots, range(16, 32))) == bool(amount), name
        lines = text.split("\n")
        first = 32 if len(lines) > 3 else 40
        for i in range(4 if first == 32 else 3):
            here = lit(dots, range(first + 8 * i, first + 8 * i + 8))
            assert bool(here) == (i < len(lines) and bool(lines[i])), (name, i)


def test_large_letters_are_the_small_ones_twice_as_large(drawn):
    dots = screen.dots(drawn["out"][0])
    rows = [row[:80] for row in dots[1:15]]
    assert rows[::2] == rows[1::2]
    assert [row[::2] for row in rows] == [row[1::2] for row in rows]


def test_the_selected_user_is_dark_on_bright(drawn):
    plain, selected = drawn["supplied"][0], drawn["selected"][0]
    assert bytes(byte ^ 0xFF for byte in plain[:64]) == selected[:64]
    assert bytes(byte ^ 0xFF for byte in plain[128:192]) == selected[128:192]
    assert plain[64:128] == selected[64:128] and plain[192:] == selected[192:]


def test_screens_differ(drawn):
    alike = [dots for dots, _ in drawn.values()]
    assert len(set(alike)) == len(alike)


def test_polls_between_two_screens_need_no_heap(paths):
    done = json.loads(run_script(SCRIPTS / "hand_heap.py", paths=paths))
    assert done["resting"] == 0
    assert done["writing"] > 0 and done["writing"] % (1 + 128 + 6 * 2) == 0
