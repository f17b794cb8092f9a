"""S0 pulse outputs."""

from typing import Any

from umeter_deploy.board_kit import Kit, number, refuse, table

BUSES = ()
KEYS = ("frontend", "pin", "imp_per_kwh")
OPTIONAL = ("max_w", "button")


def check(kit: Kit, path: str, channel: dict[str, Any]) -> None:
    table(path, channel, KEYS, OPTIONAL)
    kit.pin(path + ".pin", channel["pin"], False)
    imp = channel["imp_per_kwh"]
    number(path + ".imp_per_kwh", imp, 100, 100_000)
    if 36_000_000_000 % imp:
        refuse(path + ".imp_per_kwh", imp, "a divisor of 36000000000")


def derived(channel: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    return {}
