"""Windows out of the database: what the rules of one pace see of each meter.

The fast ones cost a few queries for all meters together, whatever their number. A load profile is
only read for the meters whose turn it is: hours of it once an hour, weeks of it four times a day,
at a moment of the meter's own, so that no look has to read all of them.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from zlib import crc32

import numpy as np
import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import orders, queries, readings
from umeter_station.models import (
    audit_records,
    commands,
    desired,
    intervals,
    meters,
)
from umeter_station.models_strangers import clone_signs
from umeter_station.models_watch import findings, watch_progress
from umeter_station.readings import StoredReading
from umeter_station.watch import thresholds, traffic
from umeter_station.watch.catalog import SPOILS_SUMS
from umeter_station.watch.profile import Setup, setup, to_intervals, to_readings
from umeter_station.watch.recent import Recent
from umeter_station.watch.window import Difference, Intervals, Money, Order, Traffic, Twins, Window

HOUR_S = 3600
SLOW_S = 6 * HOUR_S
_DAY_S = 86_400
_HOUR_BACK_S = 6 * HOUR_S
_SLOW_BACK_S = 28 * _DAY_S
_SPOILED_BACK_S = 120 * _DAY_S
_UNCLEAR_BACK_S = 30 * _DAY_S
_SUM_RULES = ("A03", "A04")


@dataclass(frozen=True)
class Fleet:
    """What is read once for all meters. `open_since` as in Window, by meter; `hour_at` and
    `slow_at` by meter, when its profile was judged last."""

    now_s: int
    since_s: int
    rows: tuple[sa.Row, ...]
    setups: dict[str, Setup]
    own_limits: dict
    orders: dict[str, list[Order]]
    twins: dict[str, list[Twins]]
    vain: dict[str, int]
    open_since: dict[str, dict[tuple[str, int], int]]
    spoiled: dict[str, list[tuple[int, int]]]
    hour_at: dict[str, int] = field(default_factory=dict)
    slow_at: dict[str, int] = field(default_factory=dict)


def fleet(conn: Connection, now_s: int) -> Fleet:
    m = meters.c
    columns = (m.meter, m.presence, m.seen_at, m.channels, m.settings, m.added_at)
    rows = tuple(conn.execute(sa.select(*columns).where(m.retired_at.is_(None)).order_by(m.meter)))
    progress = {row.meter: row for row in conn.execute(sa.select(watch_progress))}
    common = progress.pop("", None)
    open_since, spoiled = _findings(conn, now_s)
    return Fleet(
        now_s=now_s,
        since_s=max(common.fast_at if common else 0, now_s - _DAY_S),
        rows=rows,
        setups={row.meter: setup(row.settings, row.channels) for row in rows},
        own_limits=thresholds.load(conn),
        orders=_orders(conn, now_s),
        twins=_twins(conn, now_s),
        vain=traffic.lately(conn, now_s),
        open_since=open_since,
        spoiled=spoiled,
        hour_at={meter: row.hour_at for meter, row in progress.items()},
        slow_at={meter: row.slow_at for meter, row in progress.items()},
    )


def fast(everything: Fleet, recent: Recent) -> Iterator[Window]:
    """Of every meter that has ever spoken."""
    for row in everything.rows:
        if not row.seen_at:
            continue
        rows = recent.readings(row.meter)
        new = int((rows.received_s > everything.now_s - HOUR_S).sum())
        yield _window(
            everything,
            row,
            everything.since_s,
            channels=rows.energy_wh.shape[1],
            readings=rows,
            events=recent.events(row.meter),
            traffic=Traffic(HOUR_S, new, everything.vain.get(row.meter, 0)),
        )


def due(everything: Fleet, at: dict[str, int], every_s: int) -> list[sa.Row]:
    """The meters whose turn it is: each has its own moment within the pace."""
    found = []
    for row in everything.rows:
        own_s = crc32(row.meter.encode()) % every_s
        turn_s = everything.now_s - (everything.now_s - own_s) % every_s
        if row.seen_at and at.get(row.meter, 0) < turn_s:
            found.append(row)
    return found


def hourly(
    conn: Connection, everything: Fleet, rows: Collection[sa.Row], recent: Recent
) -> Iterator[Window]:
    differs = _differences(conn)
    for row in rows:
        before_s = everything.hour_at.get(row.meter, everything.now_s - HOUR_S)
        profile, came_s = _profile(conn, row.meter, everything.now_s - _HOUR_BACK_S)
        # What was pulled late is as new as what has just ended.
        new_t = profile.t_end[(came_s > before_s) & (profile.t_end > 0)]
        yield _window(
            everything,
            row,
            min(int(new_t.min()) - 1, before_s) if len(new_t) else before_s,
            intervals=profile,
            events=tuple(e for e in recent.events(row.meter) if e.came_s > before_s),
            differences=tuple(differs.get(row.meter, ())),
            money=_money(conn, row.meter),
        )


def slow(conn: Connection, everything: Fleet, rows: Collection[sa.Row]) -> Iterator[Window]:
    now_s = everything.now_s
    for row in rows:
        begun_s = min(
            (
                s
                for (rule, _), s in everything.open_since.get(row.meter, {}).items()
                if rule in _SUM_RULES
            ),
            default=now_s,
        )
        profile, _ = _profile(
            conn, row.meter, max(min(now_s, begun_s) - _SLOW_BACK_S, now_s - _SPOILED_BACK_S)
        )
        newest = readings.latest(conn, row.meter)
        channels = everything.setups[row.meter].channels
        yield _window(
            everything,
            row,
            everything.slow_at.get(row.meter, now_s - SLOW_S),
            intervals=profile,
            readings=to_readings([newest] if newest else [], channels),
            anchors=to_readings(_anchors(conn, row.meter, now_s), channels),
            moves=_moves(conn, row.meter, channels),
            spoiled=tuple(everything.spoiled.get(row.meter, ())),
        )


def _window(everything: Fleet, row: sa.Row, since_s: int, **more) -> Window:
    known = everything.setups[row.meter]
    more.setdefault("channels", known.channels)
    return Window(
        meter=row.meter,
        now_s=everything.now_s,
        since_s=since_s,
        presence=row.presence,
        seen_s=row.seen_at,
        report_s=known.report_s,
        inlet_ch=known.inlet_ch,
        profile_min=known.profile_min,
        limit_w=known.limit_w,
        orders=tuple(everything.orders.get(row.meter, ())),
        twins=tuple(everything.twins.get(row.meter, ())),
        open_since=everything.open_since.get(row.meter, {}),
        limits=thresholds.of_meter(everything.own_limits, row.meter),
        **more,
    )


def _profile(conn: Connection, meter: str, since_s: int) -> tuple[Intervals, np.ndarray]:
    """(the intervals since then, when each came in)"""
    c = intervals.c
    rows = conn.execute(
        sa.select(c.n, c.t_end, c.minutes, c.flags, c.quarantined, c.estimated, c.received_at)
        .add_columns(*(c[f"wh_{ch}"] for ch in range(1, 9)))
        .where(c.meter == meter, c.t_end > since_s)
        .order_by(c.t_end, c.n)
    ).all()
    return to_intervals(rows)


def _anchors(conn: Connection, meter: str, now_s: int) -> list[StoredReading]:
    """Readings around the profile's ends: of a day ago, and of now."""
    found: list[StoredReading] = []
    for from_s, until_s in (
        (now_s - _DAY_S, now_s - _DAY_S + HOUR_S),
        (now_s - HOUR_S, now_s + 1),
    ):
        found += readings.between(conn, meter, from_s, until_s)
    return found


def _moves(conn: Connection, meter: str, channels: int) -> tuple[int, ...]:
    a = audit_records.c
    query = sa.select(a.ch, sa.func.count()).where(
        a.meter == meter, a.code.in_(("contact.open", "contact.close"))
    )
    counts = {ch: count for ch, count in conn.execute(query.group_by(a.ch))}
    return tuple(counts.get(ch, 0) for ch in range(1, channels + 1))


def _money(conn: Connection, meter: str) -> tuple[Money, ...]:
    names = ("ch", "credited_u", "credited_total_u", "in_transit_u", "told_u", "agrees")
    return tuple(
        Money(*(getattr(balance, name) for name in names))
        for balance in queries.balances(conn, meter)
    )


def _orders(conn: Connection, now_s: int) -> dict[str, list[Order]]:
    c = commands.c
    query = sa.select(c.meter, c.id, c.op, c.state, c.created_at, c.exp).where(
        c.state.in_((*orders.OPEN_STATES, "unclear")), c.created_at > now_s - _UNCLEAR_BACK_S
    )
    found: dict[str, list[Order]] = {}
    for meter, *values in conn.execute(query):
        found.setdefault(meter, []).append(Order(*values))
    return found


def _twins(conn: Connection, now_s: int) -> dict[str, list[Twins]]:
    s = clone_signs.c
    query = sa.select(s.meter, s.boot, s.newer_boot, s.last_at, s.times)
    found: dict[str, list[Twins]] = {}
    for meter, *values in conn.execute(query.where(s.last_at > now_s - _DAY_S)):
        found.setdefault(meter, []).append(Twins(*values))
    return found


def _differences(conn: Connection) -> dict[str, list[Difference]]:
    d = desired.c
    query = sa.select(d.meter, d.key, d.state, d.since).where(d.state != "applied")
    found: dict[str, list[Difference]] = {}
    for meter, *values in conn.execute(query):
        found.setdefault(meter, []).append(Difference(*values))
    return found


def _findings(conn: Connection, now_s: int) -> tuple[dict, dict]:
    f = findings.c
    query = sa.select(f.meter, f.ch, f.rule, f.state, f.since_s, f.closed_at)
    recent = (f.closed_at > now_s - _SPOILED_BACK_S) & f.rule.in_(SPOILS_SUMS)
    open_since: dict[str, dict[tuple[str, int], int]] = {}
    spoiled: dict[str, list[tuple[int, int]]] = {}
    for meter, ch, rule, state, since_s, closed_s in conn.execute(
        query.where((f.state != "closed") | recent)
    ):
        if state != "closed":
            open_since.setdefault(meter, {})[rule, ch] = since_s
        if rule in SPOILS_SUMS:
            spoiled.setdefault(meter, []).append((since_s, closed_s or now_s))
    return open_since, spoiled
