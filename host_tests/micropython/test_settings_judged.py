"""The settings are judged on the board as they are at the station."""

import json
from pathlib import Path

from umeter_sim.build import build_firmware
from umeter_sim.upy import run_script
from vectors.refused_settings import REFUSED

SCRIPT = Path(__file__).parent / "scripts" / "settings_judged.py"


def test_the_board_refuses_in_the_same_words():
    told = run_script(
        SCRIPT, arg=json.dumps([c for c, _ in REFUSED]), paths=[build_firmware().folder]
    )
    assert json.loads(told) == [dict.fromkeys(changes, sentence) for changes, sentence in REFUSED]
