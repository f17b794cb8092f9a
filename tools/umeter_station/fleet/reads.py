"""Fresh readings of many meters at once, and how long meters take to answer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import orders
from umeter_station.errors import NotFound, StationError
from umeter_station.fleet.select import Selection, choose
from umeter_station.models import commands
from umeter_station.models_fleet import fleet_read_orders, fleet_reads
from umeter_station.people import acts


@dataclass(frozen=True)
class Answer:
    """One meter's part. `state` as of an order; `answer_s`: how long it took, None so far."""

    meter: str
    command_id: int
    state: str
    answer_s: int | None


@dataclass(frozen=True)
class Read:
    """`skipped`: of the meters, how many had one to answer already, which counts for this one,
    too; `missed`: runs of the schedule before it that were never made."""

    id: int
    placed_at: int
    by: str
    selection: str
    schedule_id: int | None
    due_at: int
    skipped: int
    missed: int
    sentence: str
    answers: tuple[Answer, ...]

    def count(self, *states: str) -> int:
        return sum(answer.state in states for answer in self.answers)

    @property
    def open(self) -> int:
        return self.count(*orders.OPEN_STATES)

    @property
    def is_over(self) -> bool:
        return self.open == 0


@dataclass(frozen=True)
class Times:
    """Of the orders that were answered, whole seconds; None where none was."""

    answered: int
    unanswered: int
    p50_s: int | None
    p95_s: int | None
    slowest_s: int | None


def order(conn: Connection, selection: Selection, by: str, now_s: int) -> int:
    """Ask the chosen meters for a reading; returns the read's id. StationError if none is."""
    read_id = place(conn, selection, by, now_s, now_s)
    if not get(conn, read_id).answers:
        raise StationError(f"No meter is chosen by {selection}; look with `fleet list`.")
    acts.note(conn, by, "fleet.read", str(selection), {"read": read_id}, now_s)
    return read_id


def place(
    conn: Connection,
    selection: Selection,
    by: str,
    now_s: int,
    due_at: int,
    schedule_id: int | None = None,
    missed: int = 0,
) -> int:
    """The same without a word about it. A meter that still has to answer one gets no second."""
    chosen = choose(conn, selection, now_s)
    waiting = _waiting(conn)
    skipped = sum(known.meter in waiting for known in chosen)
    read_id = conn.execute(
        fleet_reads.insert().values(
            placed_at=now_s,
            by=by,
            selection=str(selection),
            schedule_id=schedule_id,
            due_at=due_at,
            skipped=skipped,
            missed=missed,
        )
    ).inserted_primary_key[0]
    rows = [
        {
            "read_id": read_id,
            "meter": known.meter,
            "command_id": waiting.get(known.meter)
            or orders.place(conn, known.meter, "read", {}, now_s),
        }
        for known in chosen
    ]
    if rows:
        conn.execute(fleet_read_orders.insert(), rows)
    return read_id


def _waiting(conn: Connection) -> dict[str, int]:
    """{meter: order} of the readings that are asked for and not here."""
    c = commands.c
    rows = conn.execute(
        sa.select(c.meter, c.id).where(c.op == "read", c.state.in_(orders.OPEN_STATES))
    )
    return {meter: command_id for meter, command_id in rows}


def get(conn: Connection, read_id: int) -> Read:
    row = conn.execute(sa.select(fleet_reads).where(fleet_reads.c.id == read_id)).first()
    if row is None:
        raise NotFound(f"There is no read {read_id}; see `fleet reads`.")
    o, c = fleet_read_orders.c, commands.c
    rows = conn.execute(
        sa.select(o.meter, o.command_id, c.state, c.created_at, c.answered_at)
        .join(commands, c.id == o.command_id)
        .where(o.read_id == read_id)
        .order_by(o.meter)
    )
    answers = [
        Answer(
            meter=found.meter,
            command_id=found.command_id,
            state=found.state,
            answer_s=None
            if found.answered_at is None
            else max(0, found.answered_at - found.created_at),
        )
        for found in rows
    ]
    return Read(**row._mapping, answers=tuple(answers))


def latest(conn: Connection, limit: int, before_id: int | None = None) -> list[int]:
    """The ids of the newest reads, newest first; of those older than `before_id`."""
    r = fleet_reads.c
    query = sa.select(r.id).order_by(r.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(r.id < before_id)
    return list(conn.execute(query).scalars())


def times(answers: Iterable[Answer]) -> Times:
    found = list(answers)
    took_s = sorted(answer.answer_s for answer in found if answer.answer_s is not None)
    return _times(took_s, len(found) - len(took_s))


def answer_times(conn: Connection, since_s: int, op: str = "read") -> Times:
    """Of all orders of a kind placed since then; those that are still on their way are not
    counted, those that nobody answered are."""
    c = commands.c
    rows = conn.execute(
        sa.select(c.created_at, c.answered_at).where(
            c.op == op, c.created_at >= since_s, c.state.not_in(orders.OPEN_STATES)
        )
    ).all()
    took_s = sorted(max(0, at - created) for created, at in rows if at is not None)
    return _times(took_s, len(rows) - len(took_s))


def _times(took_s: Sequence[int], unanswered: int) -> Times:
    return Times(
        answered=len(took_s),
        unanswered=unanswered,
        p50_s=percentile(took_s, 50),
        p95_s=percentile(took_s, 95),
        slowest_s=took_s[-1] if took_s else None,
    )


def percentile(ordered: Sequence[int], percent: int) -> int | None:
    """The smallest that so many percent are not above; `ordered` from the smallest."""
    if not ordered:
        return None
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
