"""Relays of every kind on the interpreter of the board."""

import json
from pathlib import Path

from umeter_deploy.board_check import kind
from umeter_sim.build import build_firmware
from umeter_sim.upy import run_script

SCRIPT = Path(__file__).parent / "scripts" / "relays_heap.py"
BITS = [0, 1, 2, 3]
RELAYS = {
    "tca9554": {"type": "i2c", "bus": "i", "active": "high", "chips": [{"address": 0x20}]},
    "mcp23017": {"type": "i2c", "bus": "i", "active": "low", "chips": [{"address": 0x20}]},
    "shift": {"type": "shift", "data": 7, "clock": 5, "latch": 6, "oe": 4, "active": "low"},
    "latching": {
        "type": "latching",
        "coils": 2,
        "active": "high",
        "pins": [[16, 17], [18, 19], [21, 22], [23, 25]],
    },
    "modbus": {"type": "modbus", "bus": "r", "address": 1, "coils": BITS},
}


def test_relays_need_no_heap_there():
    given = {}
    for name, relays in RELAYS.items():
        if relays["type"] == "i2c":
            relays = {**relays, "chips": [{"chip": name, "address": 0x20, "bits": BITS}]}
        elif relays["type"] == "shift":
            relays = {**relays, "bits": BITS}
        given[name] = {**relays, **kind("relay_" + relays["type"]).derived(relays)}
    told = run_script(SCRIPT, arg=json.dumps(given), paths=[build_firmware().folder])
    assert json.loads(told) == dict.fromkeys(RELAYS, True)
