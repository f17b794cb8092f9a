"""PZEM-004T v3 modules, PZEM-014 and -016."""

from typing import Any

from umeter_deploy.board_kit import Kit, flag, number, table

BUSES = ("uart",)
KEYS = ("frontend", "bus", "address")
OPTIONAL = ("max_w", "button", "volts_behind_contact")


def check(kit: Kit, path: str, channel: dict[str, Any]) -> None:
    table(path, channel, KEYS, OPTIONAL)
    number(path + ".address", channel["address"], 1, 0xF7)
    kit.claim(path + ".address", "module", channel["address"], "of bus", channel["bus"])
    flag(path, channel, "volts_behind_contact")


def derived(channel: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    return {}
