"""Readings that are asked for by the clock.

A run that is due is made once, however late; those before it that nobody made are counted and
told, not made up for: cumulative registers lose nothing by that. Nothing piles up: a meter that
has not answered the run before is not asked twice.
"""

import logging
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.errors import NotFound, StationError
from umeter_station.fleet import reads, schedule_times
from umeter_station.fleet.select import Selection
from umeter_station.fleet.select import parse as parse_selection
from umeter_station.models import commands
from umeter_station.models_fleet import fleet_read_orders, fleet_reads, schedules
from umeter_station.people import acts

_LATE_S = 120  # A run that is later than that is told to be.
_LONGEST_NAME = 64
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Schedule:
    """`last`: its newest run; `missed`: runs that were never made, over all its life."""

    id: int
    name: str
    selection: str
    every: str
    tz: str
    enabled: bool
    next_at: int
    made_at: int
    made_by: str
    last: reads.Read | None
    missed: int


def add(
    conn: Connection, name: str, selection: Selection, every: str, tz: str, by: str, now_s: int
) -> int:
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise StationError(f"A schedule's name has 1 to {_LONGEST_NAME} printable letters.")
    every = " ".join(every.split())
    if conn.execute(sa.select(schedules.c.id).where(schedules.c.name == name)).first():
        raise StationError(f"There is a schedule {name!r} already; remove it, or take a new name.")
    schedule_id = conn.execute(
        schedules.insert().values(
            name=name,
            selection=str(selection),
            every=every,
            tz=tz,
            next_at=schedule_times.parse(every, tz).next(now_s),
            made_at=now_s,
            made_by=by,
        )
    ).inserted_primary_key[0]
    detail = {"selection": str(selection), "every": every, "tz": tz}
    acts.note(conn, by, "schedule.add", name, detail, now_s)
    return schedule_id


def switch(conn: Connection, name: str, enabled: bool, by: str, now_s: int) -> None:
    """Let it rest, or go on with its next moment from now."""
    row = _row(conn, name)
    next_at = schedule_times.parse(row.every, row.tz).next(now_s)
    conn.execute(
        sa.update(schedules)
        .where(schedules.c.id == row.id)
        .values(enabled=int(enabled), next_at=next_at)
    )
    acts.note(conn, by, "schedule.on" if enabled else "schedule.off", name, {}, now_s)


def remove(conn: Connection, name: str, by: str, now_s: int) -> None:
    """Its reads stay, as reads of their own."""
    row = _row(conn, name)
    conn.execute(
        sa.update(fleet_reads).where(fleet_reads.c.schedule_id == row.id).values(schedule_id=None)
    )
    conn.execute(sa.delete(schedules).where(schedules.c.id == row.id))
    acts.note(conn, by, "schedule.remove", name, {}, now_s)


def all_schedules(conn: Connection) -> list[Schedule]:
    return [_schedule(conn, row) for row in conn.execute(sa.select(schedules)).all()]


def get(conn: Connection, name: str) -> Schedule:
    return _schedule(conn, _row(conn, name))


def _row(conn: Connection, name: str) -> sa.Row:
    row = conn.execute(sa.select(schedules).where(schedules.c.name == name)).first()
    if row is None:
        names = ", ".join(conn.execute(sa.select(schedules.c.name)).scalars()) or "none yet"
        raise NotFound(f"There is no schedule {name!r}; there are: {names}.")
    return row


def _schedule(conn: Connection, row: sa.Row) -> Schedule:
    r = fleet_reads.c
    last_id, missed = conn.execute(
        sa.select(sa.func.max(r.id), sa.func.coalesce(sa.func.sum(r.missed), 0)).where(
            r.schedule_id == row.id
        )
    ).one()
    values = {**row._mapping, "enabled": bool(row.enabled)}
    last = None if last_id is None else reads.get(conn, last_id)
    return Schedule(**values, last=last, missed=int(missed))


def run(conn: Connection, now_s: int) -> list[int]:
    """Make the runs that are due; returns the ids of their reads. Call it at least each minute."""
    s = schedules.c
    due = conn.execute(
        sa.select(schedules).where(s.enabled == 1, s.next_at <= now_s).order_by(s.next_at, s.id)
    ).all()
    return [_run_one(conn, row, now_s) for row in due]


def _run_one(conn: Connection, row: sa.Row, now_s: int) -> int:
    times = schedule_times.parse(row.every, row.tz)
    missed = times.between(row.next_at, now_s)
    next_at = times.next(now_s)
    conn.execute(sa.update(schedules).where(schedules.c.id == row.id).values(next_at=next_at))
    silent = _silent(conn, row.id)
    read_id = reads.place(
        conn,
        parse_selection(row.selection),
        f"job:schedule {row.name}",
        now_s,
        row.next_at,
        row.id,
        missed,
    )
    made = reads.get(conn, read_id)
    sentence = _sentence(row, made, silent, now_s)
    if sentence:
        conn.execute(
            sa.update(fleet_reads).where(fleet_reads.c.id == read_id).values(sentence=sentence)
        )
        _log.warning("schedule %s: %s", row.name, sentence)
    return read_id


def _sentence(row: sa.Row, made: reads.Read, silent: int, now_s: int) -> str:
    said = []
    if made.missed:
        said.append(f"{made.missed} runs before this one were not made")
    elif now_s - row.next_at > _LATE_S:
        said.append(f"{now_s - row.next_at} s late")
    if made.skipped:
        said.append(f"{made.skipped} meters still have to answer the run before")
    if silent:
        said.append(f"{silent} meters never answered it")
    if not made.answers:
        said.append("no meter is chosen by it")
    return "; ".join(said)


def _silent(conn: Connection, schedule_id: int) -> int:
    """Meters that left the last run without an answer, for good."""
    o, c = fleet_read_orders.c, commands.c
    last = sa.select(sa.func.max(fleet_reads.c.id)).where(fleet_reads.c.schedule_id == schedule_id)
    return conn.execute(
        sa.select(sa.func.count())
        .select_from(fleet_read_orders.join(commands, c.id == o.command_id))
        .where(o.read_id == last.scalar_subquery(), c.state == "expired")
    ).scalar_one()
