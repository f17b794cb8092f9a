"""What meters keep in their logs, asked for until the station holds all of it.

Each reading names the newest number of each log. While the station lacks some, one order per log
is under way; its answer, signed as all answers are, brings the next few records and causes the
next order. Everything that matters is in the database, so a restart in the middle loses nothing.
"""

import binascii
import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.sqlite import insert

from umeter_station import orders
from umeter_station.db import count
from umeter_station.logs import LOGS, Log, Stored
from umeter_station.messages import Reading, integer
from umeter_station.models import histories, history_findings, meters
from umeter_station.orders import Command

_LARGEST_N = 2**32 - 1
# A reading may name more than the log holds: it is not signed, and a worn log takes in nothing.
_PATIENCE_S = 900


@dataclass(frozen=True)
class _State:
    """How far one log of one meter is pulled: as a row of `histories`."""

    meter: str
    kind: str
    next_n: int = 1
    boot: int = 0
    command_id: int | None = None
    refused_in: str = ""


@dataclass(frozen=True)
class _Answer:
    """What the meter said: its log held `newest` at last, and `records` are what it could read
    of the numbers from `first` up to, not including, `next_n`."""

    first: int
    next_n: int
    newest: int
    boot: int
    records: list[bytes]


def note_reading(conn: Connection, meter: str, reading: Reading, now_s: int) -> None:
    """Ask for what this reading shows to be missing.

    A meter that names no interval has no log to ask for: it is older, or has no place for one.
    """
    if reading.interval is None:
        return
    for kind, newest in (("events", reading.event), ("profile", reading.interval)):
        state = _state(conn, meter, kind)
        if newest >= state.next_n:
            _ask(conn, state, now_s)
        elif newest < state.next_n - 1 and reading.boot > state.boot:
            # Its log was emptied: numbers come again, and must not replace the old records.
            _find(conn, state, "restarted", state.next_n, state.next_n, now_s)


def note_answer(conn: Connection, command: Command, document: dict[str, Any], now_s: int) -> None:
    """Take in the meter's answer to a history order, which is settled already.

    An answer without records (it was given before, and got lost) asks for nothing: the next
    reading does. So no loop is faster than the meter's readings.
    """
    state = _state(conn, command.meter, command.args["what"])
    if command.state == "refused":
        _leave_in_peace(conn, state, software=command.code == "unknown_op")
    elif "records" in document:
        try:
            answer = _answer(document, LOGS[state.kind], command.args["from"])
        except ValueError:
            count(conn, "history.malformed")
            _leave_in_peace(conn, state)
        else:
            _take(conn, state, answer, now_s)


def _answer(document: dict[str, Any], log: Log, first: int) -> _Answer:
    """Raises ValueError if the answer contradicts itself."""
    text = document["records"]
    if not isinstance(text, str):
        raise ValueError("records is not a text")
    raw = binascii.a2b_base64(text.strip(), strict_mode=True)
    if len(raw) % log.record_bytes:
        raise ValueError("records is cut off")
    newest = integer(document, "newest", low=0)
    next_n = integer(document, "next", low=first)
    if newest > _LARGEST_N or (next_n > first and next_n > newest + 1):
        raise ValueError("next is beyond the newest")
    records = [raw[at : at + log.record_bytes] for at in range(0, len(raw), log.record_bytes)]
    numbers = [log.number(record) for record in records]
    if sorted(set(numbers)) != numbers or any(not first <= n < next_n for n in numbers):
        raise ValueError("records has numbers that were not asked for")
    return _Answer(first, next_n, newest, integer(document, "boot", 0, low=0), records)


def _take(conn: Connection, state: _State, answer: _Answer, now_s: int) -> None:
    log = LOGS[state.kind]
    for raw in answer.records:
        if log.store(conn, state.meter, raw, now_s) is Stored.CONTRADICTS:
            n = log.number(raw)
            _find(conn, state, "contradicts", n, n, now_s)
    if answer.next_n <= answer.first <= answer.newest:
        # It holds more, but does not say what: asking again would go on for ever.
        count(conn, "history.stuck")
        _leave_in_peace(conn, state)
        return
    next_n = state.next_n
    if answer.first <= next_n < answer.next_n:
        for first_n, last_n in log.missing(conn, state.meter, next_n, answer.next_n):
            _find(conn, state, "lost", first_n, last_n, now_s)
        next_n = answer.next_n
    state = _keep(conn, state, next_n=next_n, boot=max(state.boot, answer.boot))
    if answer.newest >= next_n:
        _ask(conn, state, now_s)


def _ask(conn: Connection, state: _State, now_s: int) -> None:
    """Order the next records, unless an order is under way or the meter refused."""
    if state.command_id is not None:
        last = orders.get(conn, state.command_id)
        found_nothing = (last.result or {}).get("next") == last.args["from"]
        if last.is_open or (found_nothing and now_s - last.created_at < _PATIENCE_S):
            return
    if state.refused_in and state.refused_in in _here(conn, state.meter):
        return
    log = LOGS[state.kind]
    command_id = orders.place(
        conn,
        state.meter,
        "history",
        {"what": state.kind, "from": state.next_n, "count": log.chunk},
        now_s,
    )
    _keep(conn, state, command_id=command_id)


def _here(conn: Connection, meter: str) -> tuple[str, str]:
    """The meter's present boot, and its present software."""
    m = meters.c
    boot, status = conn.execute(sa.select(m.boot, m.status).where(m.meter == meter)).one()
    document = json.loads(status)
    return f"boot {boot}", f"software {document.get('version')} {document.get('digest')}"


def _leave_in_peace(conn: Connection, state: _State, software: bool = False) -> None:
    """Ask nothing more until the meter's next boot, or until it has other software."""
    count(conn, "history.refused")
    _keep(conn, state, refused_in=_here(conn, state.meter)[1 if software else 0])


def _state(conn: Connection, meter: str, kind: str) -> _State:
    h = histories.c
    row = conn.execute(sa.select(histories).where(h.meter == meter, h.kind == kind)).first()
    return _State(meter, kind) if row is None else _State(**row._mapping)


def _keep(conn: Connection, state: _State, **changes: Any) -> _State:
    new = _State(**{**state.__dict__, **changes})
    conn.execute(
        insert(histories)
        .values(new.__dict__)
        .on_conflict_do_update(index_elements=["meter", "kind"], set_=changes)
    )
    return new


def _find(
    conn: Connection, state: _State, what: str, first_n: int, last_n: int, now_s: int
) -> None:
    """Note it once."""
    noted = conn.execute(
        insert(history_findings)
        .values(
            meter=state.meter,
            kind=state.kind,
            what=what,
            first_n=first_n,
            last_n=last_n,
            noted_at=now_s,
        )
        .on_conflict_do_nothing()
    )
    if noted.rowcount == 1:
        count(conn, f"history.{what}")
