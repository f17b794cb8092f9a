"""What energy of the past cost, interval by interval: at the rate that was in force by the
meter's own calendar, in the block that the month had come to.

The firmware's own code says which rate is in force when; days that were asked for are kept.
"""

import functools
import itertools
import json
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection

from umeter_sim.paths import FIRMWARE, SHIMS
from umeter_sim.runtimes.namespace import Namespace
from umeter_station import meters
from umeter_station.desk import tariffs, terms
from umeter_station.records import EPOCH_OFFSET_S
from umeter_station.web.charts.buckets import cut

_DAY_S = 86_400
_firmware = Namespace([SHIMS, FIRMWARE], {}, Path(), print)
# What the meter takes if nobody has said anything else.
_CALENDAR = {"tz": "UTC0", "weekend": [6, 7], "special_days": []}


@dataclass(frozen=True)
class Piece:
    """A tariff's object (`prices`, `tables`, …) that is in force from `from_s` on."""

    from_s: int
    tariff: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Priced:
    """Of each interval: its rate (0 is the first) and what it cost, in micro-units x Wh / kWh;
    `known` is False where no price is known."""

    rate: np.ndarray
    cost_mu: np.ndarray
    known: np.ndarray
    rates: int


def pieces(conn: Connection, meter: str, ch: int, now_s: int) -> tuple[list[Piece], str]:
    """(what a channel was charged by, the oldest first; its calendar as JSON). Where no tariff
    was noted down, it is what the meter reports now."""
    reported = json.loads(meters.get(conn, meter).settings)
    told = {key: reported.get(f"ch.{ch}.{key}", reported.get(key)) for key in _CALENDAR}
    calendar = {key: told[key] if told[key] is not None else _CALENDAR[key] for key in told}
    now = terms.parse(reported, ch, now_s)
    found = [] if now.tariff is None or now.unit == "kwh" else [Piece(0, now.tariff)]
    given = [each for each in tariffs.assignments(conn, meter) if each.ch in (0, ch)]
    own_from_s = min((each.from_s for each in given if each.ch), default=None)
    for each in reversed(given):
        if each.ch == 0 and own_from_s is not None and each.from_s >= own_from_s:
            continue
        document = tariffs.get(conn, each.tariff, each.version).document
        price_u = document.get("price_u_per_kwh")
        flat = None if price_u is None else {"prices": [[price_u]]}
        tariff = document.get("tariff") or flat
        if tariff:
            found.append(Piece(each.from_s, tariff))
    return found, json.dumps(calendar)


def price(
    intervals: tuple[np.ndarray, np.ndarray],
    found: list[Piece],
    calendar: str,
    where: tzinfo,
) -> Priced:
    """`intervals`: the middle of each, in order, and its Wh; those of its first month must begin
    with the month if there are blocks."""
    at_s, wh = intervals
    priced = Priced(*(np.zeros(len(at_s), kind) for kind in (np.int64, np.int64, bool)), 1)
    rates = 1
    for number, piece in enumerate(found):
        end_s = found[number + 1].from_s if number + 1 < len(found) else 2**53
        part = slice(*np.searchsorted(at_s, (piece.from_s, end_s)))
        if part.start >= part.stop:
            continue
        prices = np.array(piece.tariff["prices"], np.int64)
        rates = max(rates, prices.shape[1])
        rate = _rates(at_s[part], piece.tariff, calendar)
        priced.rate[part] = rate
        priced.known[part] = True
        for block, in_block_wh in enumerate(_blocks(at_s, wh, piece.tariff, where)):
            priced.cost_mu[part] += in_block_wh[part] * prices[block][rate]
    return Priced(priced.rate, priced.cost_mu, priced.known, rates)


def _blocks(
    at_s: np.ndarray, wh: np.ndarray, tariff: dict[str, Any], where: tzinfo
) -> list[np.ndarray]:
    """By block: what of each interval falls into it."""
    ends = tariff.get("blocks_kwh", ())
    if not len(ends):
        return [wh]
    months = cut(int(at_s[0]), int(at_s[-1]) + 1, where, "month")
    month = months.of(at_s)
    total = np.cumsum(wh)
    begun = np.searchsorted(month, month)  # the first interval of the same month
    after = total - (total[begun] - wh[begun])
    bounds = [0, *(kwh * 1000 for kwh in ends), 2**60]
    return [
        np.clip(after, low, high) - np.clip(after - wh, low, high)
        for low, high in itertools.pairwise(bounds)
    ]


def _rates(at_s: np.ndarray, tariff: dict[str, Any], calendar: str) -> np.ndarray:
    found = changes(tariff, calendar, (int(at_s[0]), int(at_s[-1]) + 1))
    starts, rates = np.array(found, np.int64).T
    return rates[np.searchsorted(starts, at_s, side="right") - 1]


def changes(
    tariff: dict[str, Any], calendar: str, span: tuple[int, int]
) -> list[tuple[int, int]]:
    """When each rate (from 0) begins: the one in force at the beginning of the time, and those
    that follow in it."""
    if not tariff.get("tables"):
        return [(span[0], tariff.get("fallback", 1) - 1)]
    text = json.dumps({key: tariff.get(key) for key in ("tables", "seasons", "fallback")})
    found: list[tuple[int, int]] = []
    for day in range(span[0] // _DAY_S, (span[1] - 1) // _DAY_S + 1):
        for at_s, rate in _day(text, calendar, day):
            if at_s <= span[0]:
                found = [(span[0], rate)]
            elif at_s < span[1] and found[-1][1] != rate:
                found.append((at_s, rate))
    return found


@functools.lru_cache(maxsize=20_000)
def _day(tariff: str, calendar: str, day: int) -> tuple[tuple[int, int], ...]:
    """When each rate begins on a day of UTC: (moment, rate from 0)."""
    local = _firmware.load("umeter.core.calendar")
    in_force = _firmware.load("umeter.core.tariffs")._rate
    told = {key: value for key, value in json.loads(tariff).items() if value is not None}
    doc = json.loads(calendar)
    when, end = (day * _DAY_S - EPOCH_OFFSET_S + more for more in (0, _DAY_S))
    found = []
    while when < end:
        now = local.Now(doc, when)
        rate, until = in_force(told, now)
        found.append((when + EPOCH_OFFSET_S, rate))
        when = now.at(until)
    return tuple(found)


def month_begun_s(at_s: int, where: tzinfo) -> int:
    now = datetime.fromtimestamp(at_s, UTC).astimezone(where)
    return int(datetime(now.year, now.month, 1, tzinfo=where).timestamp())
