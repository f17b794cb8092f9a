"""What meters report, stored so that a message that comes twice changes nothing."""

import json

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import messages, reading_store, twin
from umeter_station.db import count
from umeter_station.models import events, meters
from umeter_station.sql import greatest, insert
from umeter_station.watch import traffic


def store_reading(conn: Connection, meter: str, reading: messages.Reading, now_s: int) -> bool:
    """False if it is stored already: the meter numbers its readings within a boot."""
    if not reading_store.store(conn, meter, reading, now_s):
        return False
    conn.execute(
        sa.update(meters)
        .where(meters.c.meter == meter)
        .values(
            boot=greatest(meters.c.boot, reading.boot),
            channels=greatest(meters.c.channels, reading.count),
        )
    )
    return True


def store_event(conn: Connection, meter: str, event: messages.Event, now_s: int) -> bool:
    stored = conn.execute(
        insert(conn, events)
        .values(meter=meter, received_at=now_s, **event.__dict__)
        .on_conflict_do_nothing()
    )
    if stored.rowcount != 1:
        count(conn, "event.repeated")
        traffic.add(conn, {meter: (1, 0)}, now_s)
    return stored.rowcount == 1


def store_settings(conn: Connection, meter: str, document: dict, now_s: int) -> None:
    """Keep the reported settings, and never order a version that the meter already passed."""
    version = messages.integer(document, "version", 0, low=0)
    if version > twin.LARGEST_VERSION:
        raise ValueError("version is not one that a station gave")
    conn.execute(
        sa.update(meters)
        .where(meters.c.meter == meter)
        .values(
            settings=json.dumps(document),
            settings_version=greatest(meters.c.settings_version, version),
        )
    )
    twin.note_report(conn, meter, now_s, fresh=True)


def store_status(conn: Connection, meter: str, status: messages.Status) -> bool:
    """Note presence; False for the last will of an earlier boot that arrives late."""
    known_boot = conn.execute(sa.select(meters.c.boot).where(meters.c.meter == meter)).scalar_one()
    if not status.online and status.boot < known_boot:
        count(conn, "status.late")
        return False
    values = {"presence": "online" if status.online else "offline"}
    if status.online:
        values["boot"] = status.boot
        values["status"] = status.document
        if status.channels:
            values["channels"] = status.channels
    conn.execute(sa.update(meters).where(meters.c.meter == meter).values(values))
    return True


def note_alive(conn: Connection, meter: str, now_s: int) -> bool:
    """The meter spoke; True if it was not known to be there."""
    was = conn.execute(sa.select(meters.c.presence).where(meters.c.meter == meter)).scalar_one()
    conn.execute(
        sa.update(meters)
        .where(meters.c.meter == meter)
        .values(presence="online", seen_at=greatest(meters.c.seen_at, now_s))
    )
    return was != "online"
