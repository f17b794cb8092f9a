"""Who reports under a name that no meter here has: kept to be looked at, adopted or forgotten.

Of each name only that it is there is kept, and what it says of itself; of so many names, no more.
"""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import meters
from umeter_station.db import count
from umeter_station.errors import NotFound
from umeter_station.models_strangers import strangers
from umeter_station.people import acts
from umeter_station.sql import insert

MOST = 1000
_LONGEST_STATUS = 4096


@dataclass(frozen=True)
class Stranger:
    """`status`: the JSON text of the last status it published, "{}" if none."""

    meter: str
    first_at: int
    last_at: int
    messages: int
    status: str


def note(
    conn: Connection, meter: str, now_s: int, messages: int = 1, status: str | None = None
) -> None:
    """`meter` must be a possible name. One name too many is counted, and not kept."""
    s = strangers.c
    values = {"last_at": now_s, "messages": s.messages + messages}
    if status is not None and len(status) <= _LONGEST_STATUS:
        values["status"] = status
    known = conn.execute(sa.update(strangers).where(s.meter == meter).values(values))
    if known.rowcount:
        return
    if conn.execute(sa.select(sa.func.count()).select_from(strangers)).scalar_one() >= MOST:
        count(conn, "stranger.one_too_many")
        return
    conn.execute(
        insert(conn, strangers)
        .values(
            meter=meter,
            first_at=now_s,
            last_at=now_s,
            messages=messages,
            status=values.get("status", "{}"),
        )
        .on_conflict_do_nothing()
    )


def all_strangers(conn: Connection) -> list[Stranger]:
    """Who came first, first."""
    s = strangers.c
    rows = conn.execute(sa.select(strangers).order_by(s.first_at, s.meter))
    return [Stranger(**row._mapping) for row in rows]


def adopt(conn: Connection, meter: str, key: bytes, by: str, now_s: int) -> None:
    """Make it a meter of this station. `key` is the one that its board was given."""
    _take_out(conn, meter)
    meters.add(conn, meter, key, now_s)
    acts.note(conn, by, "meter.adopt", meter, {}, now_s)


def forget(conn: Connection, meter: str, by: str, now_s: int) -> None:
    """It comes back when it reports again."""
    _take_out(conn, meter)
    acts.note(conn, by, "meter.forget", meter, {}, now_s)


def _take_out(conn: Connection, meter: str) -> None:
    if not conn.execute(sa.delete(strangers).where(strangers.c.meter == meter)).rowcount:
        raise NotFound(f"No stranger of the name {meter!r} has reported; look at the list again.")
