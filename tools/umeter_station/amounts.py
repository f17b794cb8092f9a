"""Money as people write it, to and from micro-units (1e-6 of the currency), exactly."""

import re

from umeter_station.errors import StationError

MICRO = 1_000_000
MAX_AMOUNT_U = 1_000_000 * MICRO
_DECIMAL = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,6}))?", re.ASCII)


def parse_decimal_u(text: str) -> int:
    """Plain decimal text such as "12.5" in micro-units; at most six decimals, never rounded."""
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise StationError(
            f"{text!r} is not an amount; write digits with at most six decimals, as 12.50."
        )
    whole, decimals = match.groups()
    return int(whole) * MICRO + int((decimals or "").ljust(6, "0"))


def parse_amount_u(text: str) -> int:
    """An amount to sell: more than nothing, at most a million of the currency."""
    return check_amount_u(parse_decimal_u(text))


def check_amount_u(amount_u: int) -> int:
    if type(amount_u) is not int or not 0 < amount_u <= MAX_AMOUNT_U:
        raise StationError(
            f"{amount_u} micro-units cannot be sold; sell between 0.000001 and 1000000."
        )
    return amount_u


def format_u(amount_u: int) -> str:
    """Micro-units as decimal text with at least two decimals: 12500000 -> "12.50"."""
    sign = "-" if amount_u < 0 else ""
    whole, micro = divmod(abs(amount_u), MICRO)
    decimals = f"{micro:06d}".rstrip("0").ljust(2, "0")
    return f"{sign}{whole}.{decimals}"
