"""Questions to the database; nothing here writes."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import ledger
from umeter_station.models import (
    channels,
    commands,
    events,
    history_findings,
    intervals,
    purchases,
    reading_channels,
    readings,
    transfers,
)


@dataclass(frozen=True)
class StoredReading:
    """As messages.Reading, with `received_at` by the station's clock; `channels` are dicts
    in the order of the channels, with `ch` from 1."""

    meter: str
    boot: int
    seq: int
    t: int
    clock: int
    up_s: int
    event: int
    received_at: int
    channels: list[dict[str, int | None]]


@dataclass(frozen=True)
class Balance:
    """One channel, micro-units. `sold_u` was paid; of it `in_transit_u` waits for the meter's
    answer, `refund_due_u` was refused by it, and `credited_u` it has confirmed.
    `credited_total_u` and `charged_total_u` are the meter's own largest totals so far.
    `is_current`: a reading has come since the meter confirmed its last credit; before that the
    total may simply be older than the ledger, because answers are lost and readings are rare."""

    meter: str
    ch: int
    sold_u: int
    in_transit_u: int
    refund_due_u: int
    credited_u: int
    credited_total_u: int
    charged_total_u: int
    is_current: bool

    @property
    def balance_u(self) -> int:
        return self.credited_u - self.charged_total_u

    @property
    def agrees(self) -> bool:
        """The meter's total is the ledger's, give or take what is on its way."""
        ahead_u = self.credited_total_u - self.credited_u
        return ahead_u <= self.in_transit_u and (ahead_u >= 0 or not self.is_current)


def latest_reading(conn: Connection, meter: str) -> StoredReading | None:
    r = readings.c
    row = conn.execute(
        sa.select(readings).where(r.meter == meter).order_by(r.boot.desc(), r.seq.desc()).limit(1)
    ).first()
    if row is None:
        return None
    values = dict(row._mapping)
    c = reading_channels.c
    rows = conn.execute(
        sa.select(reading_channels).where(c.reading_id == values.pop("id")).order_by(c.ch)
    )
    per_channel = [dict(found._mapping) for found in rows]
    for found in per_channel:
        del found["reading_id"]
    return StoredReading(**values, channels=per_channel)


def latest_events(conn: Connection, meter: str, limit: int) -> list[dict]:
    """The newest `limit` events, oldest of them first."""
    query = (
        sa.select(events).where(events.c.meter == meter).order_by(events.c.n.desc()).limit(limit)
    )
    return [dict(row._mapping) for row in conn.execute(query)][::-1]


def intervals_since(conn: Connection, meter: str, since_s: int | None, limit: int) -> list[dict]:
    """The newest `limit` intervals, oldest of them first; those that end after `since_s`, which
    leaves out those of which the meter did not know when they were."""
    c = intervals.c
    query = sa.select(intervals).where(c.meter == meter)
    if since_s is not None:
        query = query.where(c.t_end > since_s)
    rows = conn.execute(query.order_by(c.n.desc()).limit(limit))
    return [dict(row._mapping) for row in rows][::-1]


def findings(conn: Connection, meter: str, kind: str) -> list[dict]:
    """What was noted of a log ("events" or "profile") that nobody can mend: what, first_n,
    last_n, noted_at."""
    f = history_findings.c
    rows = conn.execute(
        sa.select(f.what, f.first_n, f.last_n, f.noted_at)
        .where(f.meter == meter, f.kind == kind)
        .order_by(f.first_n, f.what)
    )
    return [dict(row._mapping) for row in rows]


def open_count(conn: Connection, meter: str) -> int:
    """Orders that the meter has not answered yet; not those by which its logs are pulled."""
    return conn.execute(
        sa.select(sa.func.count()).where(
            commands.c.meter == meter,
            commands.c.op != "history",
            commands.c.state.in_(("created", "sent")),
        )
    ).scalar_one()


def balances(conn: Connection, meter: str) -> list[Balance]:
    """Every channel that was sold to or has reported totals, in order."""
    p, t = purchases.c, channels.c
    sums = sa.select(p.ch, sa.func.sum(p.amount_u)).where(p.meter == meter).group_by(p.ch)
    sold_u = {ch: amount_u for ch, amount_u in conn.execute(sums)}
    totals = {row.ch: row for row in conn.execute(sa.select(channels).where(t.meter == meter))}
    last_read_at = conn.execute(
        sa.select(sa.func.max(readings.c.received_at)).where(readings.c.meter == meter)
    ).scalar()
    found = []
    for ch in sorted(set(sold_u) | set(totals)):
        reported = totals.get(ch)
        found.append(
            Balance(
                meter=meter,
                ch=ch,
                sold_u=sold_u.get(ch, 0),
                in_transit_u=ledger.balance_u(conn, ledger.transit(meter, ch)),
                refund_due_u=ledger.balance_u(conn, ledger.refund_due(meter, ch)),
                credited_u=ledger.balance_u(conn, ledger.customer(meter, ch)),
                credited_total_u=reported.credited_total_u if reported else 0,
                charged_total_u=reported.charged_total_u if reported else 0,
                is_current=(last_read_at or 0) > _last_credit_at(conn, meter, ch),
            )
        )
    return found


def _last_credit_at(conn: Connection, meter: str, ch: int) -> int:
    t = transfers.c
    return conn.execute(
        sa.select(sa.func.coalesce(sa.func.max(t.created_at), 0)).where(
            t.credit == ledger.customer(meter, ch)
        )
    ).scalar_one()
