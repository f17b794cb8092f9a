"""The twin of a meter's settings: what each shall be, beside what the meter reports.

Who orders settings says from which version he started; if others came in between, that is a
conflict and nothing is sent. The meter judges each key and takes no version older than its own,
so with two orders on their way the newer one wins, whatever the network does to them. What only
the older one sets is then ordered once more by itself.
"""

import functools
import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import meters as known_meters
from umeter_station import orders
from umeter_station.errors import Conflict, StationError
from umeter_station.firmware_check import Document
from umeter_station.models import commands, desired, meters
from umeter_station.orders import Command
from umeter_station.people import acts
from umeter_station.sql import greatest, insert
from umeter_station.words import time_text

OUTDATED = "outdated"
LARGEST_VERSION = 2**30 - 1  # that a meter takes
_LONGEST_NAME = 64
_NO_KEYS = "refused in part, and the answer that said which was lost"


@dataclass(frozen=True)
class Desired:
    """One setting. States: waiting (no answer), applied, refused (`sentence` has the meter's
    words), differs (it was applied, and the meter reports another value). `since`, Unix seconds:
    when that began. `is_open`: the order is still on its way."""

    key: str
    value: Any
    version: int
    set_at: int
    set_by: str
    state: str
    since: int
    sentence: str
    is_open: bool


@dataclass(frozen=True)
class Twin:
    """`version`: of the newest settings ordered, or reported if that is newer. `reported`: all
    the meter said last, {} before it has; `desired`: what was ordered, by key."""

    meter: str
    version: int
    reported: dict[str, Any]
    desired: tuple[Desired, ...]

    def waiting(self) -> dict[str, Any]:
        """What is on its way, in the order of the versions."""
        on_way = sorted((row for row in self.desired if row.is_open), key=lambda d: d.version)
        return {row.key: row.value for row in on_way}


def get(conn: Connection, meter: str) -> Twin:
    known_meters.get(conn, meter)
    d, c = desired.c, commands.c
    version, reported = _newest(conn, meter)
    rows = conn.execute(
        sa.select(desired, c.state.label("order_state"))
        .join(commands, c.id == d.command_id)
        .where(d.meter == meter)
        .order_by(d.key)
    )
    found = [
        Desired(
            key=row.key,
            value=json.loads(row.value),
            version=row.version,
            set_at=row.set_at,
            set_by=row.set_by,
            state=row.state,
            since=row.since,
            sentence=row.sentence,
            is_open=row.state == "waiting" and row.order_state in orders.OPEN_STATES,
        )
        for row in rows
    ]
    return Twin(meter, version, reported, tuple(found))


def order_set(
    conn: Connection,
    meter: str,
    changes: dict[str, Any],
    now_s: int,
    base_version: int | None = None,
    by: str = "",
) -> int:
    """Order settings inside the caller's write transaction; returns the order's id.

    `base_version`: the version that whoever decided had before him; Conflict if it is no longer
    the newest. `by` names him to others.
    """
    known_meters.get(conn, meter)
    if not changes:
        raise StationError("Name at least one setting, as price_u_per_kwh=250000.")
    if len(by) > _LONGEST_NAME or not (by == "" or by.isprintable()):
        raise StationError(f"Who sets it is named in at most {_LONGEST_NAME} printable letters.")
    newest, _ = _newest(conn, meter)
    if base_version is not None and base_version != newest:
        raise Conflict(_changed_meanwhile(conn, meter, newest))
    version, command_id = _place(conn, meter, changes, now_s, by)
    for key, value in changes.items():
        row = {
            "value": json.dumps(value, separators=(",", ":")),
            "version": version,
            "set_at": now_s,
            "set_by": by,
            "command_id": command_id,
            "again": 0,
            "state": "waiting",
            "since": now_s,
            "sentence": "",
        }
        conn.execute(
            insert(conn, desired)
            .values(meter=meter, key=key, **row)
            .on_conflict_do_update(index_elements=["meter", "key"], set_=row)
        )
    detail = {"set": changes, "version": version, "order": command_id}
    acts.note(conn, by or "system", "settings.set", meter, detail, now_s)
    return command_id


def note_answer(conn: Connection, command: Command, document: dict[str, Any], now_s: int) -> None:
    """Take over what a set order's answer says of each key; the order is settled already."""
    if command.code == OUTDATED:
        _order_again(conn, command, document, now_s)
        return
    keys = document.get("keys")
    for row in _rows(conn, command.meter, command.id):
        told = keys.get(row.key, "applied") if isinstance(keys, dict) else None
        if command.state == "applied" or (told == "applied" and command.state == "partly"):
            state, sentence = "applied", ""
        elif command.state == "partly":
            state, sentence = "refused", str(told or _NO_KEYS)
        elif command.state in ("refused", "expired"):
            state, sentence = "refused", _why(command, told, document)
        else:
            continue  # It does not say: what the meter reports will.
        _move(conn, row, state, now_s, sentence)
    note_report(conn, command.meter, now_s)


def note_report(conn: Connection, meter: str, now_s: int, fresh: bool = False) -> None:
    """Compare what is desired with what the meter reported last, as it is stored.

    A report of before the order proves nothing. One that has the value settles the question; one
    that has another is a difference only after the meter said that it applied it. `fresh`: the
    report came just now, so an older version in it means that the meter has lost its settings.
    """
    _, reported = _newest(conn, meter)
    version = reported.get("version")
    if type(version) is not int:
        return
    for row in _rows(conn, meter):
        proven = row.version <= version
        if _is_so(row.key, json.loads(row.value), reported):
            if proven or row.state == "differs":
                _move(conn, row, "applied", now_s)
        elif row.state == "applied" and (proven or fresh):
            _move(conn, row, "differs", now_s)


def _newest(conn: Connection, meter: str) -> tuple[int, dict[str, Any]]:
    m = meters.c
    row = conn.execute(sa.select(m.settings_version, m.settings).where(m.meter == meter)).one()
    return row.settings_version, json.loads(row.settings)


def _changed_meanwhile(conn: Connection, meter: str, version: int) -> str:
    d = desired.c
    row = conn.execute(
        sa.select(d.set_by, d.set_at).where(d.meter == meter, d.version == version).limit(1)
    ).first()
    if row is None:
        return (
            f"{meter} has reported newer settings meanwhile (version {version}); look at them"
            " again."
        )
    return (
        f"The settings of {meter} were changed meanwhile by {row.set_by or 'somebody'} at"
        f" {time_text(row.set_at)} (version {version}); look at them again."
    )


def _place(
    conn: Connection, meter: str, changes: dict[str, Any], now_s: int, by: str
) -> tuple[int, int]:
    """(version, id of the order)"""
    m = meters.c
    version = conn.execute(
        sa.update(meters)
        .where(m.meter == meter)
        .values(settings_version=m.settings_version + 1)
        .returning(m.settings_version)
    ).scalar_one()
    args = {"version": version, "set": changes}
    return version, orders.place(conn, meter, "set", args, now_s, by)


def _rows(conn: Connection, meter: str, command_id: int | None = None) -> list[sa.Row]:
    """All that is desired, or what this order asked for and no newer one has replaced."""
    query = sa.select(desired).where(desired.c.meter == meter)
    if command_id is not None:
        query = query.where(desired.c.command_id == command_id)
    return list(conn.execute(query))


def _move(conn: Connection, row: sa.Row, state: str, now_s: int, sentence: str = "") -> None:
    if (row.state, row.sentence) != (state, sentence):
        conn.execute(
            sa.update(desired)
            .where(desired.c.meter == row.meter, desired.c.key == row.key)
            .values(state=state, since=now_s, sentence=sentence)
        )


def _why(command: Command, told: Any, document: dict[str, Any]) -> str:
    reason = document.get("reason")
    if isinstance(told, str) and told != "applied":
        return told
    if isinstance(reason, str) and reason:
        return f"{command.code}: {reason}"
    return str(command.code)


def _order_again(conn: Connection, command: Command, document: dict[str, Any], now_s: int) -> None:
    """The meter had newer settings. What those did not set is still wanted: order it once more,
    and no more than once, since nobody looks on."""
    version = document.get("version")
    if type(version) is int and 0 <= version < LARGEST_VERSION:
        conn.execute(
            sa.update(meters)
            .where(meters.c.meter == command.meter)
            .values(settings_version=greatest(meters.c.settings_version, version))
        )
    rows = _rows(conn, command.meter, command.id)
    for row in rows:
        if row.again:
            _move(conn, row, "refused", now_s, _why(command, None, document))
    changes = {row.key: json.loads(row.value) for row in rows if not row.again}
    if changes:
        version, command_id = _place(conn, command.meter, changes, now_s, "station")
        conn.execute(
            sa.update(desired)
            .where(desired.c.command_id == command.id, desired.c.again == 0)
            .values(version=version, command_id=command_id, again=1)
        )


def _is_so(key: str, value: Any, reported: dict[str, Any]) -> bool:
    if value is not None:
        return reported.get(key) == value
    # A channel's own value is gone from the report; a setting of the site has its default.
    return key not in reported or (not key.startswith("ch.") and _is_default(key, reported[key]))


@functools.cache
def _defaults() -> Document:
    return Document({}, 1)


def _is_default(key: str, value: Any) -> bool:
    """Of a setting that only a newer meter knows, its word is taken."""
    defaults = _defaults()
    return key not in defaults.names or defaults.value(key) == value
