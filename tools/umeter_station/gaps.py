"""Numbers of a meter's log that should be here and are not: asked for once more, then lost.

An answer leaves out what the meter could not read. That may be a bad moment of its flash, so the
numbers are kept as a gap until a second answer has left them out, too; what the meter says is
older than all it holds is lost at once.
"""

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.logs import LOGS
from umeter_station.models import history_findings, history_gaps
from umeter_station.sql import insert

_g = history_gaps.c


def missing(
    conn: Connection, meter: str, kind: str, first_n: int, end_n: int
) -> Iterator[tuple[int, int]]:
    """Runs (first, last) of the numbers from `first_n` to before `end_n` that are neither here
    nor lost nor a gap already."""
    f = history_findings.c
    known = [
        *conn.execute(
            sa.select(f.first_n, f.last_n)
            .where(f.meter == meter, f.kind == kind, f.what == "lost", f.last_n >= first_n)
            .order_by(f.first_n)
        ),
        *_all(conn, meter, kind),
    ]
    for run in LOGS[kind].missing(conn, meter, first_n, end_n):
        yield from _without([run], known)


def _without(runs: list[tuple[int, int]], known: list[sa.Row]) -> list[tuple[int, int]]:
    for first_n, last_n in known:
        parts = []
        for first, last in runs:
            parts += [(first, min(last, first_n - 1)), (max(first, last_n + 1), last)]
        runs = [(first, last) for first, last in parts if first <= last]
    return runs


def note(conn: Connection, meter: str, kind: str, first_n: int, last_n: int) -> None:
    conn.execute(
        insert(conn, history_gaps)
        .values(meter=meter, kind=kind, first_n=first_n, last_n=last_n)
        .on_conflict_do_nothing()
    )


def next_window(conn: Connection, meter: str, kind: str) -> tuple[int, int] | None:
    """(number, count) to ask for: from the first gap on, as many as one order may; None if there
    is no gap."""
    found = _all(conn, meter, kind)
    if not found:
        return None
    first_n = found[0].first_n
    end_n = first_n + LOGS[kind].chunk
    last_n = max(gap.last_n for gap in found if gap.first_n < end_n)
    return first_n, min(last_n + 1, end_n) - first_n


def asked(
    conn: Connection, meter: str, kind: str, window: tuple[int, int], command_id: int
) -> None:
    """That order asks for the gaps of this window."""
    conn.execute(
        sa.update(history_gaps)
        .where(_g.meter == meter, _g.kind == kind, _g.first_n < sum(window))
        .values(command_id=command_id)
    )


def close(conn: Connection, command_id: int, next_n: int | None) -> list[tuple[int, int]]:
    """The order has been answered up to, not including, `next_n` (None: the log is another one
    by now), and what came is stored. Returns the runs that are lost; what the answer did not
    reach stays a gap."""
    lost = []
    for gap in conn.execute(sa.select(history_gaps).where(_g.command_id == command_id)).all():
        end_n = gap.last_n + 1 if next_n is None else max(min(gap.last_n + 1, next_n), gap.first_n)
        conn.execute(
            sa.delete(history_gaps).where(
                _g.meter == gap.meter, _g.kind == gap.kind, _g.first_n == gap.first_n
            )
        )
        lost += LOGS[gap.kind].missing(conn, gap.meter, gap.first_n, end_n)
        if end_n <= gap.last_n:
            note(conn, gap.meter, gap.kind, end_n, gap.last_n)
    return lost


def size(conn: Connection, meter: str, kind: str) -> int:
    """How many numbers are in gaps."""
    return sum(gap.last_n - gap.first_n + 1 for gap in _all(conn, meter, kind))


def _all(conn: Connection, meter: str, kind: str) -> list[sa.Row]:
    return list(
        conn.execute(
            sa.select(_g.first_n, _g.last_n)
            .where(_g.meter == meter, _g.kind == kind)
            .order_by(_g.first_n)
        )
    )
