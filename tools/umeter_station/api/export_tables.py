"""What can be exported, as rows of whole numbers and texts, a batch at a time.

Each batch is a transaction of its own, however long the download takes: the rows never change, and
each batch goes on behind the last row of the one before.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement

from umeter_station import meters, packing
from umeter_station.db import Database
from umeter_station.models import commands, intervals, purchases, readings, transfers
from umeter_station.models_desk import sales

BATCH = 2_000
_DAY_S = 86_400

Row = tuple[int | str | None, ...]


@dataclass(frozen=True)
class Wanted:
    """From `since_s` on, before `until_s`; of one meter, or of all."""

    since_s: int
    until_s: int
    meter: str | None = None


@dataclass(frozen=True)
class Table:
    """`columns`: name and whether it is a number. `batches` gives rows in their order."""

    columns: tuple[tuple[str, bool], ...]
    batches: Callable[[Database, Wanted], Iterator[list[Row]]]


def _numbers(names: str) -> tuple[tuple[str, bool], ...]:
    return tuple((name, True) for name in names.split())


def _texts(names: str) -> tuple[tuple[str, bool], ...]:
    return tuple((name, False) for name in names.split())


def _by_key(
    db: Database, query: sa.Select[Any], key: tuple[ColumnElement[Any], ...]
) -> Iterator[list[Row]]:
    """The query's rows in the order of `key`, which are the first of its columns."""
    after: Row | None = None
    while True:
        more = query if after is None else query.where(sa.tuple_(*key) > sa.tuple_(*after))
        with db.read() as conn:
            rows = [tuple(row) for row in conn.execute(more.order_by(*key).limit(BATCH))]
        if rows:
            yield rows
        if len(rows) < BATCH:
            return
        after = rows[-1][: len(key)]


def _transfers(db: Database, wanted: Wanted) -> Iterator[list[Row]]:
    t = transfers.c
    query = sa.select(t.id, t.key, t.debit, t.credit, t.amount_u, t.created_at, t.command_id)
    query = query.where(t.created_at >= wanted.since_s, t.created_at < wanted.until_s)
    if wanted.meter is None:
        return _by_key(db, query, (t.id,))
    of_meter = f":{wanted.meter}/"
    found = (account.contains(of_meter, autoescape=True) for account in (t.debit, t.credit))
    rows = _by_key(db, query.where(sa.or_(*found)), (t.id,))
    # SQLite's LIKE takes m1 for M1.
    return ([row for row in batch if of_meter in f"{row[2]} {row[3]}"] for batch in rows)


def _purchases(db: Database, wanted: Wanted) -> Iterator[list[Row]]:
    p, c, s = purchases.c, commands.c, sales.c
    query = (
        sa.select(p.id, p.key, p.meter, p.ch, p.amount_u, p.created_at, p.command_id, c.state)
        .add_columns(s.way, s.paid_u, s.fee_u, s.tax_u, s.register, s.receipt_no)
        .join(commands, c.id == p.command_id)
        .outerjoin(sales, s.purchase_id == p.id)
        .where(p.created_at >= wanted.since_s, p.created_at < wanted.until_s)
    )
    if wanted.meter is not None:
        query = query.where(p.meter == wanted.meter)
    return _by_key(db, query, (p.id,))


def _intervals(db: Database, wanted: Wanted) -> Iterator[list[Row]]:
    i = intervals.c
    names = ["meter", "n", "t_end", "minutes", "flags", "quarantined", "estimated"]
    columns = [i[name] for name in (*names, *(f"wh_{ch}" for ch in range(1, 9)))]
    query = sa.select(*columns).where(i.t_end >= wanted.since_s, i.t_end < wanted.until_s)
    if wanted.meter is not None:
        query = query.where(i.meter == wanted.meter)
    return _by_key(db, query, (i.meter, i.n))


def _readings(db: Database, wanted: Wanted) -> Iterator[list[Row]]:
    """One row per reading and channel, meter by meter, as they were received."""
    if wanted.meter is not None:
        names = [wanted.meter]
    else:
        with db.read() as conn:
            names = [known.meter for known in meters.all_meters(conn)]
    r = readings.c
    key = (r.received_at, r.boot, r.seq, r.t)
    columns = (*key, r.clock, r.packed)
    within = (r.received_at >= wanted.since_s, r.received_at < wanted.until_s)
    for name in names:
        query = sa.select(*columns).where(r.meter == name, *within)
        for batch in _by_key(db, query, key):
            yield [(name, *row) for reading in batch for row in _channels(reading)]


def _channels(reading: Row) -> Iterator[Row]:
    *before, packed = reading
    for channel in packing.unpack(packed):
        yield (*before, channel["ch"], *(channel[name] for name in packing.COLUMNS))


TABLES = {
    "readings": Table(
        (
            *_texts("meter"),
            *_numbers("received_at boot seq t clock ch"),
            *((name, True) for name in packing.COLUMNS),
        ),
        _readings,
    ),
    "ledger": Table(
        (
            *_numbers("id"),
            *_texts("key debit credit"),
            *_numbers("amount_u created_at command_id"),
        ),
        _transfers,
    ),
    "purchases": Table(
        (
            *_numbers("id"),
            *_texts("key meter"),
            *_numbers("ch amount_u created_at command_id"),
            *_texts("state way"),
            *_numbers("paid_u fee_u tax_u"),
            *_texts("register"),
            *_numbers("receipt_no"),
        ),
        _purchases,
    ),
    "intervals": Table(
        (
            *_texts("meter"),
            *_numbers("n t_end minutes flags quarantined estimated"),
            *_numbers(" ".join(f"wh_{ch}" for ch in range(1, 9))),
        ),
        _intervals,
    ),
}
