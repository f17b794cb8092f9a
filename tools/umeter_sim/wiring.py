"""From board.json to what the simulated site is wired like."""

import json
from pathlib import Path
from typing import Any

DEFAULT_LOADS: tuple[str, ...] = (
    "household",
    "shop",
    "fridge",
    "heater",
    "kiosk",
    "office",
    "night",
    "workshop",
)


def wire(board_dir: Path) -> list[dict[str, Any]]:
    """One dict for each channel: relay pin and level, and the UART and address or the pin of its
    meter.
    """
    board = json.loads((board_dir / "board.json").read_text())
    relays = board["relays"]
    channels = []
    for pin, channel in zip(relays["pins"], board["channels"], strict=True):
        place = {"relay": pin, "active_high": relays["active"] == "high"}
        if channel["frontend"] == "pzem":
            place["uart"] = board["buses"][channel["bus"]]["id"]
            place["address"] = channel["address"]
            if channel.get("volts_behind_contact"):
                place["behind"] = True
        else:
            place["pin"] = channel["pin"]
            place["imp_per_kwh"] = channel["imp_per_kwh"]
        if "button" in channel:
            place["button"] = channel["button"]
        channels.append(place)
    return channels


def power_fail(board_dir: Path) -> dict[str, Any] | None:
    """The board's power-fail input, if it has one: {"pin", "active_high"}."""
    wired = json.loads((board_dir / "board.json").read_text()).get("power_fail")
    return wired and {"pin": wired["pin"], "active_high": wired["active"] == "high"}


def cover(board_dir: Path) -> dict[str, Any] | None:
    """The board's cover switch, if it has one: {"pin", "open_high"}."""
    wired = json.loads((board_dir / "board.json").read_text()).get("cover")
    return wired and {"pin": wired["gpio"], "open_high": not wired.get("active_low", False)}
