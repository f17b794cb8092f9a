"""Amounts and numbers as keypads send them, and as a voice reads them back: figure by figure, in
groups of four, so that any speech engine in any language says them one at a time.
"""

import re

from umeter_station.amounts import format_u, parse_decimal_u
from umeter_station.errors import StationError

_TYPED = re.compile(r"[0-9]{1,9}(?:[*.,][0-9]{1,6})?", re.ASCII)
_GROUP = 4


def parse_typed_u(text: str) -> int:
    """A keypad has no point: `12*50` is 12.50; a point or a comma do as well."""
    text = text.strip().rstrip("#")
    if _TYPED.fullmatch(text) is None:
        raise StationError("That is no amount; type it as 12 or 12*50.")
    return parse_decimal_u(text.replace("*", ".").replace(",", "."))


def amount(amount_u: int, currency: str) -> str:
    """12500000 -> "12 point 5 0 E U R"; the whole part stays a number, which voices can read."""
    whole, _, part = format_u(abs(amount_u)).partition(".")
    sign = "minus " if amount_u < 0 else ""
    return f"{sign}{whole} point {' '.join(part)} {' '.join(currency)}"


def groups(text: str) -> str:
    """RF18000000012 -> "R F 1 8, 0 0 0 0, ..."."""
    plain = "".join(char for char in text if char.isalnum()).upper()
    parts = [plain[at : at + _GROUP] for at in range(0, len(plain), _GROUP)]
    return ", ".join(" ".join(part) for part in parts)
