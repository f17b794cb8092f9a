"""Signs that two boards use one meter's name and key.

A board counts its boots, and numbers its readings within a boot. Messages may overtake each other,
but what was made later, by the clocks of the meter, cannot have a lower number.
"""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.models import latest_readings
from umeter_station.models_strangers import clone_signs
from umeter_station.sql import insert

# Of a board that was silent for longer than this one may have been put in the other's place.
WINDOW_S = 86_400


@dataclass(frozen=True)
class Sign:
    """`times` something of `boot` came after something of `newer_boot`, which is the same if it is
    the readings' numbers within one boot that went back."""

    meter: str
    boot: int
    newer_boot: int
    first_at: int
    last_at: int
    times: int


def look(conn: Connection, meter: str, boot: int, seq: int, t: int, now_s: int) -> bool:
    """A reading that is about to be stored, made at `t` (0: not known); True if it is a sign."""
    n = latest_readings.c
    newest = conn.execute(
        sa.select(n.boot, n.seq, n.t, n.clock, n.received_at).where(n.meter == meter)
    ).first()
    if newest is None or not t:
        return False
    newer_boot, newer_seq, newer_t, clock, received_at = newest
    is_behind = (boot, seq) < (newer_boot, newer_seq) and clock and t > newer_t
    if not is_behind or now_s - received_at > WINDOW_S:
        return False
    note(conn, meter, boot, newer_boot, now_s)
    return True


def look_at_boot(conn: Connection, meter: str, boot: int, now_s: int) -> bool:
    """A board says that it has come up; True if a newer boot of it has reported not long ago."""
    n = latest_readings.c
    newer = conn.execute(
        sa.select(n.boot).where(n.meter == meter, n.boot > boot, n.received_at >= now_s - WINDOW_S)
    ).scalar()
    if newer is None:
        return False
    note(conn, meter, boot, newer, now_s)
    return True


def note(conn: Connection, meter: str, boot: int, newer_boot: int, now_s: int) -> None:
    c = clone_signs.c
    conn.execute(
        insert(conn, clone_signs)
        .values(
            meter=meter,
            boot=boot,
            newer_boot=newer_boot,
            first_at=now_s,
            last_at=now_s,
            times=1,
        )
        .on_conflict_do_update(
            index_elements=["meter", "boot", "newer_boot"],
            set_={"last_at": now_s, "times": c.times + 1},
        )
    )


def signs(conn: Connection, since_s: int = 0, meter: str | None = None) -> list[Sign]:
    """Those seen last at `since_s` or later."""
    c = clone_signs.c
    query = sa.select(clone_signs).where(c.last_at >= since_s)
    if meter is not None:
        query = query.where(c.meter == meter)
    rows = conn.execute(query.order_by(c.meter, c.newer_boot, c.boot))
    return [Sign(**row._mapping) for row in rows]
