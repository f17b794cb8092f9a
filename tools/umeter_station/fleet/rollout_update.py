"""A release brought to one meter of a rollout."""

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import update
from umeter_station.errors import StationError
from umeter_station.fleet import rollout_rows
from umeter_station.fleet.rollout_rows import MeterRow, Rollout
from umeter_station.models_updates import updates


def order(conn: Connection, rollout: Rollout, row: MeterRow, now_s: int) -> None:
    try:
        update_id = update.start(conn, row.meter, rollout.payload, now_s, rollout.tag)
    except StationError as error:
        rollout_rows.put(conn, row, "overtaken", now_s, str(error), away_at=None)
        return
    rollout_rows.put(
        conn, row, "ordered", now_s, update_id=update_id, ordered_at=now_s, away_at=None
    )


def refresh(conn: Connection, rollout: Rollout, row: MeterRow, now_s: int) -> None:
    u = updates.c
    state, sentence = conn.execute(
        sa.select(u.state, u.sentence).where(u.id == row.update_id)
    ).one()
    if state == "kept":
        rollout_rows.put(conn, row, "applied", now_s)
    elif state in ("back", "failed"):
        rollout_rows.put(conn, row, "refused", now_s, sentence)
    elif row.state == "ordered" and now_s - (row.ordered_at or 0) >= rollout.answer_s:
        sentence = f"still {state} after {rollout.answer_s} s"
        rollout_rows.put(conn, row, "silent", now_s, sentence)


def give_up(conn: Connection, row: MeterRow, now_s: int) -> None:
    """Bring it no further, unless the meter tries it already: that ends by itself."""
    latest = update.latest(conn, row.meter)
    if latest is not None and latest.id == row.update_id and latest.state != "trial":
        update.give_up(conn, row.meter, now_s)
