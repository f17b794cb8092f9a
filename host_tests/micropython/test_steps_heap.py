"""Watching for banned loads on the interpreter of the board."""

import json
import types
from pathlib import Path

from umeter_sim.build import build_firmware
from umeter_sim.upy import run_script

SCRIPT = Path(__file__).parent / "scripts" / "steps_heap.py"


def test_steps_need_no_heap_and_see_the_same_there():
    here = {}
    exec(SCRIPT.read_text(), here)
    lock = types.SimpleNamespace(heap_lock=lambda: None, heap_unlock=lambda: None)
    here["micropython"] = lock
    seen = json.loads(here["run"](""))
    assert len(seen) > 40 and len(set(seen)) > 20
    assert json.loads(run_script(SCRIPT, paths=[build_firmware().folder])) == seen
