"""What meters keep in their logs, asked for until the station holds all of it.

Each reading names the newest number of each log. While the station lacks some, one order per log
is under way; its answer, signed as all answers are, brings the next few records and causes the
next order. So at most one chunk of each log is ahead of what people order. The newest records come
first to be asked for, the gaps (gaps.py) when nothing newer is missing. Everything that matters is
in the database, so a restart in the middle loses nothing, and a pause outlasts it.
"""

import binascii
import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import gaps, orders, update
from umeter_station import meters as known_meters
from umeter_station.db import count
from umeter_station.logs import LOGS, Log, Stored
from umeter_station.messages import Reading, integer
from umeter_station.models import histories, history_findings, meters
from umeter_station.orders import Command
from umeter_station.sql import insert

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
    newest: int = 0
    paused: int = 0


@dataclass(frozen=True)
class _Answer:
    """What the meter said: its log held `oldest` to `newest`, and `records` are what it could
    read of the numbers from `first` up to, not including, `next_n`."""

    first: int
    next_n: int
    oldest: int
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
        if newest != state.newest:
            state = _keep(conn, state, newest=newest)
        if newest >= state.next_n - 1:
            _ask(conn, state, now_s)
        elif state.next_n > 1 and reading.boot > state.boot:
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
            _take(conn, state, command, answer, now_s)


def pause(conn: Connection, meter: str, now_s: int | None = None) -> bool:
    """Ask nothing more of this meter's logs, and give up what is on its way: an answer that comes
    all the same is taken in. False if it was paused already."""
    known_meters.get(conn, meter)
    states = [_state(conn, meter, kind) for kind in LOGS]
    for state in states:
        _keep(conn, state, paused=1)
        if state.command_id is not None:
            orders.give_up(conn, state.command_id, now_s)
    return not all(state.paused for state in states)


def resume(conn: Connection, meter: str, now_s: int) -> bool:
    """Go on, beginning with a search for gaps in all that was pulled before; False if it was not
    paused."""
    known_meters.get(conn, meter)
    states = [_state(conn, meter, kind) for kind in LOGS]
    for state in states:
        _note_gaps(conn, state, 1, state.next_n, 0, now_s)
        _ask(conn, _keep(conn, state, paused=0), now_s)
    return any(state.paused for state in states)


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
    oldest = integer(document, "oldest", 0, low=0)
    return _Answer(first, next_n, oldest, newest, integer(document, "boot", 0, low=0), records)


def _take(conn: Connection, state: _State, command: Command, answer: _Answer, now_s: int) -> None:
    log = LOGS[state.kind]
    # A log that was emptied gives its numbers anew: they would fill a gap with what it never held.
    began_anew = answer.newest < state.next_n - 1 and answer.boot > state.boot
    for raw in () if began_anew else answer.records:
        event = log.untold(conn, state.meter, raw)
        stored = log.store(conn, state.meter, raw, now_s)
        if event is not None and stored is Stored.NEW:
            update.note_event(conn, state.meter, event, now_s)
        if stored is Stored.CONTRADICTS:
            n = log.number(raw)
            _find(conn, state, "contradicts", n, n, now_s)
    if answer.next_n <= answer.first <= answer.newest:
        # It holds more, but does not say what: asking again would go on for ever.
        count(conn, "history.stuck")
        _leave_in_peace(conn, state)
        return
    next_n = state.next_n
    for first_n, last_n in gaps.close(conn, command.id, None if began_anew else answer.next_n):
        _find(conn, state, "lost", first_n, last_n, now_s)
    if answer.first <= next_n < answer.next_n:
        # Once in each boot of the meter all that was pulled before is looked through, too.
        from_n = 1 if answer.boot > state.boot else next_n
        next_n = answer.next_n
        _note_gaps(conn, state, from_n, next_n, answer.oldest, now_s)
    boot = max(state.boot, answer.boot)
    state = _keep(conn, state, next_n=next_n, boot=boot, newest=answer.newest)
    if answer.newest >= next_n - 1:
        _ask(conn, state, now_s)


def _note_gaps(
    conn: Connection, state: _State, first_n: int, end_n: int, oldest_n: int, now_s: int
) -> None:
    """Of what is missing there, the meter can be asked again for what it still holds."""
    for first, last in list(gaps.missing(conn, state.meter, state.kind, first_n, end_n)):
        if first < oldest_n:
            _find(conn, state, "lost", first, min(last, oldest_n - 1), now_s)
        if last >= oldest_n:
            gaps.note(conn, state.meter, state.kind, max(first, oldest_n), last)


def _ask(conn: Connection, state: _State, now_s: int) -> None:
    """Order the next records, unless an order is under way, the meter refused, or it is paused."""
    wants_newer = state.newest >= state.next_n
    gap = gaps.next_window(conn, state.meter, state.kind)
    if state.paused or not (wants_newer or gap):
        return
    if state.command_id is not None:
        last = orders.get(conn, state.command_id)
        if last.is_open:
            return
        found_nothing = (last.result or {}).get("next") == last.args["from"]
        if found_nothing and now_s - last.created_at < _PATIENCE_S:
            wants_newer = False
    if state.refused_in and state.refused_in in _here(conn, state.meter):
        return
    window = (state.next_n, LOGS[state.kind].chunk) if wants_newer else gap
    if window is None:
        return
    args = {"what": state.kind, "from": window[0], "count": window[1]}
    command_id = orders.place(conn, state.meter, "history", args, now_s, "station")
    if not wants_newer:
        gaps.asked(conn, state.meter, state.kind, window, command_id)
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
        insert(conn, histories)
        .values(new.__dict__)
        .on_conflict_do_update(index_elements=["meter", "kind"], set_=changes)
    )
    return new


def _find(
    conn: Connection, state: _State, what: str, first_n: int, last_n: int, now_s: int
) -> None:
    """Note it once."""
    noted = conn.execute(
        insert(conn, history_findings)
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
