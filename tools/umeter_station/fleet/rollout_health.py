"""Whether the meters that have taken something over do well with it."""

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.fleet import rollout_rows, watching
from umeter_station.fleet.rollout_rows import MeterRow, Rollout
from umeter_station.models import meters
from umeter_station.models_fleet import rollout_meters


def judge(conn: Connection, rollout: Rollout, now_s: int) -> None:
    """Of all meters that applied it: a critical finding that came since tells against it; so does
    one of the wave that is watched, if it stays away longer than it may take to answer."""
    rows = {row.meter: row for row in rollout_rows.meters(conn, rollout.id, "applied")}
    if not rows:
        return
    for meter, found in watching.critical_since(conn, list(rows)).items():
        row = rows[meter]
        rules = sorted({rule for rule, at in found if at >= (row.ordered_at or 0)})
        if rules:
            sentence = f"critical since: {', '.join(rules)}"
            rollout_rows.put(conn, rows.pop(meter), "unhealthy", now_s, sentence)
    gone = _away(conn, rollout)
    for row in rows.values():
        if row.meter not in gone:
            if row.away_at is not None:
                _note_away(conn, row, None)
        elif row.away_at is None:
            _note_away(conn, row, now_s)
        elif now_s - row.away_at >= rollout.answer_s:
            sentence = f"gone for {now_s - row.away_at} s"
            rollout_rows.put(conn, row, "unhealthy", now_s, sentence)


def someone_is_away(conn: Connection, rollout: Rollout) -> bool:
    """Of the watched wave, of those that applied it."""
    return bool(_away(conn, rollout))


def last_applied(conn: Connection, rollout: Rollout) -> int:
    """When the last of the watched wave had it; 0 if none has."""
    m = rollout_meters.c
    return conn.execute(
        sa.select(sa.func.coalesce(sa.func.max(m.since), 0)).where(
            m.rollout_id == rollout.id, m.state == "applied", m.wave == rollout.wave
        )
    ).scalar_one()


def _away(conn: Connection, rollout: Rollout) -> set[str]:
    m = rollout_meters.c
    return set(
        conn.execute(
            sa.select(m.meter)
            .join(meters, meters.c.meter == m.meter)
            .where(
                m.rollout_id == rollout.id,
                m.state == "applied",
                m.wave == rollout.wave,
                meters.c.presence != "online",
                meters.c.retired_at.is_(None),
            )
        ).scalars()
    )


def _note_away(conn: Connection, row: MeterRow, away_at: int | None) -> None:
    m = rollout_meters.c
    conn.execute(
        sa.update(rollout_meters)
        .where(m.rollout_id == row.rollout_id, m.meter == row.meter)
        .values(away_at=away_at)
    )
