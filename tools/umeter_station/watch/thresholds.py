"""Limits of the rules as an operator set them: for all meters, a meter, a channel.

Of a limit the channel's own value counts before the meter's, that before all meters', that
before the default.
"""

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import meters as known_meters
from umeter_station.errors import StationError
from umeter_station.models_watch import thresholds
from umeter_station.sql import insert
from umeter_station.watch.limits import TABLE, Thresholds, check


def load(conn: Connection) -> dict[str, dict[tuple[int, str], int]]:
    """By meter, '' being all of them."""
    found: dict[str, dict[tuple[int, str], int]] = {}
    for row in conn.execute(sa.select(thresholds)):
        if row.name in TABLE:  # one that a newer station knows is no business of this one
            found.setdefault(row.meter, {})[row.ch, row.name] = row.value
    return found


def of_meter(loaded: dict[str, dict[tuple[int, str], int]], meter: str) -> Thresholds:
    common, own = loaded.get("", {}), loaded.get(meter, {})
    return Thresholds({**common, **own} if common or own else {})


def put(
    conn: Connection, meter: str, ch: int, name: str, value: int | None, by: str, now_s: int
) -> None:
    """Set a limit for all meters (meter ''), one meter (ch 0) or one channel; None takes it back.
    Inside the caller's write transaction."""
    check(name, TABLE[name].default if value is None and name in TABLE else value)
    if meter:
        known = known_meters.get(conn, meter)
        if ch:
            known_meters.check_channel(known, ch)
    elif ch:
        raise StationError("A channel's threshold needs its meter; name it.")
    t = thresholds.c
    if value is None:
        conn.execute(sa.delete(thresholds).where(t.meter == meter, t.ch == ch, t.name == name))
        return
    row = {"value": value, "set_at": now_s, "set_by": by}
    conn.execute(
        insert(conn, thresholds)
        .values(meter=meter, ch=ch, name=name, **row)
        .on_conflict_do_update(index_elements=["meter", "ch", "name"], set_=row)
    )
