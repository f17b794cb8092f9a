"""One uplink message to its place in the database, inside a batch's transaction."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from umeter_station import (
    clones,
    history,
    messages,
    meters,
    orders,
    results,
    strangers,
    update,
    uplinks,
)
from umeter_station.db import count


@dataclass(frozen=True)
class Message:
    topic: str
    payload: bytes


class Inbox:
    """`tolerance_s`: how far a meter's clock may be off before it is ordered to be set."""

    def __init__(self, tolerance_s: int) -> None:
        self._tolerance_s = tolerance_s

    def store(
        self, conn: Connection, batch: Iterable[Message], now_s: int, is_behind: bool = False
    ) -> set[str]:
        """Store messages; returns the meters that have just appeared. `is_behind`: they may have
        waited, so that an old reading need not come from a clock that is slow.

        Malformed, forged and foreign messages are counted, and that is all that happens to them:
        each message is a savepoint of its own, so one that turns out to be bad half-way leaves no
        half behind.
        """
        appeared = set()
        for message in batch:
            try:
                with conn.begin_nested():
                    meter = self._store_one(conn, message, now_s, is_behind)
            except ValueError:
                count(conn, "message.malformed")
            else:
                if meter is not None:
                    appeared.add(meter)
        return appeared

    def _store_one(
        self, conn: Connection, message: Message, now_s: int, is_behind: bool
    ) -> str | None:
        parts = message.topic.split("/")
        if len(parts) != 4 or parts[0] != "umeter" or parts[2] != "up":
            count(conn, "message.foreign")
            return None
        meter, kind = parts[1], parts[3]
        known = meters.find(conn, meter) if meters.is_name(meter) else None
        if known is None or known.retired_at is not None:
            count(conn, "message.retired" if known else "message.unknown_meter")
            if known is None and meters.is_name(meter):
                strangers.note(conn, meter, now_s, status=_status_text(kind, message.payload))
            return None
        if kind == "status":
            return self._status(conn, meter, message.payload, now_s)
        if kind == "reading":
            self._reading(conn, meter, message.payload, now_s, is_behind)
        elif kind == "result":
            if not results.apply_result(conn, meter, message.payload, now_s):
                return None
        elif kind == "event":
            event = messages.event(messages.parse_json(message.payload))
            if uplinks.store_event(conn, meter, event, now_s):
                update.note_event(conn, meter, event, now_s)
        elif kind == "settings":
            # Retained: it says nothing about whether the meter is there now.
            uplinks.store_settings(conn, meter, messages.parse_json(message.payload), now_s)
            return None
        else:
            count(conn, "message.foreign")
            return None
        return meter if uplinks.note_alive(conn, meter, now_s) else None

    def _status(self, conn: Connection, meter: str, payload: bytes, now_s: int) -> str | None:
        if not payload:
            return None  # A retained status that was cleared.
        status = messages.status(messages.parse_json(payload))
        if status.online:
            clones.look_at_boot(conn, meter, status.boot, now_s)
        if not uplinks.store_status(conn, meter, status) or not status.online:
            return None
        update.note_status(conn, meter, now_s)
        if status.clock == 0:
            orders.order_time(conn, meter, status.boot, now_s)
        return meter

    def _reading(
        self, conn: Connection, meter: str, payload: bytes, now_s: int, is_behind: bool
    ) -> None:
        reading = messages.reading(messages.parse_json(payload))
        t = reading.t if reading.clock else 0
        clones.look(conn, meter, reading.boot, reading.seq, t, now_s)
        if not uplinks.store_reading(conn, meter, reading, now_s):
            return
        history.note_reading(conn, meter, reading, now_s)
        update.note_reading(conn, meter, reading, now_s)
        if orders.is_clock_wrong(reading, now_s, self._tolerance_s, is_behind):
            orders.order_time(conn, meter, reading.boot, now_s)


def _status_text(kind: str, payload: bytes) -> str | None:
    """What a stranger says of itself, if it is that, and can be read."""
    try:
        return messages.status(messages.parse_json(payload)).document if kind == "status" else None
    except ValueError:
        return None
