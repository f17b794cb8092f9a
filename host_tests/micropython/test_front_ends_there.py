"""Front ends and their simulated chips, on the interpreter of the board and here."""

import json
import types
from pathlib import Path

import pytest

from front_kit import KIT
from umeter_deploy.kinds import front_bl0906, front_bl0942, front_hlw8012
from umeter_sim.build import build_firmware
from umeter_sim.paths import BOARD_SIDE, FIRMWARE, SHIMS
from umeter_sim.runtimes.namespace import Namespace
from umeter_sim.upy import run_script

SCRIPT = KIT.parent / "front_ends.py"
SHUNT = {"shunt_uohm": 1000, "divider_ohm": [1_950_000, 510]}
CT = {"ct_ratio": 2000, "burden_mohm": 10_200, "divider_ohm": [99_900, 100]}


def made(rules, **channel):
    return {**channel, **rules.derived(channel, {})}


GROUPS = {
    "bl0942": [
        {"bus": {"baud": 9600}, "channels": [made(front_bl0942, address=i, **SHUNT)]}
        for i in range(3)
    ],
    "bl0906": [
        {
            "bus": {"baud": 19_200},
            "channels": [made(front_bl0906, input=i + 1, **CT) for i in range(6)],
        }
    ],
    "hlw8012": [
        {"bus": None, "channels": [made(front_hlw8012, chip=chip, pin=14, **SHUNT)]}
        for chip in ("hlw8012", "bl0937")
    ],
}


@pytest.mark.parametrize("kind", GROUPS)
def test_a_poll_needs_no_heap_and_sees_the_same_there(kind):
    arg = json.dumps({kind: GROUPS[kind]})
    space = Namespace([SHIMS, BOARD_SIDE, KIT, FIRMWARE], {}, Path(), lambda _: None)
    here = {"__builtins__": space._builtins, "__name__": "script"}
    space.modules["micropython"] = types.SimpleNamespace(
        const=lambda value: value, heap_lock=lambda: None, heap_unlock=lambda: None
    )
    exec(SCRIPT.read_text(), here)
    seen = json.loads(here["run"](arg))
    assert all(rows for rows in seen[kind])
    paths = [build_firmware().folder, KIT, BOARD_SIDE]
    assert json.loads(run_script(SCRIPT, arg=arg, paths=paths)) == seen
