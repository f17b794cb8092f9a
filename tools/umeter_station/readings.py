"""Readings as they are stored, each unpacked when it is asked for; nothing here writes."""

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import packing
from umeter_station.models import channels, latest_readings, readings

_AT_ONCE = 500


@dataclass(frozen=True)
class StoredReading:
    """`t` Unix seconds by the meter's clock, worth something if `clock` is 1, `received_at` by the
    station's; `channels` are dicts in the order of the channels, with `ch` from 1 and the names of
    packing.COLUMNS, each None where the meter did not say it."""

    meter: str
    boot: int
    seq: int
    t: int
    clock: int
    up_s: int
    event: int
    received_at: int
    channels: list[dict[str, int | None]]


def latest(conn: Connection, meter: str) -> StoredReading | None:
    """The newest of the meter's last boot."""
    row = conn.execute(sa.select(latest_readings).where(latest_readings.c.meter == meter)).first()
    return None if row is None else _stored(row)


def latest_of_all(conn: Connection) -> dict[str, StoredReading]:
    return {row.meter: _stored(row) for row in conn.execute(sa.select(latest_readings))}


def between(conn: Connection, meter: str, since_s: int, until_s: int) -> Iterator[StoredReading]:
    """Those received from `since_s` to before `until_s`, oldest first; as many as there are."""
    r = readings.c
    query = (
        sa.select(readings)
        .where(r.meter == meter, r.received_at >= since_s, r.received_at < until_s)
        .order_by(r.received_at, r.boot, r.seq)
    )
    for row in conn.execute(query.execution_options(yield_per=_AT_ONCE)):
        yield _stored(row)


def last_within(conn: Connection, since_s: int, until_s: int) -> Iterator[StoredReading]:
    """Of each meter the last one received from `since_s` to before `until_s`."""
    r, mine = readings.c, readings.alias()
    last = (
        sa.select(sa.func.max(mine.c.received_at))
        .where(mine.c.meter == latest_readings.c.meter)
        .where(mine.c.received_at >= since_s, mine.c.received_at < until_s)
        .scalar_subquery()
    )
    query = (
        sa.select(readings)
        .join(latest_readings, latest_readings.c.meter == r.meter)
        .where(r.received_at == last)
        .order_by(r.meter, r.boot.desc(), r.seq.desc())
    )
    meter = None
    for row in conn.execute(query.execution_options(yield_per=_AT_ONCE)):
        if row.meter != meter:
            meter = row.meter
            yield _stored(row)


def received_at(conn: Connection, meter: str) -> int:
    """When the newest came; 0 if none has."""
    at = conn.execute(
        sa.select(latest_readings.c.received_at).where(latest_readings.c.meter == meter)
    ).scalar()
    return at or 0


def totals(conn: Connection, meter: str) -> dict[int, tuple[int, int]]:
    """By channel: the largest credited_total_u and charged_total_u that the meter has ever told
    of, in an answer or a reading."""
    c = channels.c
    rows = conn.execute(
        sa.select(c.ch, c.credited_total_u, c.charged_total_u).where(c.meter == meter)
    )
    found = {ch: (credited_u, charged_u) for ch, credited_u, charged_u in rows}
    packed = conn.execute(
        sa.select(latest_readings.c.packed).where(latest_readings.c.meter == meter)
    ).scalar()
    if packed is not None:
        for ch, told in enumerate(zip(*packing.totals(packed), strict=True), start=1):
            before = found.get(ch, (0, 0))
            found[ch] = (max(before[0], told[0]), max(before[1], told[1]))
    return dict(sorted(found.items()))


def _stored(row: sa.Row) -> StoredReading:
    values = dict(row._mapping)
    return StoredReading(channels=packing.unpack(values.pop("packed")), **values)
