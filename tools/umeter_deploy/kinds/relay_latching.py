"""Latching relays, each with two GPIOs: {"type": "latching", "coils": 2, "pins": [[16, 17]],
"active": "high", "pulse_ms": 100, "gap_ms": 200}. The first pin of a pair closes the contact.

coils: 2 for relays with a set and a reset coil; 1 for one coil behind an H-bridge, the pins being
its forward and backward inputs. `pulse_ms`: at least twice the relay's shortest pulse (data
sheets: 30 to 50 ms); it is rounded up to the meter's tick of 100 ms. Wire nothing else in parallel
to a coil: while the processor hangs, the pulse lasts until the watchdog's reset.
"""

from typing import Any

from umeter_deploy.board_kit import LEVELS, Kit, listed, number, one_of, refuse, table

_NAMES = {1: ("forward", "backward"), 2: ("set", "reset")}


def check(kit: Kit, path: str, relays: dict[str, Any]) -> int:
    table(path, relays, ("type", "coils", "pins", "active"), ("pulse_ms", "gap_ms"))
    one_of(path + ".coils", relays["coils"], (1, 2))
    one_of(path + ".active", relays["active"], LEVELS)
    number(path + ".pulse_ms", relays.get("pulse_ms", 100), 20, 500)
    number(path + ".gap_ms", relays.get("gap_ms", 200), 0, 2000)
    listed(path + ".pins", relays["pins"], 8)
    for i, pair in enumerate(relays["pins"]):
        here = "%s.pins[%d]" % (path, i)
        names = _NAMES[relays["coils"]]
        if not isinstance(pair, list) or len(pair) != 2:
            refuse(here, pair, "a pair of GPIOs, [%s, %s]" % names)
        for name, gpio in zip(names, pair, strict=True):
            kit.pin(here + "." + name, gpio, True)
    return len(relays["pins"])


def derived(relays: dict[str, Any]) -> dict[str, Any]:
    return {}


def safe(relays: dict[str, Any], document: dict[str, Any]) -> list[list]:
    """First all coils off: a restart may have come in the middle of a pulse."""
    on = 1 if relays["active"] == "high" else 0
    times = [relays.get("pulse_ms", 100), relays.get("gap_ms", 200)]
    rest = [["pin", gpio, 1 - on] for pair in relays["pins"] for gpio in pair]
    return rest + [["pulse", opening, on, *times] for _, opening in relays["pins"]]
