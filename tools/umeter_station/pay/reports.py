"""A provider's own list of what moved, beside what the books say: each mismatch is named.

Lines are kept as they came, once each; the newest days are fetched again, since providers add to
them late.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.clock import Clock
from umeter_station.db import Database
from umeter_station.models_pay import payments, provider_lines, provider_marks
from umeter_station.pay.payments import PAID
from umeter_station.pay.provider import Provider, ReportLine
from umeter_station.sql import insert

EVERY_S = 6 * 3600
# A provider has listed what moved this long ago, and a webhook or the polling has told it.
SETTLED_S = 2 * 86_400
_AGAIN_S = 3 * 86_400
_BATCH = 500


@dataclass(frozen=True)
class Mismatch:
    """`what`: not in the books, not in the report, or other amount."""

    provider: str
    what: str
    reference: str
    payment_id: int | None
    booked_u: int
    reported_u: int


def fetch(db: Database, clock: Clock, provider: Provider) -> int:
    """Store what is new; returns how many lines. Does nothing if that was done lately."""
    now_s = clock.now_s()
    with db.read() as conn:
        marks = provider_marks.c
        fetched_at = conn.execute(
            sa.select(marks.fetched_at).where(marks.provider == provider.name)
        ).scalar()
        last_at = _newest_at(conn, provider.name)
    if fetched_at is not None and fetched_at > now_s - EVERY_S:
        return 0
    lines, stored = provider.report(max(last_at - _AGAIN_S, 0), now_s), 0
    while batch := list(islice(lines, _BATCH)):
        with db.write() as conn:
            stored += sum(_store(conn, provider.name, line) for line in batch)
    with db.write() as conn:
        mark = insert(conn, provider_marks).values(provider=provider.name, fetched_at=now_s)
        conn.execute(
            mark.on_conflict_do_update(
                index_elements=["provider"], set_={"fetched_at": mark.excluded.fetched_at}
            )
        )
    return stored


def mismatches(conn: Connection, now_s: int) -> Iterator[Mismatch]:
    """Of all providers; what moved in the last two days is left to the next run."""
    until_s = now_s - SETTLED_S
    lines, p = provider_lines.c, payments.c
    reported_u = sa.func.sum(lines.amount_u).label("reported_u")
    reported = (
        sa.select(lines.provider, lines.reference, reported_u, sa.func.max(lines.at).label("at"))
        .where(lines.kind == "payment")
        .group_by(lines.provider, lines.reference)
    )
    told = {(row.provider, row.reference): row for row in conn.execute(reported)}
    listing = {row.provider for row in told.values()}
    booked = conn.execute(
        sa.select(p.id, p.provider, p.reference, p.charge, p.amount_u, p.since)
        .where(p.state.in_(PAID))
        .order_by(p.id)
    )
    for row in booked:
        names = [(row.provider, name) for name in (row.charge, row.reference)]
        line = next((told.pop(name) for name in names if name in told), None)
        if line is None:
            if row.since < until_s and row.provider in listing:
                yield _mismatch(row, "not in the report", 0)
        elif line.reported_u != row.amount_u:
            yield _mismatch(row, "other amount", int(line.reported_u))
    for (provider, reference), row in sorted(told.items()):
        if row.at < until_s:
            yield Mismatch(provider, "not in the books", reference, None, 0, int(row.reported_u))


def _mismatch(row: sa.Row, what: str, reported_u: int) -> Mismatch:
    return Mismatch(row.provider, what, row.reference or "", row.id, row.amount_u, reported_u)


def _store(conn: Connection, provider: str, line: ReportLine) -> int:
    row = {
        "provider": provider,
        "line": line.line,
        "kind": line.kind,
        "reference": line.reference,
        "amount_u": line.amount_u,
        "at": line.at,
    }
    new = insert(conn, provider_lines).values(row).on_conflict_do_nothing()
    return int(conn.execute(new.returning(provider_lines.c.line)).first() is not None)


def _newest_at(conn: Connection, provider: str) -> int:
    lines = provider_lines.c
    newest = sa.select(sa.func.max(lines.at)).where(lines.provider == provider)
    return conn.execute(newest).scalar() or 0
