"""A Modbus-RTU relay board on a UART of its own: {"type": "modbus", "bus": "r", "address": 1,
"coils": [0, 1, 2, 3]}, 8N1. `coils` by relay, as the board's manual counts them from 0.

The relay board belongs to the meter alone: boot.py switches all its coils off up to the highest
that is used. It needs the functions 01 (read coils) and 05 (write single coil); without 0F (write
multiple coils) its contacts stay as they were until the meter runs, some seconds.
"""

from typing import Any

from umeter_deploy.board_kit import Kit, listed, number, refuse, table
from umeter_deploy.modbus import framed

_LAST_COIL = 15  # hal/relay_modbus.py has room for two bytes of them
_PLAIN = ("parity", "stop", "invert_tx")


def check(kit: Kit, path: str, relays: dict[str, Any]) -> int:
    table(path, relays, ("type", "bus", "address", "coils"))
    bus = kit.bus(path + ".bus", relays["bus"], "uart")
    for key in _PLAIN:
        if key in bus:
            here = "buses.%s.%s" % (relays["bus"], key)
            refuse(here, bus[key], "left out: relay boards are 8N1")
    number(path + ".address", relays["address"], 1, 0xF7)
    listed(path + ".coils", relays["coils"], 8)
    for i, coil in enumerate(relays["coils"]):
        number("%s.coils[%d]" % (path, i), coil, 0, _LAST_COIL)
        kit.claim("%s.coils[%d]" % (path, i), "coil", coil, "of the relay board")
    return len(relays["coils"])


def derived(relays: dict[str, Any]) -> dict[str, Any]:
    """frames: the coils by relay, their bits, the frame that switches all off, the one that reads
    them, the first three bytes of its answer as a number, and the frame that writes one coil, with
    nothing filled in.
    """
    address = relays["address"]
    count = max(relays["coils"]) + 1
    size = (count + 7) // 8
    all_off = framed(bytes((address, 0x0F, 0, 0, 0, count, size)) + bytes(size))
    ask = framed(bytes((address, 0x01, 0, 0, 0, count)))
    used = sum(1 << coil for coil in relays["coils"])
    head = address << 16 | 0x01 << 8 | size
    order = [address, 0x05, *bytes(6)]
    return {"frames": [relays["coils"], used, list(all_off), list(ask), head, order]}


def safe(relays: dict[str, Any], document: dict[str, Any]) -> list[list]:
    bus = document["buses"][relays["bus"]]
    all_off = bytes(derived(relays)["frames"][2])
    wires = [bus["id"], bus["tx"], bus["rx"], bus.get("baud", 9600), bus.get("de", -1)]
    return [["uart", *wires, all_off.hex()]]
