"""What energy costs, worked out as a meter does it: rates by the hour, blocks by the month.

Pure: a tariff is the meter's own object (`prices` by block and rate, `blocks_kwh`, `tables`,
`seasons`, `standing_u_per_day`, `fallback`), all numbers are integers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

FLAT = (1,) * 24
# Use by hour of the day, in parts: how a household is, and two that live by day or by night.
PROFILES = {
    "flat": FLAT,
    "household": (2, 2, 1, 1, 1, 2, 4, 6, 5, 4, 4, 4, 5, 5, 4, 4, 5, 7, 9, 9, 8, 7, 5, 3),
    "day": (0, 0, 0, 0, 0, 0, 1, 3, 6, 8, 8, 8, 8, 8, 8, 8, 7, 5, 2, 1, 0, 0, 0, 0),
    "night": (8, 8, 8, 8, 8, 8, 5, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 3, 3, 4, 8, 8),
}
_WH_PER_KWH = 1000
_MOST_WH = 10**12


@dataclass(frozen=True)
class Part:
    """So much energy of one block (from 1) at one rate (from 1)."""

    block: int
    rate: int
    price_u_per_kwh: int
    wh: int
    amount_u: int


def rate_shares(
    tariff: dict[str, Any],
    mmdd: int = 101,
    weekend_days: int = 2,
    profile: Sequence[int] = FLAT,
) -> list[int]:
    """By rate: its part of a week's use, for a profile of 24 hours, in the season of a date."""
    rates = len(tariff["prices"][0])
    shares = [0] * rates
    tables = tariff.get("tables")
    if not tables:
        shares[tariff.get("fallback", 1) - 1] = 1
        return shares
    season = sum(start <= mmdd for start in tariff.get("seasons", ())) - 1
    kinds = tables[season]
    for kind, days in ((0, 7 - weekend_days), (1, weekend_days)):
        table = kinds[min(kind, len(kinds) - 1)]
        starts = [(hhmm // 100 * 60 + hhmm % 100, rate) for hhmm, rate in table]
        ends = [minute for minute, _ in starts[1:]] + [1440]
        for (start, rate), end in zip(starts, ends, strict=True):
            shares[rate - 1] += days * _weight(profile, start, end)
    # A profile without use in any hour of the table is taken as use in every hour.
    return shares if any(shares) else rate_shares(tariff, mmdd, weekend_days)


def _weight(profile: Sequence[int], start: int, end: int) -> int:
    """Parts of use between two minutes of a day."""
    return sum(
        profile[hour] * max(0, min(end, hour * 60 + 60) - max(start, hour * 60))
        for hour in range(24)
    )


def buys(money_u: int, tariff: dict[str, Any], shares: Sequence[int], used_wh: int) -> list[Part]:
    """What an amount of money buys, after `used_wh` of this month; never more than it pays for."""
    found: list[Part] = []
    for block, left_wh in _blocks(tariff, used_wh):
        wh = _affordable_wh(money_u, tariff["prices"][block], shares)
        wh = min(wh, left_wh)
        parts = _split(wh, tariff, block, shares)
        while sum(part.amount_u for part in parts) > money_u:
            wh -= 1
            parts = _split(wh, tariff, block, shares)
        found += parts
        money_u -= sum(part.amount_u for part in parts)
        if wh < left_wh:
            break
    return found


def costs(wh: int, tariff: dict[str, Any], shares: Sequence[int], used_wh: int = 0) -> list[Part]:
    """What so much energy of one month costs."""
    found: list[Part] = []
    for block, left_wh in _blocks(tariff, used_wh):
        found += _split(min(wh, left_wh), tariff, block, shares)
        wh -= min(wh, left_wh)
        if not wh:
            break
    return found


def _blocks(tariff: dict[str, Any], used_wh: int) -> list[tuple[int, int]]:
    """(block from 0, what is left of it) from the one in force on."""
    found = []
    for block, kwh in enumerate(tariff.get("blocks_kwh", ())):
        end_wh = kwh * _WH_PER_KWH
        if used_wh < end_wh:
            found.append((block, end_wh - used_wh))
            used_wh = end_wh
    return [*found, (len(tariff["prices"]) - 1, _MOST_WH)]


def _affordable_wh(money_u: int, prices: Sequence[int], shares: Sequence[int]) -> int:
    price = sum(share * price for share, price in zip(shares, prices, strict=True))
    return money_u * _WH_PER_KWH * sum(shares) // price if price else _MOST_WH


def _split(wh: int, tariff: dict[str, Any], block: int, shares: Sequence[int]) -> list[Part]:
    """Energy of one block by the shares of the rates; its Wh add up."""
    total = sum(shares)
    split = [wh * share // total for share in shares]
    split[max(range(len(shares)), key=lambda rate: shares[rate])] += wh - sum(split)
    prices = tariff["prices"][block]
    return [
        Part(block + 1, rate + 1, prices[rate], part_wh, part_wh * prices[rate] // _WH_PER_KWH)
        for rate, part_wh in enumerate(split)
        if part_wh
    ]
