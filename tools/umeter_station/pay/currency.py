"""Currencies: how a provider counts money (minor units), to and from micro-units, exactly."""

import re

from umeter_station.amounts import format_u
from umeter_station.errors import StationError

_CODE = re.compile(r"[A-Z]{3}", re.ASCII)
# ISO 4217: decimals of the minor unit, where they are not two.
_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_MICRO_DECIMALS = 6


def check_currency(code: str) -> str:
    if _CODE.fullmatch(code) is None:
        raise StationError(f"{code!r} is not a currency; write its three letters, as EUR.")
    return code


def decimals(code: str) -> int:
    check_currency(code)
    return 0 if code in _NONE else 3 if code in _THREE else 2


def to_minor(amount_u: int, code: str, places: int | None = None) -> int:
    """Refuses what the minor unit cannot express. `places`: decimals, if a provider has its own
    mind about them."""
    places = decimals(code) if places is None else places
    minor, rest = divmod(amount_u, 10 ** (_MICRO_DECIMALS - places))
    if rest:
        raise StationError(
            f"{format_u(amount_u)} {code} has a fraction that nobody can pay; use at most"
            f" {places} decimals."
        )
    return minor


def from_minor(minor: int, code: str, places: int | None = None) -> int:
    if type(minor) is not int:
        raise StationError(f"{minor!r} is not a whole number of minor units.")
    places = decimals(code) if places is None else places
    return minor * 10 ** (_MICRO_DECIMALS - places)
