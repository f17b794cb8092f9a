"""The two logs of a meter, as tables: raw records, stored once and never changed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

import sqlalchemy as sa
from sqlalchemy import Connection, Table

from umeter_station import records
from umeter_station.db import count
from umeter_station.messages import Event
from umeter_station.models import audit_records, events, intervals
from umeter_station.sql import insert

_EVENT_COLUMNS = tuple(column.name for column in events.columns)


class Stored(Enum):
    NEW = "new"
    KNOWN = "known"
    CONTRADICTS = "contradicts"
    BAD = "bad"


@dataclass(frozen=True)
class Log:
    """`chunk`: the records of one order, as many as the meter gives at once; `row` turns a raw
    record into the values of its columns, or raises ValueError."""

    table: Table
    record_bytes: int
    chunk: int
    row: Callable[[bytes], dict]

    @staticmethod
    def number(raw: bytes) -> int:
        return int.from_bytes(raw[:4], "little")

    def store(self, conn: Connection, meter: str, raw: bytes, now_s: int) -> Stored:
        """Inside the caller's write transaction. A number is stored once: whatever comes under
        it later is compared, and left out."""
        c = self.table.c
        try:
            row = self.row(raw)
        except ValueError:
            count(conn, "history.bad_record")
            return Stored.BAD
        known = conn.execute(
            sa.select(c.raw).where(c.meter == meter, c.n == self.number(raw))
        ).scalar()
        if known is not None:
            return Stored.KNOWN if known == raw else Stored.CONTRADICTS
        row |= {"meter": meter, "raw": raw, "received_at": now_s}
        conn.execute(self.table.insert().values(row))
        if self.table is audit_records:
            _correct_event(conn, row)
        return Stored.NEW

    def untold(self, conn: Connection, meter: str, raw: bytes) -> Event | None:
        """The event of a record that nobody has told of yet; None of another log."""
        c = events.c
        known = sa.select(c.n).where(c.meter == meter, c.n == self.number(raw))
        if self.table is not audit_records or conn.execute(known).first():
            return None
        try:
            return Event(**self.row(raw))
        except ValueError:
            return None

    def missing(
        self, conn: Connection, meter: str, first_n: int, end_n: int
    ) -> Iterator[tuple[int, int]]:
        """Runs (first, last) of the numbers from `first_n` to before `end_n` that are not here."""
        c = self.table.c
        rows = conn.execute(
            sa.select(c.n).where(c.meter == meter, c.n >= first_n, c.n < end_n).order_by(c.n)
        )
        for n in [*rows.scalars(), end_n]:
            if n > first_n:
                yield first_n, n - 1
            first_n = n + 1


def _correct_event(conn: Connection, row: dict) -> None:
    """The event as it was published, unsigned, was a hint; what the log holds counts."""
    event = {name: row[name] for name in _EVENT_COLUMNS}
    conn.execute(
        insert(conn, events)
        .values(event)
        .on_conflict_do_update(
            index_elements=["meter", "n"],
            set_={name: event[name] for name in ("boot", "t", "code", "ch", "a", "b")},
        )
    )


def _audit_row(raw: bytes) -> dict:
    record = records.audit_record(raw)
    return {name: getattr(record, name) for name in ("n", "t", "boot", "ch", "code", "a", "b")}


def _interval_row(raw: bytes) -> dict:
    row = dict(vars(records.interval(raw)))
    return row | {f"wh_{ch}": wh for ch, wh in enumerate(row.pop("wh"), start=1)}


LOGS = {
    "events": Log(audit_records, records.AUDIT_BYTES, 16, _audit_row),
    "profile": Log(intervals, records.INTERVAL_BYTES, 32, _interval_row),
}
