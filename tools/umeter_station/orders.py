"""Orders to meters: each has a number of its own per meter, and waits for the meter's answer."""

import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import meters as known_meters
from umeter_station.errors import StationError
from umeter_station.models import commands, meters

# How long a meter may act on an order, seconds of the station's clock.
TTL_S = {
    "credit": 30 * 86_400,
    "debit": 7 * 86_400,
    "debt": 7 * 86_400,
    "account": 86_400,
    "set": 7 * 86_400,
    "key": 7 * 86_400,
    "supply": 3_600,
    "quarantine": 3_600,
    "calibrate": 600,
    "emergency": 3_600,
    "restore": 3_600,
    "user": 3_600,
    "release": 3_600,
    "status": 120,
    "read": 120,
    "link": 120,
    "maintenance": 120,
    "history": 300,
    "update": 3_600,
    "chunk": 300,
    "time": 60,
}
OPEN_STATES = ("created", "sent")
# Never given up: only the meter can say what became of the money.
MONEY_OPS = ("credit", "debit", "debt", "account")


@dataclass(frozen=True)
class Command:
    """One order and its fate. `code` is the meter's final word, None while it has not answered.

    States: created, sent (open); applied, partly, refused (the meter's answer); expired (nobody
    will act on it: unsent or unanswered in time, or refused as too late); unclear (the meter
    answered, but not whether it was applied, or not how much of it).
    """

    id: int
    meter: str
    n: int
    op: str
    args: dict[str, Any]
    created_at: int
    exp: int
    state: str
    code: str | None
    result: dict[str, Any] | None

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES


def _command(row: sa.Row) -> Command:
    values = dict(row._mapping)
    values["args"] = json.loads(values["args"])
    values["result"] = json.loads(values["result"]) if values["result"] else None
    return Command(**values)


_COLUMNS = [commands.c[name] for name in Command.__dataclass_fields__]


def get(conn: Connection, command_id: int) -> Command:
    row = conn.execute(sa.select(*_COLUMNS).where(commands.c.id == command_id)).first()
    if row is None:
        raise StationError(f"There is no order {command_id}.")
    return _command(row)


def find(conn: Connection, meter: str, n: int) -> Command | None:
    row = conn.execute(
        sa.select(*_COLUMNS).where(commands.c.meter == meter, commands.c.n == n)
    ).first()
    return None if row is None else _command(row)


def latest(conn: Connection, meter: str, op: str) -> Command | None:
    row = conn.execute(
        sa.select(*_COLUMNS)
        .where(commands.c.meter == meter, commands.c.op == op)
        .order_by(commands.c.n.desc())
        .limit(1)
    ).first()
    return None if row is None else _command(row)


def place(conn: Connection, meter: str, op: str, args: dict[str, Any], now_s: int) -> int:
    """Put an order into the outbox inside the caller's transaction; returns its id.

    The number is taken in the same transaction, so that none is given twice. Raises StationError
    for a meter that is retired.
    """
    n = conn.execute(
        sa.update(meters)
        .where(meters.c.meter == meter, meters.c.retired_at.is_(None))
        .values(next_n=meters.c.next_n + 1)
        .returning(meters.c.next_n)
    ).scalar()
    if n is None:
        raise StationError(f"Meter {meter} is retired; it takes no more orders.")
    inserted = conn.execute(
        commands.insert().values(
            meter=meter,
            n=n - 1,
            op=op,
            args=json.dumps(args, separators=(",", ":")),
            created_at=now_s,
            exp=now_s + TTL_S[op],
            state="created",
        )
    )
    return inserted.inserted_primary_key[0]


def give_up(conn: Connection, command_id: int) -> None:
    """Send an order no more; an answer that comes all the same is taken in."""
    conn.execute(
        sa.update(commands)
        .where(commands.c.id == command_id, commands.c.state.in_(OPEN_STATES))
        .values(state="expired")
    )


def payload(command: Command, now_s: int, data: dict[str, Any] | None = None) -> bytes:
    """What is signed. Always the same for an order, but for the time in a `time` order. `data`:
    what is not among its arguments."""
    document = {"n": command.n, "op": command.op, **command.args, **(data or {})}
    if command.op == "time":
        # No expiry: the clock that would judge it is the one to be corrected.
        document["t"] = now_s
    else:
        document["exp"] = command.exp
    return json.dumps(document, separators=(",", ":")).encode()


def order_read(conn: Connection, meter: str, now_s: int) -> int:
    known_meters.get(conn, meter)
    return place(conn, meter, "read", {}, now_s)


def order_link(conn: Connection, meter: str, now_s: int) -> int:
    known_meters.get(conn, meter)
    return place(conn, meter, "link", {}, now_s)


def order_maintenance(conn: Connection, meter: str, minutes: int, now_s: int) -> int:
    """Stop metering for so many minutes, with every contact open, for whom is at the board."""
    known_meters.get(conn, meter)
    if not 1 <= minutes <= 240:
        raise StationError(f"Maintenance lasts 1 to 240 minutes, not {minutes}.")
    return place(conn, meter, "maintenance", {"minutes": minutes}, now_s)


def order_supply(conn: Connection, meter: str, ch: int, state: str, now_s: int) -> int:
    """`state` is "open" (no supply) or "close"."""
    known_meters.check_channel(known_meters.get(conn, meter), ch)
    if state not in ("open", "close"):
        raise StationError(f"A contact can be ordered open or close, not {state!r}.")
    return place(conn, meter, "supply", {"ch": ch, "state": state}, now_s)


def order_quarantine(conn: Connection, meter: str, ch: int, action: str, now_s: int) -> int:
    """`action` on energy that the meter held back as implausible: "accept" or "refuse" it."""
    known_meters.check_channel(known_meters.get(conn, meter), ch)
    if action not in ("accept", "refuse"):
        raise StationError(f"What is quarantined can be accepted or refused, not {action!r}.")
    return place(conn, meter, "quarantine", {"ch": ch, "action": action}, now_s)


def order_time(conn: Connection, meter: str, boot: int, now_s: int) -> int | None:
    """Have the meter's clock set in this boot of it; None if that was ordered a moment ago."""
    last = latest(conn, meter, "time")
    if last is not None and last.args["boot"] == boot:
        age_s = now_s - last.created_at
        if last.is_open or 0 <= age_s < TTL_S["time"]:
            return None
    return place(conn, meter, "time", {"boot": boot}, now_s)
