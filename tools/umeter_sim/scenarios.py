"""The account's scenarios, host_tests/scenarios, in the interpreter that runs the meter."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from umeter_sim.build import build_firmware
from umeter_sim.paths import FIRMWARE, ROOT, SHIMS
from umeter_sim.upy import run_script

TESTS = ROOT / "host_tests"
# What the runner needs beside it on the board's side.
PARTS = ("scenario_runner.py", "scenario_actions.py", "scenario_cells.py", "scenario_site.py")
# A heap that only grows while a script runs bounds how many go into one interpreter.
BATCH = 8
PROCESSES = 2


def run_all(folder: Path, every: int = 1) -> list[tuple[int, list[str]]]:
    """By scenario how much was compared, and what failed.

    folder: an empty one to work in; every: only each so many of them."""
    for part in PARTS:
        (folder / part).write_text((TESTS / part).read_text())
    paths = [folder, build_firmware().folder]
    script = TESTS / "micropython" / "scripts" / "scenario_batch.py"

    def run(batch):
        name, scenarios = batch
        told = run_script(script, arg=json.dumps(scenarios), paths=paths)
        return [
            (checks, [f"{name}:{failure}" for failure in failures])
            for checks, failures in json.loads(told)
        ]

    with ThreadPoolExecutor(PROCESSES) as pool:
        return [result for batch in pool.map(run, list(_batches(every))) for result in batch]


def _batches(every):
    """(file's name, [[first line, text], ..])"""
    sys.path += [str(path) for path in (SHIMS, FIRMWARE, TESTS) if str(path) not in sys.path]
    import scenario_runner

    for path in sorted((TESTS / "scenarios").glob("*.txt")):
        scenarios = scenario_runner.split(path.read_text())[::every]
        for first in range(0, len(scenarios), BATCH):
            yield path.name, scenarios[first : first + BATCH]
