"""The last hour of every meter in memory, so that a look at all of them reads only what is new.

A meter's newest readings are kept one by one, those before only every five minutes: enough for
what rules look back for, and 10 kB a meter. It is no truth: a new process reads it anew.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import packing, readings
from umeter_station.models import audit_records, events, latest_readings
from umeter_station.watch.window import NONE, Event, Readings

_NAMES = (
    *("energy_wh", "power_dw", "voltage_dv", "current_ma"),
    *("balance_u", "contact", "age_s", "state"),
)
_HEAD = ("received_at", "t", "clock", "boot", "seq")
_KEEP = 8  # one by one
_THIN_S = 300
_BEFORE_S = 2700
_DAY_S = 86_400
_BACK_S = 60  # a transaction of the ingest may end a little after its time

_Row = tuple[tuple[int, int, int, int, int], np.ndarray]  # received, t, clock, boot, seq; columns


class Recent:
    """One per process; `read` brings it up to date."""

    def __init__(self) -> None:
        self._rows: dict[str, list[_Row]] = {}
        self._events: dict[str, dict[int, Event]] = {}
        self.until_s = 0

    def read(self, conn: Connection, since_s: int, now_s: int) -> None:
        """Take in what came after `since_s`, the last look, and what was before it if this
        process has not seen that."""
        from_s = self.until_s or since_s - _BEFORE_S
        self._read_readings(conn, from_s, now_s)
        self._read_events(conn, min(self.until_s or now_s - _DAY_S, from_s) - _BACK_S)
        self._forget(since_s, now_s)
        self.until_s = now_s

    def readings(self, meter: str) -> Readings:
        rows = self._rows.get(meter)
        if not rows:
            return Readings()
        heads = np.array([row[0] for row in rows], np.int64)
        width = max(row[1].shape[1] for row in rows)
        columns = np.stack([_padded(row[1], width) for row in rows])
        return Readings(
            *(heads[:, i] for i in range(5)), *(columns[:, i] for i in range(len(_NAMES)))
        )

    def events(self, meter: str) -> tuple[Event, ...]:
        return tuple(sorted(self._events.get(meter, {}).values(), key=lambda e: (e.at_s, e.n)))

    def _read_readings(self, conn: Connection, from_s: int, now_s: int) -> None:
        head = latest_readings.c
        for row in conn.execute(sa.select(latest_readings).where(head.received_at > from_s)):
            known = self._rows.setdefault(row.meter, [])
            last = known[-1][0] if known else None
            if last and last[3:] == (row.boot, row.seq):
                continue
            if last and last[3:] == (row.boot, row.seq - 1):
                known.append(_row(row._mapping, packing.unpack(row.packed)))
                continue
            # More than one, or the first of a new boot: whatever came, in its order.
            have = {kept[0][3:] for kept in known}
            after_s = last[0] if last else from_s
            for stored in readings.between(conn, row.meter, after_s, now_s + 1):
                if (stored.boot, stored.seq) not in have:
                    known.append(_row(vars(stored), stored.channels))

    def _read_events(self, conn: Connection, after_s: int) -> None:
        # The pulled log is the truth; the event as it was published is there sooner.
        for table in (events, audit_records):
            c = table.c
            query = sa.select(c.meter, c.n, c.t, c.code, c.ch, c.a, c.b, c.received_at)
            for meter, n, t, code, ch, a, b, at in conn.execute(
                query.where(c.received_at > after_s).order_by(c.n)
            ):
                known = self._events.setdefault(meter, {})
                before = known.get(n)
                came_s = before.came_s if before else at
                known[n] = Event(n, t if t > 0 else came_s, code, ch, a, b, came_s)

    def _forget(self, judged_s: int, now_s: int) -> None:
        for rows in self._rows.values():
            if len(rows) > _KEEP:
                rows[:] = _kept(rows, judged_s)
        for known in self._events.values():
            for n in [n for n, e in known.items() if e.came_s < now_s - _DAY_S]:
                del known[n]


def _kept(rows: list[_Row], judged_s: int) -> list[_Row]:
    """All that is new; before that the last ones, and of the time before those one in five
    minutes."""
    judged = sum(row[0][0] <= judged_s for row in rows)
    whole = max(0, judged - _KEEP)
    kept, kept_s = [], -_THIN_S
    for row in rows[:whole]:
        at_s = row[0][0]
        if at_s > judged_s - _BEFORE_S and at_s - kept_s >= _THIN_S:
            kept_s = at_s
            kept.append(row)
    return kept + rows[whole:]


def _row(reading: Mapping[str, Any], channels: list[dict]) -> _Row:
    picked = [[NONE if row[name] is None else row[name] for row in channels] for name in _NAMES]
    return tuple(reading[name] for name in _HEAD), np.array(picked, np.int64)


def _padded(columns: np.ndarray, width: int) -> np.ndarray:
    missing = width - columns.shape[1]
    return np.pad(columns, ((0, 0), (0, missing)), constant_values=NONE) if missing else columns
