"""How far the pull of a meter's logs has come."""

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import gaps, meters, orders, sql
from umeter_station.logs import LOGS
from umeter_station.models import commands, histories, history_findings


@dataclass(frozen=True)
class Progress:
    """One log ("events" or "profile"). `have` records from `oldest_n` to `newest_n` are here (0:
    none); `announced_n` is the newest that the meter named; `missing` of what it may still hold
    are to come, `lost` nobody can have any more. `refused_in`: "" or the boot or the software in
    which the meter would not give them."""

    kind: str
    have: int
    oldest_n: int
    newest_n: int
    announced_n: int
    missing: int
    lost: int
    is_paused: bool
    is_asked: bool
    refused_in: str


def progress(conn: Connection, meter: str) -> list[Progress]:
    meters.get(conn, meter)
    return [_progress(conn, meter, kind) for kind in LOGS]


def _progress(conn: Connection, meter: str, kind: str) -> Progress:
    n = LOGS[kind].table.c.n
    have, oldest_n, newest_n = conn.execute(
        sa.select(sa.func.count(), sa.func.min(n), sa.func.max(n)).where(
            LOGS[kind].table.c.meter == meter
        )
    ).one()
    f = history_findings.c
    lost = conn.execute(
        sa.select(sa.func.coalesce(sa.func.sum(f.last_n - f.first_n + 1), 0)).where(
            f.meter == meter, f.kind == kind, f.what == "lost"
        )
    ).scalar_one()
    h, c = histories.c, commands.c
    row = conn.execute(
        sa.select(histories, c.state)
        .outerjoin(commands, c.id == h.command_id)
        .where(h.meter == meter, h.kind == kind)
    ).first()
    newer = max(0, row.newest - row.next_n + 1) if row else 0
    return Progress(
        kind=kind,
        have=have,
        oldest_n=oldest_n or 0,
        newest_n=newest_n or 0,
        announced_n=row.newest if row else 0,
        missing=newer + gaps.size(conn, meter, kind),
        lost=lost,
        is_paused=bool(row and row.paused),
        is_asked=bool(row and row.state in orders.OPEN_STATES),
        refused_in=row.refused_in if row else "",
    )


def at_rest(conn: Connection, names: Collection[str]) -> dict[str, tuple[int, int]]:
    """Of these meters those of which nothing is to be asked as long as their readings name the
    same newest event and interval: those numbers."""
    wanted = list(names)
    found = {meter: [0, 0] for meter in wanted}
    rows = sql.of_names(
        conn,
        "SELECT meter, kind, next_n, newest, paused, refused_in FROM histories WHERE meter",
        wanted,
    )
    for meter, kind, next_n, newest, paused, refused_in in rows:
        if newest < next_n or paused or refused_in:
            if meter in found:
                found[meter][kind == "profile"] = newest
        else:
            found.pop(meter, None)
    for (meter,) in sql.of_names(conn, "SELECT meter FROM history_gaps WHERE meter", wanted):
        found.pop(meter, None)
    return {meter: (event, interval) for meter, (event, interval) in found.items()}
