"""Local time and tariffs inside the interpreter that runs them on the board."""

import json
from pathlib import Path

import pytest

from umeter_sim.build import build_firmware
from umeter_sim.upy import run_script
from vectors import time_vectors

SCRIPT = Path(__file__).parent / "scripts" / "time_vectors.py"


@pytest.mark.parametrize("seed", [11, 12])
def test_it_gives_what_zoneinfo_and_brute_force_give(seed):
    vectors = time_vectors.build(seed, moments=30, tariffs=4, days=40)
    cases = json.dumps(vectors["cases"])
    told = json.loads(run_script(SCRIPT, arg=cases, paths=[build_firmware().folder]))
    for case, result, expected in zip(vectors["cases"], told, vectors["expected"], strict=True):
        assert result == expected, case["doc"]
