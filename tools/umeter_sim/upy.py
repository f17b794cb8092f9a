"""Runs a function of a MicroPython script in the real interpreter, without a board."""

import json
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from umeter_sim.build import names_of
from umeter_sim.node import node_command
from umeter_sim.paths import INTERPRETER, NODE_SIDE
from umeter_sim.squeeze_names import Names, readable, spoken_to

HEAP_BYTES = 1024 * 1024
# CPython 3.11 parses for one thread at a time, or says so of a recursion that there is not.
_READING = threading.Lock()


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

    paths: folders of .py or .mpy to import from, the first wins. If the firmware is one of them,
    as it was built, script and .py may use the names of its source. ScriptFailed if it raises or
    takes too long.
    """
    names = next(filter(None, map(names_of, paths)), {})
    with tempfile.TemporaryDirectory() as copies:
        with _READING:
            folders = [
                _speaking(folder, names, Path(copies) / str(i)) for i, folder in enumerate(paths)
            ]
            script = spoken_to(path.read_text(), names)
        setup = {
            "interpreter": str(INTERPRETER),
            "trees": [[str(folder), f"/path{i}"] for i, folder in enumerate(folders)],
            "heap_bytes": HEAP_BYTES,
            "script": script,
            "function": function,
            "argument": arg,
        }
        try:
            return _run(path.name, setup, timeout_s)
        except ScriptFailed as failed:
            raise ScriptFailed(readable(str(failed), names)) from None


def _speaking(folder: Path, names: Names, copy: Path) -> Path:
    """The folder, or a copy whose .py know the firmware's names."""
    sources = sorted(folder.glob("*.py")) if names else []
    if not sources:
        return folder
    shutil.copytree(folder, copy)
    for source in sources:
        (copy / source.name).write_text(spoken_to(source.read_text(), names))
    return copy


def _run(name: str, setup: dict[str, Any], timeout_s: float) -> str:
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
        raise ScriptFailed(f"{name} did not end within {timeout_s} s") from None
    # It kills itself once it has told (see leave.mjs), so the exit code says nothing.
    try:
        told = json.loads(done.stdout)
    except ValueError:
        raise ScriptFailed(f"{name}: {done.stderr.strip()}") from None
    if "raised" in told:
        raise ScriptFailed(f"{name}: {done.stderr}{told['raised']}".strip())
    return told["returned"]
