"""Settings brought to one meter of a rollout: its orders one by one, and each key's fate."""

import json
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import change, orders, twin
from umeter_station import meters as known_meters
from umeter_station.errors import StationError
from umeter_station.firmware_check import Document
from umeter_station.fleet import rollout_rows
from umeter_station.fleet.preview import own
from umeter_station.fleet.rollout_rows import MeterRow, Rollout
from umeter_station.models import desired
from umeter_station.models_fleet import rollout_keys
from umeter_station.orders import Command
from umeter_station.twin import Twin


def order(conn: Connection, rollout: Rollout, row: MeterRow, now_s: int) -> None:
    """Give the meter its next order, unless somebody else has changed what it is about, or the
    meter would refuse it by now."""
    known = known_meters.get(conn, row.meter)
    seen = twin.get(conn, row.meter)
    changes = _changes(conn, rollout.id, row.meter)
    try:
        # What was applied of it is judged once more, with what is left.
        planned = change.plan(
            known, {k: value for k, (value, _) in changes.items()}, seen.waiting()
        )
    except StationError as error:
        rollout_rows.put(conn, row, "refused", now_s, str(error), away_at=None)
        return
    part = planned.orders[row.part]
    overtaken = _overtaken(rollout, row, seen, planned.before, part, changes)
    if overtaken:
        rollout_rows.put(conn, row, "overtaken", now_s, overtaken, away_at=None)
        return
    command_id = twin.order_set(conn, row.meter, part, now_s, seen.version, rollout.tag)
    rollout_rows.put(
        conn, row, "ordered", now_s, command_id=command_id, ordered_at=now_s, away_at=None
    )


def _changes(conn: Connection, rollout_id: int, meter: str) -> dict[str, tuple[Any, Any]]:
    """{key: (value, what it was when that was planned)} in the order they were written."""
    k = rollout_keys.c
    rows = conn.execute(
        sa.select(k.key, k.value, k.before)
        .where(k.rollout_id == rollout_id, k.meter == meter)
        .order_by(k.position)
    )
    return {key: (json.loads(value), json.loads(before)) for key, value, before in rows}


def _overtaken(
    rollout: Rollout,
    row: MeterRow,
    seen: Twin,
    before: Document,
    part: dict[str, Any],
    changes: dict[str, tuple[Any, Any]],
) -> str:
    """By whom; empty if by nobody. A meter may have been set from another place, too."""
    twins = {d.key: d for d in seen.desired}
    for key in part:
        theirs = twins.get(key)
        if theirs and theirs.version > row.base_version and theirs.set_by != rollout.tag:
            return f"{key} was set meanwhile by {theirs.set_by or 'somebody'}"
        value, planned_from = changes[key]
        now = own(key, before.value(key), seen.reported, seen.waiting())
        if now != planned_from and now != value:
            return f"{key} is {change.shown(key, now)} meanwhile"
    return ""


def refresh(conn: Connection, rollout: Rollout, row: MeterRow, now_s: int) -> None:
    """Look what became of the meter's last order; it was ordered, or has not answered in time."""
    assert row.command_id is not None
    command = orders.get(conn, row.command_id)
    if command.code == twin.OUTDATED:
        again = _ordered_again(conn, rollout, command)
        if again is not None:
            rollout_rows.put(conn, row, row.state, now_s, row.sentence, command_id=again)
            return
    if command.is_open:
        _wait(conn, rollout, row, now_s)
    elif command.state == "applied":
        planned = _orders(conn, rollout, row)
        if row.part + 1 < planned:
            rollout_rows.put(conn, row, "waiting", now_s, part=row.part + 1, command_id=None)
        else:
            rollout_rows.put(conn, row, "applied", now_s)
    elif command.state == "expired" and command.code is None:
        if row.state != "silent":
            rollout_rows.put(conn, row, "silent", now_s, "its order was given up unanswered")
    else:
        rollout_rows.put(conn, row, "refused", now_s, _why(conn, rollout, command))


def _wait(conn: Connection, rollout: Rollout, row: MeterRow, now_s: int) -> None:
    if row.state == "ordered" and now_s - (row.ordered_at or 0) >= rollout.answer_s:
        sentence = f"no answer within {rollout.answer_s} s"
        rollout_rows.put(conn, row, "silent", now_s, sentence)


def _orders(conn: Connection, rollout: Rollout, row: MeterRow) -> int:
    changes = _changes(conn, rollout.id, row.meter)
    return len(change.orders_of({key: value for key, (value, _) in changes.items()}))


def _ordered_again(conn: Connection, rollout: Rollout, command: Command) -> int | None:
    """The order by which the twin repeats this one, that newer settings overtook."""
    d = desired.c
    return conn.execute(
        sa.select(d.command_id)
        .where(
            d.meter == command.meter,
            d.set_by == rollout.tag,
            d.again == 1,
            d.key.in_(list(command.args["set"])),
            d.command_id != command.id,
        )
        .limit(1)
    ).scalar()


def _why(conn: Connection, rollout: Rollout, command: Command) -> str:
    d = desired.c
    rows = conn.execute(
        sa.select(d.key, d.sentence)
        .where(d.meter == command.meter, d.command_id == command.id, d.state == "refused")
        .order_by(d.key)
    )
    told = "; ".join(f"{key}: {sentence}" for key, sentence in rows)
    return told or f"the meter answered {command.code}"


def refresh_keys(conn: Connection, rollout: Rollout, now_s: int) -> None:
    """Keep each key's fate as its twin tells it now."""
    k = rollout_keys.c
    for key in rollout_rows.keys(conn, rollout.id, changed=True):
        sentence = ""
        if key.now == "refused":
            sentence = _sentence(conn, key.meter, key.key)
        conn.execute(
            sa.update(rollout_keys)
            .where(k.rollout_id == rollout.id, k.meter == key.meter, k.key == key.key)
            .values(state=key.now, since=key.now_since, sentence=sentence)
        )


def _sentence(conn: Connection, meter: str, key: str) -> str:
    d = desired.c
    return conn.execute(sa.select(d.sentence).where(d.meter == meter, d.key == key)).scalar_one()
