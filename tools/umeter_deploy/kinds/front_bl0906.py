"""The BL0906 chip on a UART of its own: six current inputs."""

from fractions import Fraction
from typing import Any

from umeter_deploy import analog
from umeter_deploy.board_kit import Kit, number, one_of, table

BUSES = ("uart",)
KEYS = ("frontend", "bus", "input", *analog.KEYS)
OPTIONAL = (*analog.OPTIONAL, "max_w", "button")

# BL0906 application note V1.02: gains of 1, CFDIV as it is after a reset.
_REFERENCE_V = Fraction(1097, 1000)
_PER_MV = (Fraction(12_875), Fraction(13_162), Fraction(404_125, 10_000))
_CREEP = Fraction(1, 2)
_COUNT = Fraction(4_194_304 * 32_768, 1_000_000)  # of WATT x s
_FULL_SCALE_V = Fraction(700, 1414)  # 700 mV peak


def check(kit: Kit, path: str, channel: dict[str, Any]) -> None:
    table(path, channel, KEYS, OPTIONAL)
    number(path + ".input", channel["input"], 1, 6)
    name = channel["bus"]
    kit.claim(path + ".input", "input", channel["input"], "of bus", name)
    one_of("buses.%s.baud" % name, kit.document["buses"][name].get("baud", 9600), (19_200,))
    analog.check(path, channel)
    analog.check_largest(path, channel, _FULL_SCALE_V)
    _numbers(path, channel)


def derived(channel: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    return _numbers("channels", channel)


def _numbers(path: str, channel: dict[str, Any]) -> dict[str, Any]:
    return {
        "max_w": channel.get("max_w", analog.largest_w(_FULL_SCALE_V, channel)),
        **analog.belling(path, channel, _REFERENCE_V, _PER_MV, _CREEP, _COUNT),
    }
