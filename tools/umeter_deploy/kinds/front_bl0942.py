"""BL0942 chips on a UART."""

from fractions import Fraction
from typing import Any

from umeter_deploy import analog
from umeter_deploy.board_kit import Kit, number, one_of, table

BUSES = ("uart",)
KEYS = ("frontend", "bus", "address", *analog.KEYS)
OPTIONAL = (*analog.OPTIONAL, "mains_hz", "max_w", "button", "volts_behind_contact")

# BL0942 data sheet V1.06.
_REFERENCE_V = Fraction(1218, 1000)
_PER_MV = (Fraction(305_978), Fraction(73_989), Fraction(3_537))
_CREEP = Fraction(256, 3125)
_COUNT = Fraction(16_384, 10) * 256  # of WATT x s
_FULL_SCALE_V = Fraction(42, 1414)  # 42 mV peak
# Energy counts on, its sum does not mind the direction, nothing is cleared by reading; RMS values
# of 800 ms. The lowest two bits are reserved.
_MODE = 0x8F
_MODE_60_HZ = 0x20


def check(kit: Kit, path: str, channel: dict[str, Any]) -> None:
    table(path, channel, KEYS, OPTIONAL)
    number(path + ".address", channel["address"], 0, 3)
    kit.claim(path + ".address", "BL0942", channel["address"], "of bus", channel["bus"])
    name = channel["bus"]
    baud = kit.document["buses"][name].get("baud", 9600)
    one_of("buses.%s.baud" % name, baud, (9600, 4800))
    one_of(path + ".mains_hz", channel.get("mains_hz", 50), (50, 60))
    analog.check(path, channel)
    analog.check_largest(path, channel, _FULL_SCALE_V)
    _numbers(path, channel)


def derived(channel: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    return _numbers("channels", channel)


def _numbers(path: str, channel: dict[str, Any]) -> dict[str, Any]:
    return {
        "mode": _MODE | (_MODE_60_HZ if channel.get("mains_hz") == 60 else 0),
        "max_w": channel.get("max_w", analog.largest_w(_FULL_SCALE_V, channel)),
        **analog.belling(path, channel, _REFERENCE_V, _PER_MV, _CREEP, _COUNT),
    }
