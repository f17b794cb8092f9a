"""Which modules of the firmware a board needs: what its front ends, relays and parts are, and how
its site is reached, decides.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from umeter_deploy import board_check, site_check
from umeter_deploy.stamp import unstamped
from umeter_sim.build import build_display, build_firmware
from umeter_sim.paths import BUILD, FIRMWARE

_ROOT = "umeter.app"  # what main.py imports
_PARTS = ("inputs", "hand")  # keys of board.json with a module of that name
_TLS_ONLY = ("umeter.net.tls", "umeter.net.ntp")
_DISPLAY = "umeter/hal/hand_display.mpy"
_ORDERS = "umeter.net.orders"
_ORDERS_TABLE = "_OPERATIONS"  # its lines: operation, module without order_, fields


def needed(
    board_document: dict[str, Any], site_document: dict[str, Any], firmware: Path = FIRMWARE
) -> list[str]:
    """Paths like umeter/core/meter.mpy, sorted, of all that a board with these files can import.

    board_document, site_document: of board.json and site.json, as written by somebody or as they
    lie on the board. ValueError, one sentence, if one is not good.
    """
    wanted = [_ROOT, *_kinds(board_document)]
    left_out = () if _has_tls(site_document) else _TLS_ONLY
    left_out += _buses_lack(unstamped(board_document))
    found: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name in found or name in left_out:
            continue
        found.add(name)
        wanted += imported(firmware, name)
        wanted += [name.rpartition(".")[0]] if "." in name else []
    paths = ((name, _source(firmware, name)) for name in found)
    return sorted(_compiled(firmware, path) for _, path in paths if path and _has_code(path))


def software(
    board_document: dict[str, Any], site_document: dict[str, Any], firmware: Path = FIRMWARE
) -> dict[str, bytes]:
    """What lies in the board's slot, {path: content}: needed(), compiled, and the display's driver
    where there may be one. ValueError as needed(); BuildError if something does not compile.
    """
    paths = needed(board_document, site_document, firmware)
    if firmware == FIRMWARE:
        folder = build_firmware().folder
    else:
        folder = build_firmware(firmware, BUILD / "mpy_other").folder
    contents = {path: (folder / path).read_bytes() for path in paths}
    if _DISPLAY in contents:
        contents["ssd1306.mpy"] = (build_display() / "ssd1306.mpy").read_bytes()
    return contents


def _kinds(document: dict[str, Any]) -> Iterator[str]:
    document = unstamped(document)
    if "safe" not in document:
        board_check.check(document)
        document = board_check.for_board(document)
    yield "umeter.hal.relay_" + document["relays"]["type"]
    for channel in document["channels"]:
        yield "umeter.frontend." + channel["frontend"]
    for part in _PARTS:
        if part in document:
            yield "umeter.hal." + part


def _buses_lack(document: dict[str, Any]) -> tuple[str, ...]:
    """What hal/board.py imports for kinds of buses that are not there."""
    buses = document.get("buses", {}).values()
    rs485 = any("de" in bus for bus in buses)
    spi = any(bus["type"] == "spi" for bus in buses)
    return (() if rs485 else ("umeter.hal.rs485",)) + (() if spi else ("umeter.hal.spi",))


def _has_tls(document: dict[str, Any]) -> bool:
    checked = site_check.check(unstamped(document), document.get("made_t", 0))
    return any(broker["tls"] for broker in checked["brokers"])


@cache
def imported(firmware: Path, name: str) -> frozenset[str]:
    """Modules of the firmware that a module names: in its imports, as the text of what it has
    imported for a moment (`run("core.turn", ...)`), and in the table of the orders.
    """
    path = _source(firmware, name)
    if path is None:
        return frozenset()
    named: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            named.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            named.add(node.module)
            named.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if node.value.replace(".", "").isidentifier():
                named.add("umeter." + node.value)
        elif name == _ORDERS and isinstance(node, ast.Assign):
            named.update(_order_modules(node))
    return frozenset(each for each in named if _source(firmware, each))


def _order_modules(node: ast.Assign) -> Iterator[str]:
    target = node.targets[0]
    if isinstance(target, ast.Name) and target.id == _ORDERS_TABLE:
        value = node.value.args[0] if isinstance(node.value, ast.Call) else node.value
        for line in ast.literal_eval(value).split("\n"):
            yield "umeter.net.order_" + line.split()[1]


def _source(firmware: Path, name: str) -> Path | None:
    path = firmware.joinpath(*name.split("."))
    for candidate in (path / "__init__.py", path.with_suffix(".py")):
        if name.startswith("umeter") and candidate.is_file():
            return candidate
    return None


def _has_code(path: Path) -> bool:
    """A package without code is a folder, and nothing else."""
    body = ast.parse(path.read_text()).body
    return any(not isinstance(node, ast.Expr) for node in body)


def _compiled(firmware: Path, path: Path) -> str:
    return path.relative_to(firmware).with_suffix(".mpy").as_posix()
