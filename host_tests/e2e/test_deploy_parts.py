"""Which modules a board is given: all that it can import, and no more than that."""

import ast
import json

import pytest

from umeter_deploy import parts
from umeter_sim.build import build_firmware
from umeter_sim.paths import BOARDS, FIRMWARE

SITE = {
    "meter": "m1",
    "key": "11" * 32,
    "wifi": [{"ssid": "x"}],
    "broker": {"host": "127.0.0.1", "port": 1883},
    "plain_tcp": True,
}
SIM8 = json.loads((BOARDS / "sim8" / "board.json").read_text())
S0 = {
    "name": "one",
    "mcu": "esp32",
    "relays": {"type": "gpio", "pins": [16], "active": "high"},
    "channels": [{"frontend": "s0", "pin": 14, "imp_per_kwh": 1000, "button": 27}],
}


def source_of(path):
    return (FIRMWARE / path).with_suffix(".py")


def test_what_a_board_does_not_have_it_is_not_given():
    sim8 = set(parts.needed(SIM8, SITE))
    assert "umeter/frontend/pzem.mpy" in sim8
    for missing in (
        "frontend/s0",
        "hal/hand",
        "hal/inputs",
        "hal/relay_i2c",
        "net/tls",
        "net/ntp",
    ):
        assert f"umeter/{missing}.mpy" not in sim8
    one = set(parts.needed(S0, SITE))
    assert {"umeter/frontend/s0.mpy", "umeter/hal/inputs.mpy"} <= one
    assert "umeter/frontend/pzem.mpy" not in one


def test_a_site_with_tls_brings_what_that_takes():
    site = {**SITE, "plain_tcp": False, "ca": "ca.pem", "broker": {"host": "broker.example"}}
    added = set(parts.needed(SIM8, site)) - set(parts.needed(SIM8, SITE))
    assert added == {"umeter/net/tls.mpy", "umeter/net/ntp.mpy"}


def test_a_checked_file_needs_the_same():
    from umeter_deploy import files

    board, site = json.loads(files.board_text(S0)), json.loads(files.site_text(SITE, 0))
    assert parts.needed(board, site) == parts.needed(S0, SITE)


def test_a_wrong_file_is_refused():
    with pytest.raises(ValueError, match="channels"):
        parts.needed({**S0, "channels": []}, SITE)


# hal/board.py imports these for buses that neither board has.
FOR_OTHER_BUSES = {"umeter.hal.rs485", "umeter.hal.spi"}


@pytest.mark.parametrize("board", [SIM8, S0], ids=["sim8", "s0"])
def test_every_import_leads_to_a_file_that_is_there(board):
    needed = set(parts.needed(board, SITE))
    assert needed <= build_firmware().sizes.keys()
    for path in needed:
        for name in set(static_imports(source_of(path))) - FOR_OTHER_BUSES:
            module = name.replace(".", "/")
            there = {f"{module}.mpy", f"{module}/__init__.mpy"}
            empty = (FIRMWARE / module).is_dir()
            assert there & needed or empty, f"{path} imports {name}"


def static_imports(path):
    """Modules of the firmware in import statements, read in another way than parts does."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("umeter"))
        elif isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "umeter":
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                is_module = (FIRMWARE / name.replace(".", "/")).with_suffix(".py").exists()
                yield name if is_module else node.module


def test_what_is_imported_by_name_is_there():
    text = "".join(path.read_text() for path in sorted(FIRMWARE.rglob("*.py")))
    needed = parts.needed(SIM8, SITE)
    for module in ("core/turn", "core/restore", "net/answer", "net/order_money", "settings_check"):
        assert f'"{module.replace("/", ".")}"' in text or "order_" in module
        assert f"umeter/{module}.mpy" in needed
    orders = {path.stem for path in (FIRMWARE / "umeter" / "net").glob("order_*.py")}
    assert {f"umeter/net/{name}.mpy" for name in orders} <= set(needed)
