"""The design's arrows and the firmware's arithmetic rules, read off the syntax trees of the
sources.
"""

import ast
from pathlib import Path

import pytest

FIRMWARE = Path(__file__).resolve().parents[2] / "firmware"
REPOSITORY = FIRMWARE.parent
SOURCES = sorted(FIRMWARE.rglob("*.py"))
PACKAGE = FIRMWARE / "umeter"

ALLOWED = {
    "app": {"composition", "hal", "core"},
    "composition": {"app", "hal", "net", "frontend", "core", "settings", "umeter"},
    "net": {"net", "core"},
    "frontend": {"frontend", "core"},
    "hal": {"hal", "core"},
    "core": {"core"},
    "settings": {"settings_check", "core"},
    "settings_check": {"core"},
    "umeter": set(),
}
CHIP_MODULES = {"machine", "esp32", "network"}
# What MicroPython on the ESP32 has; anything else would only be found missing on the board.
FROZEN = {
    "binascii", "errno", "gc", "hashlib", "io", "json", "micropython", "os", "random", "select",
    "socket", "struct", "sys", "time", "tls", "umqtt", "vfs", "_thread", "array",
}  # fmt: skip
# Not frozen, but copied beside the firmware of a board with a display.
DISPLAY = {"ssd1306"}
DISPLAY_FILE = PACKAGE / "hal" / "hand_display.py"


def layer(path):
    """Layer of a firmware file: the folder under umeter/, or the name of a file that stands by
    itself.
    """
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else {"__init__.py": "umeter"}.get(parts[0], parts[0][:-3])


def imports(tree):
    """Dotted names that a module imports, wherever in it: `from a.b import c` counts as a.b and
    a.b.c.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the arrow"
            yield node.module
            yield from (node.module + "." + alias.name for alias in node.names)


def is_ours(name):
    return name == "umeter" or name.startswith("umeter.")


def target_layer(name):
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else "umeter"


def arrow_faults(source, path):
    """Sentences about imports in `source` that the design does not allow for a file at `path`."""
    own = layer(path)
    for name in imports(ast.parse(source)):
        if is_ours(name):
            to = target_layer(name)
            package_attribute = to.startswith("__")
            if not package_attribute and name != "umeter" and to not in ALLOWED[own]:
                yield f"{own} may not import {name}"
        elif name.split(".")[0] in CHIP_MODULES:
            if own != "hal":
                yield f"{own} imports the chip ({name})"
        elif name.split(".")[0] not in FROZEN | (DISPLAY if path == DISPLAY_FILE else set()):
            yield f"{own} imports {name}, which the ESP32 does not have"


def float_faults(source):
    """Sentences about anything in `source` that can make a float."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            yield "line %d: float literal" % node.lineno
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            yield "line %d: true division" % node.lineno
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "float":
            yield "line %d: float()" % node.lineno


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(FIRMWARE))
)
def test_arrows_of_the_design(path):
    assert list(arrow_faults(path.read_text(), path)) == []


@pytest.mark.parametrize(
    "path",
    [*sorted((PACKAGE / "core").rglob("*.py")), *sorted(PACKAGE.glob("settings*.py"))],
    ids=lambda p: str(p.relative_to(FIRMWARE)),
)
def test_core_has_no_way_to_a_float(path):
    assert list(float_faults(path.read_text())) == []


BOOT_NEEDS = {"machine", "json", "os", "sys", "time", "binascii"}


def test_boot_imports_the_chip_and_nothing_of_ours():
    names = set(imports(ast.parse((FIRMWARE / "boot.py").read_text())))
    assert {name.split(".")[0] for name in names} <= BOOT_NEEDS


def test_main_only_starts_the_app():
    assert set(imports(ast.parse((FIRMWARE / "main.py").read_text()))) == {
        "machine",
        "sys",
        "time",
        "umeter.app",
        "umeter.app.run",
    }


@pytest.mark.parametrize(
    "source, path, fault",
    [
        ("import machine", "core/x.py", "core imports the chip (machine)"),
        ("from umeter.net import session", "core/x.py", "core may not import umeter.net"),
        ("from umeter.hal.clock import Clock", "net/x.py", "net may not import umeter.hal.clock"),
        (
            "import dataclasses",
            "net/x.py",
            "net imports dataclasses, which the ESP32 does not have",
        ),
        ("from umeter.app import run", "hal/x.py", "hal may not import umeter.app"),
        ("import ssd1306", "hal/x.py", "hal imports ssd1306, which the ESP32 does not have"),
    ],
)
def test_a_wrong_arrow_is_seen(source, path, fault):
    assert fault in list(arrow_faults(source, PACKAGE / path))


@pytest.mark.parametrize("source", ["x = 1.5", "x = 3 / 2", "x /= 2", "x = float('1')", "x = 1e3"])
def test_a_float_is_seen(source):
    assert list(float_faults(source))


def test_files_stay_small():
    long = [
        (str(path.relative_to(REPOSITORY)), lines)
        for folder in ("firmware", "tools", "host_tests")
        for path in (REPOSITORY / folder).rglob("*.[pm][yj]*")
        if path.suffix in (".py", ".mjs") and "egg-info" not in str(path)
        if (lines := len(path.read_text().splitlines())) > 320
    ]
    assert long == []


def test_product_code_never_imports_a_fake():
    fakes = {"umeter_sim", "host_tests", "world", "site", "control"}
    for path in SOURCES:
        names = {name.split(".")[0] for name in imports(ast.parse(path.read_text()))}
        assert not names & fakes, path
