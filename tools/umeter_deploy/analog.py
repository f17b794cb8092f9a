"""What stands between the mains and a metering chip, and the numbers a board is given of it.

A channel says `shunt_uohm`, or `ct_ratio` with `burden_mohm`, and `divider_ohm`: [above, below].
All arithmetic is exact; the firmware only multiplies small ints.
"""

from fractions import Fraction
from typing import Any

from umeter_deploy.board_kit import number, refuse

KEYS = ("divider_ohm",)
OPTIONAL = ("shunt_uohm", "ct_ratio", "burden_mohm", "counts_per_kwh")

UNITS_PER_KWH = 36_000_000_000  # 0.1 W x ms
MAINS_V = 250
_CORE_W = 25_000
_RATIO_END = Fraction(31)
_SMALL_END = 1 << 30


def check(path: str, channel: dict[str, Any]) -> None:
    """Judge the keys of this file."""
    if "shunt_uohm" in channel:
        number(path + ".shunt_uohm", channel["shunt_uohm"], 50, 100_000)
        for key in ("ct_ratio", "burden_mohm"):
            if key in channel:
                raise ValueError(
                    "board.json: %s has both shunt_uohm and %s; give shunt_uohm, or ct_ratio and "
                    "burden_mohm" % (path, key)
                )
    else:
        for key, low, high in (("ct_ratio", 10, 10_000), ("burden_mohm", 100, 1_000_000)):
            number(path + "." + key, channel.get(key), low, high)
    divider = channel["divider_ohm"]
    if not isinstance(divider, list) or len(divider) != 2:
        refuse(path + ".divider_ohm", divider, "[ohms above, ohms below]")
    number(path + ".divider_ohm[0]", divider[0], 1_000, 10_000_000)
    number(path + ".divider_ohm[1]", divider[1], 10, 1_000_000)
    if "counts_per_kwh" in channel:
        number(path + ".counts_per_kwh", channel["counts_per_kwh"], 34, 36_000_000)


def volt_per_ampere(channel: dict[str, Any]) -> Fraction:
    """V at the chip's current input for 1 A of the load."""
    if "shunt_uohm" in channel:
        return Fraction(channel["shunt_uohm"], 1_000_000)
    return Fraction(channel["burden_mohm"], 1_000 * channel["ct_ratio"])


def volt_per_volt(channel: dict[str, Any]) -> Fraction:
    """V at the chip's voltage input for 1 V of the mains."""
    above, below = channel["divider_ohm"]
    return Fraction(below, above + below)


def ratio(path: str, factor: Fraction) -> list[int]:
    """[k, s] with k / 2**(12 + s) next to `factor`, k of 17 bits: what belling.times() takes."""
    if not 0 < factor <= _RATIO_END:
        raise ValueError(
            "board.json: %s: the chip's values would be too coarse with this shunt or divider; "
            "check their ohms" % path
        )
    shift = 12
    while round(factor * 2 ** (shift + 1)) < 1 << 17 and shift < 40:
        shift += 1
    return [round(factor * 2**shift), shift - 12]


def units(path: str, channel: dict[str, Any], energy: Fraction) -> int:
    """Energy of one count in 0.1 W x ms, from the datasheet's in W x s, unless the channel says
    how many counts a kWh has.
    """
    each = energy * 10_000
    if "counts_per_kwh" in channel:
        each = Fraction(UNITS_PER_KWH, channel["counts_per_kwh"])
    whole = round(each)
    if not 1_000 <= whole < _SMALL_END:
        raise ValueError(
            "board.json: %s: a count of the chip would be %.6f Wh, it must be 0.00003 to 29 Wh; "
            "check the ohms of shunt and divider" % (path, each / 36_000_000)
        )
    return whole


def largest_w(full_scale_v: Fraction, channel: dict[str, Any]) -> int:
    """What the chip can measure at most, in W, when its current input ends at `full_scale_v`."""
    return min(_CORE_W, int(full_scale_v / volt_per_ampere(channel) * MAINS_V))


def check_largest(path: str, channel: dict[str, Any], full_scale_v: Fraction) -> None:
    """Refuse a max_w that the chip cannot measure."""
    largest = largest_w(full_scale_v, channel)
    if channel.get("max_w", 100) > largest:
        refuse(path + ".max_w", channel["max_w"], "%d or less with this shunt" % largest)


def belling(
    path: str,
    channel: dict[str, Any],
    reference: Fraction,
    per_mv: tuple[Fraction, Fraction, Fraction],
    creep: Fraction,
    energy: Fraction,
) -> dict[str, Any]:
    """Numbers for frontend/belling.py. reference: Vref in V. per_mv: values of I_RMS, V_RMS and
    WATT at 1 mV and Vref = 1 V. creep: of the threshold register, for one of WATT. energy of a
    count: WATT x s.
    """
    mv_a = volt_per_ampere(channel) * 1000
    mv_v = volt_per_volt(channel) * 1000
    ampere = per_mv[0] * mv_a / reference
    volt = per_mv[1] * mv_v / reference
    watt = per_mv[2] * mv_a * mv_v / reference**2
    return {
        "units": units(path, channel, energy / watt),
        "current": ratio(path, 1000 / ampere),
        "voltage": ratio(path, 10 / volt),
        "power": ratio(path, 10 / watt),
        # More than this ends every load within the register anyway.
        "creep": ratio(path, min(creep * watt / 10, _RATIO_END)),
    }
