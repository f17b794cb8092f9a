"""Relays behind a chain of 74HC595 shift registers: {"type": "shift", "data": 7, "clock": 5,
"latch": 6, "oe": 4, "active": "high", "bits": [0, 1, 2, 3, 4, 5]}; `chips` (1) is how many there
are in the chain.

`bits` by relay: 0 is QA of the chip that the data line goes to, 7 its QH, 8 QA of the next chip.
`oe`: the GPIO at the chips' OE# pins, where it is wired. Without it the contacts are what the
chips wake up with, which is random, from power-up until boot.py has run.
"""

from typing import Any

from umeter_deploy.board_kit import LEVELS, Kit, listed, number, one_of, table


def check(kit: Kit, path: str, relays: dict[str, Any]) -> int:
    table(path, relays, ("type", "data", "clock", "latch", "active", "bits"), ("oe", "chips"))
    one_of(path + ".active", relays["active"], LEVELS)
    for key in ("data", "clock", "latch", "oe"):
        if key in relays:
            kit.pin(path + "." + key, relays[key], True)
    chips = relays.get("chips", 1)
    number(path + ".chips", chips, 1, 4)
    listed(path + ".bits", relays["bits"], 8)
    for i, bit in enumerate(relays["bits"]):
        number("%s.bits[%d]" % (path, i), bit, 0, chips * 8 - 1)
        kit.claim("%s.bits[%d]" % (path, i), "bit", bit, "of the chain")
    return len(relays["bits"])


def derived(relays: dict[str, Any]) -> dict[str, Any]:
    return {}


def safe(relays: dict[str, Any], document: dict[str, Any]) -> list[list]:
    level = "00" if relays["active"] == "high" else "ff"
    wires = [relays[key] for key in ("data", "clock", "latch")]
    steps: list[list] = [["shift", *wires, level * relays.get("chips", 1)]]
    if "oe" in relays:
        steps = [["pin", relays["oe"], 1], *steps, ["pin", relays["oe"], 0]]
    return steps
