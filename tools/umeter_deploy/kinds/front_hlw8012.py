"""HLW8012 and BL0937: pulses of pin CF. What they do with SEL and CF1 is left to the wiring."""

from fractions import Fraction
from typing import Any

from umeter_deploy import analog
from umeter_deploy.board_kit import Kit, one_of, table

BUSES = ()
KEYS = ("frontend", "chip", "pin", *analog.KEYS)
OPTIONAL = (*analog.OPTIONAL, "max_w", "button")

# Reference in V, and W x s of a pulse for 1 V squared at the inputs and Vref = 1 V.
CHIPS = {
    "hlw8012": (Fraction(243, 100), Fraction(128, 48 * 3_579_000)),
    "bl0937": (Fraction(1218, 1000), Fraction(1, 1_721_506)),
}
_FULL_SCALE_V = {"hlw8012": Fraction(437, 14140), "bl0937": Fraction(50, 1414)}  # 43.7, 50 mV peak


def check(kit: Kit, path: str, channel: dict[str, Any]) -> None:
    table(path, channel, KEYS, OPTIONAL)
    one_of(path + ".chip", channel["chip"], tuple(CHIPS))
    kit.pin(path + ".pin", channel["pin"], False)
    analog.check(path, channel)
    analog.check_largest(path, channel, _FULL_SCALE_V[channel["chip"]])
    _numbers(path, channel)


def derived(channel: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    return _numbers("channels", channel)


def _numbers(path: str, channel: dict[str, Any]) -> dict[str, Any]:
    reference, pulse = CHIPS[channel["chip"]]
    volts = analog.volt_per_ampere(channel) * analog.volt_per_volt(channel)
    full_scale = _FULL_SCALE_V[channel["chip"]]
    return {
        "units": analog.units(path, channel, pulse * reference**2 / volts),
        "max_w": channel.get("max_w", analog.largest_w(full_scale, channel)),
    }
