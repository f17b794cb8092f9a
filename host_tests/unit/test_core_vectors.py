"""The vectors that the MicroPython harness runs, here on CPython."""

import importlib.util
import json
from pathlib import Path

from vectors import core_vectors

SCRIPT = Path(__file__).resolve().parents[1] / "micropython" / "scripts" / "core_vectors.py"


def load_script():
    spec = importlib.util.spec_from_file_location("core_vectors_script", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_core_gives_what_exact_arithmetic_says():
    vectors = core_vectors.build()
    results = json.loads(load_script().run(json.dumps(vectors["cases"])))
    for case, result, expected in zip(vectors["cases"], results, vectors["expected"], strict=True):
        assert result == expected, case["kind"]


def test_vectors_are_repeatable_and_differ_by_seed():
    assert core_vectors.build(7, 1) == core_vectors.build(7, 1)
    assert core_vectors.build(7, 1) != core_vectors.build(8, 1)
