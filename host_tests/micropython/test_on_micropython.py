"""The same core, inside the interpreter that runs it on the board."""

import json
from pathlib import Path

import pytest

from thoroughness import share
from umeter_sim.build import build_firmware
from umeter_sim.paths import FIRMWARE
from umeter_sim.upy import ScriptFailed, run_script
from vectors import core_vectors

SCRIPTS = Path(__file__).parent / "scripts"
KIT = SCRIPTS / "kit"


@pytest.fixture(scope="module")
def compiled():
    """The folder of the firmware's .mpy files."""
    return build_firmware().folder


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_core_gives_the_oracles_results(compiled, seed):
    vectors = core_vectors.build(seed)
    cases = json.dumps(vectors["cases"])
    told = run_script(SCRIPTS / "core_vectors.py", arg=cases, paths=[compiled])
    assert json.loads(told) == vectors["expected"]


def test_the_steady_tick_leaves_the_heap_alone(compiled):
    done = json.loads(run_script(SCRIPTS / "tick_heap.py", paths=[compiled, KIT]))
    assert done["ok"] and done["ticks"] == 200
    assert done["closed"] == 8 and done["steady_wh"] > 0, "it metered in these ticks"


def test_recovery_from_cuts_is_the_same_there(compiled):
    script = SCRIPTS / "cut_recovery.py"
    few = json.dumps([0, 1 << 20, share(61, 127)])
    done = json.loads(run_script(script, arg=few, paths=[compiled]))
    assert done["fault"] is None
    assert done["cuts"] > share(300, 150) and done["turns"] >= 4


def test_an_order_that_cannot_be_committed_is_undone_there(compiled):
    tariff = {"prices": [[100_000], [300_000], [700_000]], "blocks_kwh": [1, 2]}
    orders = [
        {"op": "set", "version": 1, "set": {"tariff": tariff, "debt3_percent": 50}},
        {"op": "debt", "ch": 1, "debt": 3, "add_u": 7_000_000_000},
        {"op": "credit", "ch": 1, "amount_u": 50_000_000},
        {"op": "quarantine", "ch": 1, "action": "accept"},
        {"op": "user", "ch": 1, "state": "open"},
        {"op": "account", "ch": 1, "action": "reset"},
    ]
    text = json.dumps([{"n": n, **order} for n, order in enumerate(orders, 1)])
    done = json.loads(run_script(SCRIPTS / "undone.py", arg=text, paths=[compiled, KIT]))
    assert done == [[["store", False], ["applied", True]]] * len(orders)


def test_the_logs_hold_the_same_bytes_there(compiled, monkeypatch):
    script = SCRIPTS / "log_records.py"
    monkeypatch.syspath_prepend(KIT)
    here = {}
    exec(script.read_text(), here)
    events, profile = json.loads(here["run"](""))
    assert len(events[2]) >= 2 * 64 * 40 and len(profile[2]) >= 2 * 32 * 40
    assert json.loads(run_script(script, paths=[compiled, KIT])) == [events, profile]


def test_a_script_that_raises_is_a_failure(tmp_path):
    script = tmp_path / "wrong.py"
    script.write_text("def run(_):\n    raise ValueError('as expected')\n")
    with pytest.raises(ScriptFailed, match="as expected"):
        run_script(script)


def test_source_and_mpy_are_the_same_program(compiled):
    """Compiled without asserts and line numbers, but nothing else is missing."""
    sources = {
        path.relative_to(FIRMWARE).with_suffix("")
        for path in FIRMWARE.glob("umeter/**/*.py")
        if path.name != "__init__.py" or "=" in path.read_text()  # else it marks a folder
    }
    binaries = {
        path.relative_to(compiled).with_suffix("") for path in compiled.glob("umeter/**/*.mpy")
    }
    assert sources == binaries
