"""Energy over time, out of the load profile: kWh and money by piece of time.

Sums are kept: what is drawn of a range adds up to the range's intervals. A piece of which the
station has no interval is a gap, None; one of which it lacks some is told of, and so are those in
which the meter estimated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from itertools import chain
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import meters
from umeter_station.models import intervals
from umeter_station.records import INTERVAL_CHANNELS
from umeter_station.watch.profile import setup
from umeter_station.web.charts import rates
from umeter_station.web.charts.buckets import Buckets, cut


@dataclass(frozen=True)
class Source:
    """A channel, and since when it is the reader's to see."""

    meter: str
    ch: int
    since_s: int = 0


@dataclass(frozen=True, eq=False)
class Profile:
    """One row per interval, in the order of time: when it began and ended, its Wh, and whether
    the meter estimated it."""

    start_s: np.ndarray
    end_s: np.ndarray
    wh: np.ndarray
    estimated: np.ndarray

    def __len__(self) -> int:
        return len(self.wh)


def profile(conn: Connection, source: Source, from_s: int, until_s: int) -> Profile:
    """The intervals that lie in this range, and in the source's time. Those of which the meter
    did not know when they were are left out; a channel without a load profile has none."""
    if source.ch > INTERVAL_CHANNELS:
        return Profile(*(np.empty(0, kind) for kind in (np.int64, np.int64, np.int64, bool)))
    i = intervals.c
    from_s = max(from_s, source.since_s)
    rows = conn.execute(
        sa.select(i.t_end, i.minutes, i.estimated, i[f"wh_{source.ch}"])
        .where(i.meter == source.meter, i.t_end > max(from_s, 0), i.t_end <= until_s)
        .where(i.t_end - 60 * i.minutes >= from_s)
        .order_by(i.t_end, i.n)
    ).all()
    table = np.fromiter(chain.from_iterable(rows), np.int64).reshape(-1, 4)
    end_s, minutes, estimated, wh = table.T
    return Profile(
        end_s - 60 * minutes, end_s, wh, (estimated >> (source.ch - 1) & 1).astype(bool)
    )


def _interval_s(conn: Connection, source: Source) -> int:
    known = meters.get(conn, source.meter)
    return 60 * setup(known.settings, known.channels).profile_min


@dataclass(frozen=True, eq=False)
class Sums:
    """By bucket: `rate_wh` and `rate_mu` have a row per rate; `covered_s` how much of it the
    intervals cover; `cost_known` whether all its energy has a price."""

    rate_wh: np.ndarray
    rate_mu: np.ndarray
    covered_s: np.ndarray
    estimated: np.ndarray
    cost_known: np.ndarray

    @property
    def wh(self) -> np.ndarray:
        return self.rate_wh.sum(axis=0)

    @property
    def cost_u(self) -> np.ndarray:
        return self.rate_mu.sum(axis=0) // 1000


def sums(
    conn: Connection,
    source: Source,
    buckets: Buckets,
    span: tuple[int, int],
    where: tzinfo,
    now_s: int,
) -> tuple[Sums, int]:
    """(the sums, when the newest interval of the range ended)"""
    found, calendar = rates.pieces(conn, source.meter, source.ch, now_s)
    from_s, until_s = span
    has_blocks = any(piece.tariff.get("blocks_kwh") for piece in found)
    read_from_s = rates.month_begun_s(from_s, where) if has_blocks else from_s
    rows = profile(conn, source, read_from_s, until_s)
    middle_s = (rows.start_s + rows.end_s) // 2
    order = np.argsort(middle_s, kind="stable")
    priced = rates.price((middle_s[order], rows.wh[order]), found, calendar, where)
    here = order[rows.start_s[order] >= from_s]
    priced_here = rows.start_s[order] >= from_s
    at = buckets.of(middle_s[here])
    shape = (priced.rates, len(buckets))
    rate_wh, rate_mu = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    covered_s = np.zeros(len(buckets), np.int64)
    estimated = np.zeros(len(buckets), bool)
    known = np.ones(len(buckets), bool)
    np.add.at(rate_wh, (priced.rate[priced_here], at), rows.wh[here])
    np.add.at(rate_mu, (priced.rate[priced_here], at), priced.cost_mu[priced_here])
    np.add.at(covered_s, at, rows.end_s[here] - rows.start_s[here])
    np.logical_or.at(estimated, at, rows.estimated[here])
    np.logical_and.at(known, at, priced.known[priced_here])
    newest_s = int(rows.end_s[here].max()) if len(here) else 0
    return Sums(rate_wh, rate_mu, covered_s, estimated, known), newest_s


def columns(
    conn: Connection,
    where: tzinfo,
    sources: Sequence[Source],
    span: tuple[int, int],
    now_s: int,
    step: str = "",
) -> dict[str, Any]:
    """`t` when each piece begins, `end` when the last one ends, `wh` and `cost_u` of each (None:
    a gap, or no price), `rates` Wh by rate if there are several; `estimated` and `partial` are
    the numbers of pieces that the meter estimated in, or of which intervals are missing. Several
    channels are added up, and their rates are not told apart."""
    buckets = cut(*span, where, step, max(_interval_s(conn, source) for source in sources))
    each = [sums(conn, source, buckets, span, where, now_s) for source in sources]
    covered = np.array([one.covered_s for one, _ in each])
    known = (covered > 0).any(axis=0)
    # What is still to come in is not missing.
    newest_s = max((newest for _, newest in each), default=0)
    expected_s = np.diff(np.clip(buckets.bounds, span[0], max(newest_s, span[0])))
    late_s = np.array([max(0, source.since_s - span[0]) for source in sources])
    partial = known & (covered < expected_s - late_s[:, None]).any(axis=0)
    priced = known & np.all([one.cost_known for one, _ in each], axis=0)
    wh = np.sum([one.wh for one, _ in each], axis=0)
    cost_u = np.sum([one.cost_u for one, _ in each], axis=0)
    several = len(each) == 1 and len(each[0][0].rate_wh) > 1
    return {
        "kind": "energy",
        "step": buckets.step,
        "t": buckets.bounds[:-1].tolist(),
        "end": int(buckets.bounds[-1]),
        "wh": _or_none(wh, known),
        "cost_u": _or_none(cost_u, priced) if priced.any() else None,
        "rates": [_or_none(row, known) for row in each[0][0].rate_wh] if several else [],
        "estimated": np.flatnonzero(np.any([one.estimated for one, _ in each], axis=0)).tolist(),
        "partial": np.flatnonzero(partial).tolist(),
    }


def _or_none(values: np.ndarray, known: np.ndarray) -> list[int | None]:
    return [v if k else None for v, k in zip(values.tolist(), known.tolist(), strict=True)]
