"""Orders to meters: each has a number of its own per meter, and waits for the meter's answer."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import meters as known_meters
from umeter_station.errors import NotFound, StationError
from umeter_station.messages import Reading
from umeter_station.models import commands, meters, order_states

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
OPEN_STATES = ("created", "sent", "delivered")
# Never given up: only the meter can say what became of the money.
MONEY_OPS = ("credit", "debit", "debt", "account")


@dataclass(frozen=True)
class Command:
    """One order and its fate. `code` is the meter's final word, None while it has not answered.

    States: created, sent, delivered (open; the broker has taken it); applied, partly, refused (the
    meter's answer); expired (nobody will act on it: unsent or unanswered in time, or refused as
    too late); cancelled; unclear (the meter answered, but not whether it was applied, or not how
    much of it).
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


@dataclass(frozen=True)
class State:
    """One state that an order came into. `by`: who gave or cancelled it, "station" that sent it or
    gave it up, "broker" that took it, "meter" that answered; "" if nobody said."""

    state: str
    at: int
    by: str


def _command(row: sa.Row) -> Command:
    values = dict(row._mapping)
    values["args"] = json.loads(values["args"])
    values["result"] = json.loads(values["result"]) if values["result"] else None
    return Command(**values)


_COLUMNS = [commands.c[name] for name in Command.__dataclass_fields__]


def get(conn: Connection, command_id: int) -> Command:
    row = conn.execute(sa.select(*_COLUMNS).where(commands.c.id == command_id)).first()
    if row is None:
        raise NotFound(f"There is no order {command_id}.")
    return _command(row)


def several(conn: Connection, command_ids: Collection[int]) -> list[Command]:
    """Those of these ids that there are, the newest first."""
    query = sa.select(*_COLUMNS).where(commands.c.id.in_(command_ids))
    return [_command(row) for row in conn.execute(query.order_by(commands.c.id.desc()))]


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


def place(
    conn: Connection, meter: str, op: str, args: dict[str, Any], now_s: int, by: str = ""
) -> int:
    """Put an order into the outbox inside the caller's transaction; returns its id. `by`: who
    gives it.

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
    command_id = inserted.inserted_primary_key[0]
    note_states(conn, [command_id], "created", now_s, by)
    return command_id


def note_states(
    conn: Connection, command_ids: Collection[int], state: str, now_s: int, by: str
) -> None:
    """These orders have come into that state, as `commands` says already."""
    if command_ids:
        conn.execute(
            order_states.insert(),
            [{"command_id": n, "state": state, "at": now_s, "by": by} for n in command_ids],
        )


def states(conn: Connection, command_id: int) -> list[State]:
    """All that an order went through, in order. One that is sent again stays as it is."""
    s = order_states.c
    rows = conn.execute(
        sa.select(s.state, s.at, s.by).where(s.command_id == command_id).order_by(s.id)
    )
    return [State(*row) for row in rows]


def give_up(
    conn: Connection, command_id: int, now_s: int | None = None, by: str = "station"
) -> None:
    """Send an order no more; an answer that comes all the same is taken in."""
    if _close(conn, command_id, "expired"):
        at = get(conn, command_id).created_at if now_s is None else now_s
        note_states(conn, [command_id], "expired", at, by)


def cancel(conn: Connection, command_id: int, by: str, now_s: int) -> None:
    """Call an open order off, inside the caller's write transaction. What the meter has of it
    already it may still do, and its answer counts. Money can be called off only before it was
    first sent, and is then the caller's to give back."""
    command = get(conn, command_id)
    if not command.is_open:
        raise StationError(f"Order {command_id} is {command.state} already; nothing is to cancel.")
    if command.op in MONEY_OPS and command.state != "created":
        raise StationError(
            f"Order {command_id} moves money and was sent to {command.meter}; only its answer can"
            " tell what became of that."
        )
    _close(conn, command_id, "cancelled")
    note_states(conn, [command_id], "cancelled", now_s, by)


def _close(conn: Connection, command_id: int, state: str) -> bool:
    c = commands.c
    closed = conn.execute(
        sa.update(commands).where(c.id == command_id, c.state.in_(OPEN_STATES)).values(state=state)
    )
    return closed.rowcount == 1


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


def order_read(conn: Connection, meter: str, now_s: int, by: str = "") -> int:
    known_meters.get(conn, meter)
    return place(conn, meter, "read", {}, now_s, by)


def order_link(conn: Connection, meter: str, now_s: int, by: str = "") -> int:
    known_meters.get(conn, meter)
    return place(conn, meter, "link", {}, now_s, by)


def order_maintenance(conn: Connection, meter: str, minutes: int, now_s: int, by: str = "") -> int:
    """Stop metering for so many minutes, with every contact open, for whom is at the board."""
    known_meters.get(conn, meter)
    if not 1 <= minutes <= 240:
        raise StationError(f"Maintenance lasts 1 to 240 minutes, not {minutes}.")
    return place(conn, meter, "maintenance", {"minutes": minutes}, now_s, by)


def order_supply(
    conn: Connection, meter: str, ch: int, state: str, now_s: int, by: str = ""
) -> int:
    """`state` is "open" (no supply) or "close"."""
    known_meters.check_channel(known_meters.get(conn, meter), ch)
    if state not in ("open", "close"):
        raise StationError(f"A contact can be ordered open or close, not {state!r}.")
    return place(conn, meter, "supply", {"ch": ch, "state": state}, now_s, by)


def order_quarantine(
    conn: Connection, meter: str, ch: int, action: str, now_s: int, by: str = ""
) -> int:
    """`action` on energy that the meter held back as implausible: "accept" or "refuse" it."""
    known_meters.check_channel(known_meters.get(conn, meter), ch)
    if action not in ("accept", "refuse"):
        raise StationError(f"What is quarantined can be accepted or refused, not {action!r}.")
    return place(conn, meter, "quarantine", {"ch": ch, "action": action}, now_s, by)


def is_clock_wrong(reading: Reading, now_s: int, tolerance_s: int, is_behind: bool) -> bool:
    """`is_behind`: the reading may have waited, and be older for that."""
    if not reading.clock or reading.t - now_s > tolerance_s:
        return True
    return now_s - reading.t > tolerance_s and not is_behind


def order_time(conn: Connection, meter: str, boot: int, now_s: int) -> int | None:
    """Have the meter's clock set in this boot of it; None if that was ordered a moment ago."""
    last = latest(conn, meter, "time")
    if last is not None and last.args["boot"] == boot:
        age_s = now_s - last.created_at
        if last.is_open or 0 <= age_s < TTL_S["time"]:
            return None
    return place(conn, meter, "time", {"boot": boot}, now_s, "station")
