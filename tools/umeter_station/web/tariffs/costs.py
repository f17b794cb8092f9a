"""What households would pay by a tariff, before and after."""

from dataclasses import dataclass
from typing import Any

from umeter_station.desk import household
from umeter_station.desk.charges import Charges
from umeter_station.desk.household import Household
from umeter_station.desk.pricing import PROFILES
from umeter_station.errors import StationError


@dataclass(frozen=True)
class Compared:
    """`before` is None for a new tariff, or one without a price so far."""

    profile: str
    before: Household | None
    after: Household

    @property
    def more_u(self) -> int:
        return 0 if self.before is None else self.after.pays_u - self.before.pays_u


def compared(
    before: dict[str, Any] | None, after: dict[str, Any], kwh: int, cost: Charges, now_s: int
) -> list[Compared]:
    """For each way to live. Raises StationError if `after` has no price."""
    found = []
    for profile in PROFILES:
        new = household.preview(after, kwh, profile, cost, now_s)
        found.append(Compared(profile, _preview(before, kwh, profile, cost, now_s), new))
    return found


def _preview(
    document: dict[str, Any] | None, kwh: int, profile: str, cost: Charges, now_s: int
) -> Household | None:
    if document is None:
        return None
    try:
        return household.preview(document, kwh, profile, cost, now_s)
    except StationError:
        return None
