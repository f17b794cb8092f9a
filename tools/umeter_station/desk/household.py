"""What a household would pay by a tariff: for so many kWh a month, used as a profile says."""

from dataclasses import dataclass
from typing import Any

from umeter_station.desk import charges, pricing, terms
from umeter_station.desk.charges import Charges
from umeter_station.desk.pricing import Part
from umeter_station.errors import StationError

_DAYS = 30
_MOST_KWH = 100_000


@dataclass(frozen=True)
class Household:
    """A month of 30 days. `pays_u` is what buys that much credit, with the fee of one payment."""

    kwh: int
    profile: str
    parts: tuple[Part, ...]
    energy_u: int
    standing_u: int
    fee_u: int
    tax_u: int
    pays_u: int


def preview(
    document: dict[str, Any], kwh: int, profile: str, cost: Charges, now_s: int
) -> Household:
    """`document`: of a tariff (tariffs.py); its own tariff object, or its flat price."""
    if type(kwh) is not int or not 0 <= kwh <= _MOST_KWH:
        raise StationError(f"A household uses 0 to {_MOST_KWH} kWh a month.")
    if profile not in pricing.PROFILES:
        raise StationError(f"The profiles are {', '.join(pricing.PROFILES)}, not {profile!r}.")
    # Of channel 0, which no meter has: only what all have is there.
    found = terms.parse(document, 0, now_s)
    if found.tariff is None:
        raise StationError("That document has no price; it needs tariff or price_u_per_kwh.")
    hours = pricing.PROFILES[profile]
    shares = pricing.rate_shares(found.tariff, terms.mmdd(now_s), found.weekend_days, hours)
    parts = pricing.costs(kwh * 1000, found.tariff, shares)
    energy_u = sum(part.amount_u for part in parts)
    standing_u = found.standing_u_per_day * _DAYS
    pays_u = _gross_u(energy_u + standing_u, cost)
    fee_u, tax_u, _ = charges.split(pays_u, cost)
    return Household(kwh, profile, tuple(parts), energy_u, standing_u, fee_u, tax_u, pays_u)


def _gross_u(credit_u: int, cost: Charges) -> int:
    """The least payment of which so much becomes credit."""
    low, high = credit_u, 2 * credit_u + cost.fee_u + 1
    while charges.split(high, cost)[2] < credit_u:
        high *= 2
    while low < high:
        middle = (low + high) // 2
        if charges.split(middle, cost)[2] >= credit_u:
            high = middle
        else:
            low = middle + 1
    return low
