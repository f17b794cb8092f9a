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
            expired, sent = self._sort_out(conn, rows, now_s)
        if expired or sent:
            with self._db.write() as conn:
                _mark(conn, expired, "expired")
                _mark(conn, sent, "sent")
        still_open = {row.id for row in rows}.difference(expired)
        self._tries = {key: tries for key, tries in self._tries.items() if key in still_open}
        return len(sent)

    def _sort_out(
        self, conn: Connection, rows: list[sa.Row], now_s: float
    ) -> tuple[list[int], list[int]]:
        expired, sent = [], []
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
            if self._send(conn, row, tries):
                tries.due_s = now_s + min(_BACKOFF_MAX_S, _BACKOFF_FIRST_S * 2**tries.number)
                tries.number += tries.number < 8
                sent.append(row.id)
        return expired, sent

    def _send(self, conn: Connection, row: sa.Row, tries: _Tries) -> bool:
        if tries.delivery is not None and not tries.delivery.is_published():
            return False  # The client still holds the last copy and will deliver that one.
        command = orders.get(conn, row.id)
        key = meters.key_of(conn, row.meter)
        data = update.data_of(conn, command) if row.op == "chunk" else None
        token = sign(key, orders.payload(command, self._clock.now_s(), data))
        # An old clock order must not wait for the meter anywhere: it goes out at QoS 0.
        qos = 0 if row.op == "time" else 1
        tries.delivery = self._publish(f"umeter/{row.meter}/down/command", token, qos)
        return tries.delivery is not None


def _open_orders(conn: Connection) -> list[sa.Row]:
    c = commands_table.c
    query = (
        sa.select(c.id, c.meter, c.n, c.op, c.exp, meters_table.c.presence)
        .join(meters_table, meters_table.c.meter == c.meter)
        .where(c.state.in_(orders.OPEN_STATES))
        .order_by(c.meter, c.n)
    )
    return list(conn.execute(query))


def _mark(conn: Connection, ids: list[int], state: str) -> None:
    """The meter's answer may have come first: an order that is settled stays as it is."""
    c = commands_table.c
    sent = 1 if state == "sent" else 0
    for command_id in ids:
        conn.execute(
            sa.update(commands_table)
            .where(c.id == command_id, c.state.in_(orders.OPEN_STATES))
            .values(state=state, sent_count=c.sent_count + sent)
        )
