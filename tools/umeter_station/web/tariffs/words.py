"""A tariff's document as people read it: prices by step and rate, the hours of the rates, and what
else it sets."""

from dataclasses import dataclass
from typing import Any

_MONEY = (
    *("debt3_cap_u", "max_topup_u", "max_balance_u", "emergency_u", "emergency_at_u"),
    *("disable_at_u", "low_credit_u", "low_credit_2_u", "pretrip_u", "reclose_at_u"),
    *("hysteresis_u", "allowance_u"),
)
_PRICES = ("tariff", "next_tariff", "price_u_per_kwh")
_DAY_MINUTES = 1440


@dataclass(frozen=True)
class Step:
    """Up to so many kWh a month (None: without end), and the price of a kWh by rate."""

    up_to_kwh: int | None
    prices_u: tuple[int, ...]


@dataclass(frozen=True)
class Span:
    """From when until when in a day, as 07:00, a rate holds (1 is the first)."""

    begins: str
    ends: str
    rate: int


@dataclass(frozen=True)
class Day:
    """`begins`: of its season, as (month, day), None if the year is one; `kind`: all, working,
    weekend or special days."""

    begins: tuple[int, int] | None
    kind: str
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Words:
    """`others`: (key, what kind of value it is: money or plain, value)."""

    steps: tuple[Step, ...]
    days: tuple[Day, ...]
    standing_u_per_day: int
    unit: str
    others: tuple[tuple[str, str, Any], ...]


def of(document: dict[str, Any]) -> Words:
    """`document`: one that tariffs.check() takes."""
    tariff = document.get("tariff") or {}
    prices = tariff.get("prices")
    if not prices and document.get("price_u_per_kwh") is not None:
        prices = [[document["price_u_per_kwh"]]]
    ends = [*tariff.get("blocks_kwh", ()), None]
    others = [
        (key, "money" if key in _MONEY else "plain", value)
        for key, value in document.items()
        if key not in (*_PRICES, "unit")
    ]
    return Words(
        tuple(Step(end, tuple(row)) for end, row in zip(ends, prices or (), strict=False)),
        tuple(_days(tariff)),
        tariff.get("standing_u_per_day", 0),
        document.get("unit", "money"),
        tuple(others),
    )


def _days(tariff: dict[str, Any]) -> list[Day]:
    found = []
    seasons = tariff.get("seasons") or [None]
    for begins, kinds in zip(seasons, tariff.get("tables") or (), strict=False):
        names = ("all",) if len(kinds) == 1 else ("working", "weekend", "special")
        for name, table in zip(names, kinds, strict=False):
            season = None if begins is None else (begins // 100, begins % 100)
            found.append(Day(season, name, _spans(table)))
    return found


def _spans(table: list[list[int]]) -> tuple[Span, ...]:
    ends = [start for start, _ in table[1:]] + [2400]
    return tuple(
        Span(_clock(start), _clock(end), rate)
        for (start, rate), end in zip(table, ends, strict=True)
    )


def _clock(hhmm: int) -> str:
    return f"{hhmm // 100:02}:{hhmm % 100:02}"
