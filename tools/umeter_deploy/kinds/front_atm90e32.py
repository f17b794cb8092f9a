"""ATM90E32AS chips on SPI: up to three channels behind one select pin.

The defaults are those of CircuitSetup's boards with a 9 V transformer and 100 A current
transformers. `times` is what the chip's power and current are to be taken times, where current
transformers beyond its 65.535 A are calibrated to a half, a third or a quarter.
"""

from typing import Any

from umeter_deploy.board_kit import Kit, number, one_of, refuse, table

BUSES = ("spi",)
KEYS = ("frontend", "bus", "cs", "input")
OPTIONAL = (
    "max_w",
    "button",
    "volts_behind_contact",
    "u_gain",
    "i_gain",
    "pga",
    "line_hertz",
    "times",
)
CHIP = {"pga": 2, "line_hertz": 50, "times": 1}  # the same for all channels of a chip
_PGA = {1: 0x00, 2: 0x15, 4: 0x2A}
_UNITS_PER_COUNT = 112_500
_START_MW = 2000  # below it a phase does not count: half of what 20 mA are at 230 V


def check(kit: Kit, path: str, channel: dict[str, Any]) -> None:
    table(path, channel, KEYS, OPTIONAL)
    bus = kit.document["buses"][channel["bus"]]
    if (bus.get("polarity", 0), bus.get("phase", 0)) != (1, 1):
        raise ValueError(
            "board.json: buses.%s must have polarity 1 and phase 1 for ATM90E32 chips"
            % channel["bus"]
        )
    number("buses.%s.hertz" % channel["bus"], bus.get("hertz", 1_000_000), 100_000, 1_200_000)
    one_of(path + ".input", channel["input"], ("a", "b", "c"))
    number(path + ".u_gain", channel.get("u_gain", 7305), 1, 65_534)
    number(path + ".i_gain", channel.get("i_gain", 27_961), 1, 65_534)
    one_of(path + ".pga", channel.get("pga", 2), tuple(_PGA))
    one_of(path + ".line_hertz", channel.get("line_hertz", 50), (50, 60))
    number(path + ".times", channel.get("times", 1), 1, 4)
    chip_pin(kit, path, channel, CHIP)
    kit.claim(path + ".input", "input", channel["input"], "of the chip at GPIO", channel["cs"])


def chip_pin(kit: Kit, path: str, channel: dict[str, Any], chip: dict[str, Any]) -> None:
    """Take the select pin, for the first channel of a chip; the others must agree with it in what
    is the chip's.
    """
    for other in kit.document["channels"]:
        if other is channel:
            kit.pin(path + ".cs", channel["cs"], True)
            return
        if other.get("cs") == channel["cs"] and other.get("frontend") == channel["frontend"]:
            for key in ("bus", *chip):
                right = other.get(key, chip.get(key))
                if channel.get(key, chip.get(key)) != right:
                    refuse(path + "." + key, channel.get(key), "%r as on its chip" % (right,))
            return


def derived(channel: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """mmode0, mmode1, start: registers of the chip. lap_ms: the shortest time in which the chip's
    16 bits of energy come round.
    """
    times = channel.get("times", 1)
    power_dw = channel.get("max_w", 25_000) * 10
    return {
        "times": times,
        "u_gain": channel.get("u_gain", 7305),
        "i_gain": channel.get("i_gain", 27_961),
        "mmode0": 0x0087 | (0x1000 if channel.get("line_hertz", 50) == 60 else 0),
        "mmode1": _PGA[channel.get("pga", 2)],
        "start": _START_MW * 100 // 32 // times,
        "lap_ms": 65_536 * _UNITS_PER_COUNT * times // power_dw,
    }
