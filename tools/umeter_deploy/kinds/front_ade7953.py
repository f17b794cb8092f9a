"""ADE7953 chips on I2C (one a bus) or SPI: inputs a and b behind one voltage.

At the full scale of an input (0.5 V peak over its amplification) RMS registers read 9 032 007,
active power 4 862 401, and energy counts 206 900 a second (ADE7953 data sheet, rev. B). What that
is in volts and amperes follows from what stands before the inputs: `divider_ohm`, the upper and
the lower part of the voltage divider, and `shunt_uohm`, or `ct_turns` with `burden_mohm`.
"""

from fractions import Fraction
from typing import Any

from umeter_deploy.board_kit import Kit, flag, number, one_of, refuse, table
from umeter_deploy.kinds.front_atm90e32 import chip_pin

BUSES = ("i2c", "spi")
KEYS = ("frontend", "bus", "input", "divider_ohm")
OPTIONAL = (
    "max_w",
    "button",
    "volts_behind_contact",
    "cs",
    "shunt_uohm",
    "ct_turns",
    "burden_mohm",
    "pga",
    "pga_v",
)
CHIP = {"divider_ohm": None, "pga_v": 1}
_PGA = {1: 0, 2: 1, 4: 2, 8: 3, 16: 4, 22: 5}
_FULL_V = Fraction(500_000, 1_414_214)  # RMS
_FULL_RMS = 9_032_007
_FULL_WATT = 4_862_401
_FULL_COUNTS = 206_900  # a second
_START_W = 2  # below it an input does not count: half of what 20 mA are at 230 V


def check(kit: Kit, path: str, channel: dict[str, Any]) -> None:
    table(path, channel, KEYS, OPTIONAL)
    one_of(path + ".input", channel["input"], ("a", "b"))
    bus = kit.document["buses"][channel["bus"]]
    if bus["type"] == "spi":
        if "cs" not in channel:
            refuse(path + ".cs", None, "the GPIO that selects the chip")
        if bus.get("polarity", 0) or bus.get("phase", 0):
            raise ValueError(
                "board.json: buses.%s must have polarity 0 and phase 0 for ADE7953 chips"
                % channel["bus"]
            )
        number("buses.%s.hertz" % channel["bus"], bus.get("hertz", 1_000_000), 100_000, 2_000_000)
        chip_pin(kit, path, channel, CHIP)
    elif "cs" in channel:
        refuse(path + ".cs", channel["cs"], "left out: there is no select pin on I2C")
    kit.claim(
        path + ".input", "input", channel["input"], "of", channel["bus"], channel.get("cs", "")
    )
    divider = channel["divider_ohm"]
    if not isinstance(divider, list) or len(divider) != 2:
        refuse(path + ".divider_ohm", divider, "[upper part, lower part]")
    number(path + ".divider_ohm[0]", divider[0], 1000, 10_000_000)
    number(path + ".divider_ohm[1]", divider[1], 10, 100_000)
    if "shunt_uohm" in channel:
        number(path + ".shunt_uohm", channel["shunt_uohm"], 100, 100_000)
        for key in ("ct_turns", "burden_mohm"):
            if key in channel:
                refuse(path + "." + key, channel[key], "left out where there is a shunt_uohm")
    else:
        number(path + ".ct_turns", channel.get("ct_turns"), 100, 10_000)
        number(path + ".burden_mohm", channel.get("burden_mohm"), 100, 1_000_000)
    one_of(path + ".pga", channel.get("pga", 1), tuple(_PGA) if channel["input"] == "a" else _B)
    one_of(path + ".pga_v", channel.get("pga_v", 1), _B)
    flag(path, channel, "volts_behind_contact")
    volts, amperes = _full(channel)
    if not 1 <= amperes <= 140 or not 100 <= volts <= 1000 or volts * amperes > 100_000:
        raise ValueError(
            "board.json: %s is at full scale at %d V and %d A,"
            " it must be 100 to 1000 V and 1 to 140 A" % (path, volts, amperes)
        )


_B = tuple(_PGA)[:5]  # only current A can be amplified 22 times


def _full(channel: dict[str, Any]) -> tuple[Fraction, Fraction]:
    """Mains volts and amperes, RMS, at the full scale of the inputs."""
    upper, lower = channel["divider_ohm"]
    volts = _FULL_V / channel.get("pga_v", 1) * (upper + lower) / lower
    at_pin = _FULL_V / channel.get("pga", 1)
    if "shunt_uohm" in channel:
        return volts, at_pin * 1_000_000 / channel["shunt_uohm"]
    return volts, at_pin * 1000 * channel["ct_turns"] / channel["burden_mohm"]


def derived(channel: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """units: energy of 64 chip counts, 0.1 W x ms. watt, amp, volt: 0.1 W, mA and 0.1 V of one in
    the register, times 2**20, 2**24 and 2**24. b: 1 for input b. no_load (the chip's, for that
    input which sees more), pga, pga_v: registers. lap_ms: the shortest time in which the chip's 24
    bits of energy come round.
    """
    volts, amperes = _full(channel)
    most = max(
        _full(other)[1]
        for other in document["channels"]
        if other["frontend"] == channel["frontend"]
        and (other["bus"], other.get("cs")) == (channel["bus"], channel.get("cs"))
    )
    full_dw = volts * amperes * 10
    units = full_dw * 1000 * 64 / _FULL_COUNTS
    power_dw = channel.get("max_w", 25_000) * 10
    return {
        "units": round(units),
        "watt": round(full_dw * 2**20 / _FULL_WATT),
        "amp": round(amperes * 1000 * 2**24 / _FULL_RMS),
        "volt": round(volts * 10 * 2**24 / _FULL_RMS),
        # 65 536 - Y / 1.4, Y: full scale over the threshold
        "no_load": max(0, 65_536 - round(volts * most / _START_W * 5 / 7)),
        "b": int(channel["input"] == "b"),
        "pga": _PGA[channel.get("pga", 1)],
        "pga_v": _PGA[channel.get("pga_v", 1)],
        "lap_ms": int(2**18 * units / power_dw),
    }
