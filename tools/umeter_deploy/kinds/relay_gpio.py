"""One relay a pin."""

from typing import Any

from umeter_deploy.board_kit import LEVELS, Kit, listed, one_of, table


def check(kit: Kit, path: str, relays: dict[str, Any]) -> int:
    table(path, relays, ("type", "pins", "active"))
    one_of(path + ".active", relays["active"], LEVELS)
    listed(path + ".pins", relays["pins"], 8)
    for i, gpio in enumerate(relays["pins"]):
        kit.pin("%s.pins[%d]" % (path, i), gpio, True)
    return len(relays["pins"])


def derived(relays: dict[str, Any]) -> dict[str, Any]:
    return {}


def safe(relays: dict[str, Any], document: dict[str, Any]) -> list[list]:
    return [["pin", gpio, 0 if relays["active"] == "high" else 1] for gpio in relays["pins"]]
