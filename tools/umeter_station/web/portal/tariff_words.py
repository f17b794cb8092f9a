"""A channel's tariff as its household reads it: prices, hours of today, steps of the month."""

from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from sqlalchemy import Connection

from umeter_station.desk import tariffs, terms
from umeter_station.errors import StationError
from umeter_station.web.charts import rates
from umeter_station.web.charts.buckets import midnight_s


@dataclass(frozen=True)
class Hours:
    """From when until when today a rate (1 ..) holds."""

    from_s: int
    until_s: int
    rate: int


@dataclass(frozen=True)
class Step:
    """Up to so many kWh a month (None: without end) a kWh costs this, by rate."""

    up_to_kwh: int | None
    prices_u: tuple[int, ...]


@dataclass(frozen=True)
class Words:
    """`rate` is the one of now, `price_u` what a kWh costs now; `hours` are those of today if
    there are several rates."""

    steps: tuple[Step, ...]
    hours: tuple[Hours, ...]
    rate: int
    price_u: int
    standing_u_per_day: int


def of(conn: Connection, meter: str, ch: int, where: tzinfo, now_s: int) -> Words | None:
    """None while no price is known."""
    found = terms.of(conn, meter, ch, now_s)
    tariff = found.tariff
    if found.unit == "kwh":
        try:
            price_u = tariffs.kwh_price_u(conn, meter, ch, found, now_s)
        except StationError:
            return None
        tariff = {"prices": [[price_u]]}
    if tariff is None or not any(map(any, tariff["prices"])):
        return None
    _, calendar = rates.pieces(conn, meter, ch, now_s)
    day = (midnight_s(now_s, where), midnight_s(now_s, where, 1))
    hours = _hours(tariff, calendar, day)
    rate = next((each.rate for each in hours if each.from_s <= now_s < each.until_s), 1)
    used_wh = 0 if "blocks_kwh" not in tariff else terms.month_use_wh(conn, meter, ch, now_s)
    block = sum(kwh * 1000 <= used_wh for kwh in tariff.get("blocks_kwh", ()))
    ends = [*tariff.get("blocks_kwh", ()), None]
    return Words(
        steps=tuple(
            Step(end, tuple(prices))
            for end, prices in zip(ends, tariff["prices"], strict=False)
        ),
        hours=hours if len({each.rate for each in hours}) > 1 else (),
        rate=rate,
        price_u=tariff["prices"][block][rate - 1],
        standing_u_per_day=tariff.get("standing_u_per_day", 0),
    )


def _hours(tariff: dict[str, Any], calendar: str, day: tuple[int, int]) -> tuple[Hours, ...]:
    changes = rates.changes(tariff, calendar, day)
    ends = [at_s for at_s, _ in changes[1:]] + [day[1]]
    return tuple(
        Hours(at_s, end_s, rate + 1)
        for (at_s, rate), end_s in zip(changes, ends, strict=True)
    )
