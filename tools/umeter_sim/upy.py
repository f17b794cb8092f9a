"""Runs a function of a MicroPython script in the real interpreter, without a board."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from umeter_sim.node import node_command
from umeter_sim.paths import INTERPRETER, NODE_SIDE

HEAP_BYTES = 1024 * 1024


class ScriptFailed(RuntimeError):
    """The script raised; the text holds its traceback and what it printed."""


def run_script(
    path: Path,
    function: str = "run",
    arg: str = "",
    paths: Sequence[Path] = (),
    timeout_s: float = 120,
) -> str:
    """Call `function(arg)` of the script, str to str, in a fresh MicroPython.

    paths: folders of .py or .mpy to import from, the first wins. ScriptFailed if it raises or
    takes too long.
    """
    setup = {
        "interpreter": str(INTERPRETER),
        "trees": [[str(folder), f"/path{i}"] for i, folder in enumerate(paths)],
        "files": {},
        "heap_bytes": HEAP_BYTES,
        "script": path.read_text(),
        "function": function,
        "argument": arg,
    }
    try:
        done = subprocess.run(
            [*node_command(), str(NODE_SIDE / "script.mjs")],
            input=json.dumps(setup),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ScriptFailed(f"{path.name} did not end within {timeout_s} s") from None
    if done.returncode:
        raise ScriptFailed(f"{path.name}: {done.stderr.strip()}")
    return done.stdout
