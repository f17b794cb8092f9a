"""What is still to be told, and to whom: written with the findings, sent after that is committed.

Each entry of a finding's history is told once to each target. A sender takes a message for some
minutes; if it dies, another one sends it. One that died between sending and saying so has it sent
twice: both times under the same number, by which the receiver knows it.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.models_people import site_meters, sites
from umeter_station.models_watch import alert_outbox, alert_targets, finding_history, findings
from umeter_station.sql import insert
from umeter_station.watch import targets
from umeter_station.watch.targets import Target

TOLD = ("opened", "reopened", "raised", "released", "closed")
_LEASE_S = 300
_FIRST_RETRY_S = 60
_LONGEST_RETRY_S = 6 * 3600
_MOST_TRIES = 12
_MOST_AT_ONCE = 200
_o, _h, _f = alert_outbox.c, finding_history.c, findings.c


@dataclass(frozen=True)
class Item:
    """One entry of a finding's history, to be told. `id` is the outbox's."""

    id: int
    finding_id: int
    what: str
    at: int
    rule: str
    severity: str
    site: str
    meter: str
    ch: int
    since_s: int
    evidence: dict[str, Any]


@dataclass(frozen=True)
class Parcel:
    """One message: all that is due for one target."""

    target: Target
    secret: bytes
    items: tuple[Item, ...]


def collect(conn: Connection, now_s: int) -> int:
    """Put what happened since the last time into the outbox; returns how many."""
    places = sa.select(site_meters.c.meter, sites.c.name).join(
        sites, sites.c.id == site_meters.c.site_id
    )
    where = {meter: site for meter, site in conn.execute(places)}
    added = 0
    for target in targets.all_(conn):
        if not target.enabled:
            continue
        last_id = target.told_id
        query = (
            sa.select(_h.id, _h.what, _h.severity, _h.finding_id)
            .add_columns(_f.rule, _f.meter, _f.site, _f.cause_id)
            .join(findings, _f.id == _h.finding_id)
            .where(_h.id > target.told_id)
            .order_by(_h.id)
        )
        for row in conn.execute(query).all():
            last_id = row.id
            site = row.site or where.get(row.meter, "")
            if _is_told(conn, target, row) and target.wants(
                row.rule, row.severity, row.meter, site
            ):
                added += _put(conn, target, row, now_s)
        if last_id != target.told_id:
            conn.execute(
                sa.update(alert_targets)
                .where(alert_targets.c.id == target.id)
                .values(told_id=last_id)
            )
    return added


def _is_told(conn: Connection, target: Target, row: sa.Row) -> bool:
    if row.what not in TOLD or (row.cause_id is not None and row.what != "closed"):
        return False  # if its cause goes before it, it is told as released
    if row.what != "closed":
        return True
    # Who never heard of it need not hear that it is over.
    query = sa.select(_o.id).join(finding_history, _h.id == _o.history_id)
    heard = query.where(_h.finding_id == row.finding_id, _o.target_id == target.id)
    return conn.execute(heard.limit(1)).first() is not None


def _put(conn: Connection, target: Target, row: sa.Row, now_s: int) -> int:
    due_s = now_s if row.severity == "critical" else due_at(target, now_s)
    added = conn.execute(
        insert(conn, alert_outbox)
        .values(target_id=target.id, history_id=row.id, due_at=due_s)
        .on_conflict_do_nothing()
    )
    return added.rowcount


def due_at(target: Target, now_s: int) -> int:
    """When it may be sent: with the next digest, and not in the quiet hours."""
    digest_s = 60 * target.digest_min
    due_s = now_s + -now_s % digest_s if digest_s else now_s
    return _after_quiet(target, due_s)


def _after_quiet(target: Target, at_s: int) -> int:
    if target.quiet_from == target.quiet_to:
        return at_s
    local = datetime.fromtimestamp(at_s, ZoneInfo(target.tz))
    minute = local.hour * 60 + local.minute
    length = (target.quiet_to - target.quiet_from) % targets.DAY_MIN
    into = (minute - target.quiet_from) % targets.DAY_MIN
    if into >= length:
        return at_s
    # By the wall's clock: the night in which it is changed is an hour longer, or shorter.
    ends = local.replace(
        hour=target.quiet_to // 60, minute=target.quiet_to % 60, second=0, microsecond=0
    )
    if ends <= local:
        ends += timedelta(days=1)
    return int(ends.timestamp())


def claim(conn: Connection, now_s: int) -> list[Parcel]:
    """Take what is due, for some minutes, inside a write transaction."""
    parcels = []
    for target in targets.all_(conn):
        rows = conn.execute(
            sa.select(_o.id, _o.history_id)
            .where(_o.target_id == target.id, _o.state == "waiting")
            .where(_o.due_at <= now_s, _o.lease_until <= now_s)
            .order_by(_o.history_id)
            .limit(_MOST_AT_ONCE)
        ).all()
        if not rows:
            continue
        conn.execute(
            sa.update(alert_outbox)
            .where(_o.id.in_([row.id for row in rows]))
            .values(lease_until=now_s + _LEASE_S, tries=_o.tries + 1)
        )
        secret = targets.secret_of(conn, target)
        parcels.append(Parcel(target, secret, tuple(_items(conn, [row.id for row in rows]))))
    return parcels


def _items(conn: Connection, ids: list[int]) -> Iterable[Item]:
    query = (
        sa.select(_o.id, _h.finding_id, _h.what, _h.at, _f.rule, _h.severity)
        .add_columns(_f.site, _f.meter, _f.ch, _f.since_s, _f.evidence)
        .join(finding_history, _h.id == _o.history_id)
        .join(findings, _f.id == _h.finding_id)
        .where(_o.id.in_(ids))
        .order_by(_h.id)
    )
    for row in conn.execute(query):
        yield Item(*row[:-1], json.loads(row.evidence))


def note_sent(conn: Connection, parcel: Parcel, now_s: int) -> None:
    _end(conn, parcel, state="sent", done_at=now_s, error="")


def note_failed(
    conn: Connection, parcel: Parcel, error: str, now_s: int, for_good: bool = False
) -> None:
    """Try again later, each time later; not for ever."""
    ids = [item.id for item in parcel.items]
    tries = conn.execute(sa.select(sa.func.max(_o.tries)).where(_o.id.in_(ids))).scalar() or 1
    if for_good or tries >= _MOST_TRIES:
        _end(conn, parcel, state="failed", done_at=now_s, error=error)
        return
    wait_s = min(_FIRST_RETRY_S << (tries - 1), _LONGEST_RETRY_S)
    _end(conn, parcel, due_at=now_s + wait_s, lease_until=0, error=error)


def _end(conn: Connection, parcel: Parcel, **values: Any) -> None:
    ids = [item.id for item in parcel.items]
    conn.execute(
        sa.update(alert_outbox).where(_o.id.in_(ids), _o.state == "waiting").values(values)
    )
