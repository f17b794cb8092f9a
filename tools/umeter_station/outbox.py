"""Orders on their way: published until the meter has answered, from the database alone."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import meters, orders, update
from umeter_station.clock import Clock
from umeter_station.db import Database
from umeter_station.envelope import sign
from umeter_station.models import commands as commands_table
from umeter_station.models import meters as meters_table
from umeter_station.models import order_states

_BACKOFF_FIRST_S = 2.0
_BACKOFF_MAX_S = 60.0
# A meter remembers the last 64 numbers. Staying well inside that, an order that is overtaken by
# younger ones is still new to the meter when it arrives at last.
_WINDOW = 32


class Delivery(Protocol):
    def is_published(self) -> bool:
        """True once the broker has taken the message."""
        ...


# (topic, payload, qos) -> None if there is no connection now.
Publish = Callable[[str, bytes, int], Delivery | None]


@dataclass
class _Tries:
    meter: str
    number: int = 0
    due_s: float = 0.0
    delivery: Delivery | None = None


class Outbox:
    """`step()` publishes what is due. Back-off runs on real time, expiry on the station's clock.

    Only tries are remembered here; after a restart everything open is simply due again, and the
    meter answers a repeated number without acting on it.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        publish: Publish,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db = db
        self._clock = clock
        self._publish = publish
        self._monotonic_s = monotonic_s
        self._tries: dict[int, _Tries] = {}
        self._away: set[str] = set()

    def wake(self, appeared: set[str] | None = None) -> None:
        """These meters (None: all) are there again: everything open for them is due now."""
        for tries in self._tries.values():
            if appeared is None or tries.meter in appeared:
                tries.number = 0
                tries.due_s = 0.0

    def step(self) -> int:
        """Publish what is due; returns the number of orders published."""
        now_s = self._monotonic_s()
        with self._db.read() as conn:
            rows = _open_orders(conn)
        self._note_returned(rows)
        delivered = [row.id for row in rows if row.state == "sent" and self._is_taken(row)]
        expired, due = self._sort_out(rows, now_s)
        sent = []
        if expired or due or delivered:
            with self._db.write() as conn:
                at_s = self._clock.now_s()
                _mark(conn, expired, "expired", at_s, "station")
                _mark(conn, delivered, "delivered", at_s, "broker")
                # Said before it is done: what is not sent yet, as far as the database knows, may
                # be called off.
                claimed = _claim(conn, due)
                tokens = [(row, self._token(conn, row)) for row in claimed]
            sent = [row for row, token in tokens if self._send(row, token, now_s)]
            with self._db.write() as conn:
                _note_sent(conn, sent, self._clock.now_s())
                _take_back(conn, [row for row in claimed if row not in sent])
        still_open = {row.id for row in rows}.difference(expired)
        self._tries = {key: tries for key, tries in self._tries.items() if key in still_open}
        return len(sent)

    def _note_returned(self, rows: list[sa.Row]) -> None:
        """Another worker may have heard of a meter that was away."""
        away = {row.meter for row in rows if row.presence == "offline"}
        if self._away - away:
            self.wake(self._away - away)
        self._away = away

    def _is_taken(self, row: sa.Row) -> bool:
        delivery = self._tries[row.id].delivery if row.id in self._tries else None
        return _qos(row) == 1 and delivery is not None and delivery.is_published()

    def _sort_out(self, rows: list[sa.Row], now_s: float) -> tuple[list[int], list[sa.Row]]:
        expired, due = [], []
        lowest: dict[str, int] = {}
        for row in rows:
            tries = self._tries.setdefault(row.id, _Tries(row.meter))
            if now_s < tries.due_s:
                lowest.setdefault(row.meter, row.n)
                continue
            if row.op not in orders.MONEY_OPS and self._clock.now_s() > row.exp:
                expired.append(row.id)
                continue
            # To a meter that is away the broker would only queue copies; its return wakes us.
            if row.presence == "offline" or row.n - lowest.setdefault(row.meter, row.n) >= _WINDOW:
                continue
            if tries.delivery is not None and not tries.delivery.is_published():
                continue  # The client still holds the last copy and will deliver that one.
            due.append(row)
        return expired, due

    def _token(self, conn: Connection, row: sa.Row) -> bytes:
        command = orders.get(conn, row.id)
        data = update.data_of(conn, command) if row.op == "chunk" else None
        payload = orders.payload(command, self._clock.now_s(), data)
        return sign(meters.key_of(conn, row.meter), payload)

    def _send(self, row: sa.Row, token: bytes, now_s: float) -> bool:
        tries = self._tries[row.id]
        tries.delivery = self._publish(f"umeter/{row.meter}/down/command", token, _qos(row))
        if tries.delivery is None:
            return False
        tries.due_s = now_s + min(_BACKOFF_MAX_S, _BACKOFF_FIRST_S * 2**tries.number)
        tries.number += tries.number < 8
        return True


def _qos(row: sa.Row) -> int:
    # An old clock order must not wait for the meter anywhere.
    return 0 if row.op == "time" else 1


def _open_orders(conn: Connection) -> list[sa.Row]:
    c = commands_table.c
    query = (
        sa.select(c.id, c.meter, c.n, c.op, c.exp, c.state, meters_table.c.presence)
        .join(meters_table, meters_table.c.meter == c.meter)
        .where(c.state.in_(orders.OPEN_STATES))
        .order_by(c.meter, c.n)
    )
    return list(conn.execute(query))


def _mark(conn: Connection, ids: list[int], state: str, now_s: int, by: str) -> None:
    """The meter's answer may have come first: an order that is settled stays as it is."""
    c = commands_table.c
    for command_id in ids:
        marked = conn.execute(
            sa.update(commands_table)
            .where(c.id == command_id, c.state.in_(orders.OPEN_STATES), c.state != state)
            .values(state=state)
        )
        if marked.rowcount == 1:
            orders.note_states(conn, [command_id], state, now_s, by)


def _claim(conn: Connection, rows: list[sa.Row]) -> list[sa.Row]:
    """Those that are still open; from now on they count as sent."""
    c = commands_table.c
    state = sa.case((c.state == "created", "sent"), else_=c.state)
    claimed = []
    for row in rows:
        found = conn.execute(
            sa.update(commands_table)
            .where(c.id == row.id, c.state.in_(orders.OPEN_STATES))
            .values(state=state, sent_count=c.sent_count + 1)
        )
        if found.rowcount == 1:
            claimed.append(row)
    return claimed


def _note_sent(conn: Connection, rows: list[sa.Row], now_s: int) -> None:
    # Not by the state: it may have been claimed by a process that died before this.
    ids = [row.id for row in rows]
    s = order_states.c
    noted = sa.select(s.command_id).where(s.command_id.in_(ids), s.state == "sent")
    known = set(conn.execute(noted).scalars()) if ids else set()
    orders.note_states(conn, [n for n in ids if n not in known], "sent", now_s, "station")


def _take_back(conn: Connection, rows: list[sa.Row]) -> None:
    """There was no connection: nothing has left this machine."""
    c = commands_table.c
    for row in rows:
        conn.execute(
            sa.update(commands_table)
            .where(c.id == row.id, c.state.in_(orders.OPEN_STATES))
            .values(state=row.state, sent_count=c.sent_count - 1)
        )
