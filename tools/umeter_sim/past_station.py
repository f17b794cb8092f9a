"""A station whose time is set by hand, and which takes what past boards tell at once: their plain
readings and the records of their logs in bulk, all else through its inbox, as if a broker had
brought it.
"""

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_sim.past_board import Message
from umeter_station import inbox, messages, reading_store
from umeter_station.config import create_home
from umeter_station.inbox import Inbox
from umeter_station.logs import LOGS
from umeter_station.models import events, histories, meters
from umeter_station.outbox import Outbox
from umeter_station.sql import insert
from umeter_station.station import Books

_TURNS = 20  # orders that cause orders


class HandClock:
    """The time is what `unix_s` is set to. Boards live in strides: nobody is late by less."""

    tolerance_s = 900

    def __init__(self, unix_s: int) -> None:
        self.unix_s = unix_s

    def now_s(self) -> int:
        return self.unix_s


class PastStation:
    """`books` and `clock`. `home` must be new; it is not safe from a power cut until close()."""

    def __init__(self, home: Path, unix_s: int) -> None:
        create_home(home, "mqtt://127.0.0.1:1")
        self.clock = HandClock(unix_s)
        self.books = Books(home, self.clock)
        self.db = self.books.db
        _make_hasty(self.db.engine)
        self._inbox = Inbox(self.clock.tolerance_s)
        self._tokens: dict[str, list[bytes]] = {}
        self._outbox = Outbox(self.db, self.clock, self._publish, lambda: self.clock.unix_s)

    def close(self) -> None:
        path = self.db.path
        self.books.close()
        with contextlib.closing(sqlite3.connect(path)) as file:
            file.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def take(self, meter: str, told: list[Message]) -> None:
        """Of many readings the last is the newest; the others are only kept."""
        readings = [place for place, (_, kind, _) in enumerate(told) if kind == "reading"]
        plain = set(readings[:-1])
        rows = []
        with self.db.write() as conn:
            for place, (at, kind, payload) in enumerate(told):
                if kind in LOGS:
                    _keep_records(conn, meter, kind, payload, at)
                elif place in plain:
                    reading = messages.reading(messages.parse_json(payload))
                    rows.append(reading_store.row_of(meter, reading, at))
                else:
                    message = inbox.Message(f"umeter/{meter}/up/{kind}", payload)
                    # Answers come after what they answer, whatever the board's own clock says.
                    now_s = self.clock.unix_s if kind == "result" else at
                    self._inbox.store(conn, [message], now_s)
            if rows:
                reading_store.insert(conn, rows)

    def serve(self, carry: Callable[[dict[str, list[bytes]]], dict[str, list[Message]]]) -> None:
        """Bring the boards what is ordered, and take their answers, until nothing more follows.
        carry({meter: tokens}): {meter: what it tells}.
        """
        for _ in range(_TURNS):
            self._outbox.wake()
            self._outbox.step()
            tokens, self._tokens = self._tokens, {}
            if not tokens:
                return
            for meter, told in carry(tokens).items():
                self.take(meter, told)

    def _publish(self, topic: str, payload: bytes, qos: int) -> "_Taken":
        self._tokens.setdefault(topic.split("/")[1], []).append(payload)
        return _Taken()


def _keep_records(conn: Connection, meter: str, kind: str, raw: bytes, at: int) -> None:
    """As when they are pulled, chunk by chunk, and all of them are new."""
    log = LOGS[kind]
    size = log.record_bytes
    more = {"meter": meter, "received_at": at}
    rows = []
    for begin in range(0, len(raw), size):
        record = raw[begin : begin + size]
        rows.append(log.row(record) | more | {"raw": record})
    conn.execute(log.table.insert(), rows)
    if kind == "events":
        names = [column.name for column in events.columns]
        conn.execute(events.insert(), [{name: row[name] for name in names} for row in rows])
    newest = rows[-1]["n"]
    boot = conn.execute(sa.select(meters.c.boot).where(meters.c.meter == meter)).scalar_one()
    state = {"next_n": newest + 1, "newest": newest, "boot": boot}
    conn.execute(
        insert(conn, histories)
        .values(meter=meter, kind=kind, **state)
        .on_conflict_do_update(index_elements=["meter", "kind"], set_=state)
    )


class _Taken:
    def is_published(self) -> bool:
        return True


def _make_hasty(engine: sa.Engine) -> None:
    """Without waiting for the disk: what is cut off half-way is made anew."""

    @sa.event.listens_for(engine, "connect")
    def _connect(connection, _record) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    engine.dispose()
