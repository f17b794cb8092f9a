"""The meters this station knows: their keys, their presence, their latest documents."""

import re
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import secrets
from umeter_station.errors import NotFound, StationError
from umeter_station.models import meters
from umeter_station.secrets import KEY_BYTES

MAX_CHANNELS = 64
_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)


@dataclass(frozen=True)
class Meter:
    """`channels` and `boot` are 0 until the meter has said them; `presence` is one of unknown,
    online, offline; `status` and `settings` are the JSON texts it reported last. `key_at` is when
    its key was given, `key_state` one of those of key_rotation.py; `retired_at` is None while it
    is in service.
    """

    meter: str
    presence: str
    boot: int
    seen_at: int
    channels: int
    status: str
    settings: str
    key_at: int = 0
    key_state: str = "steady"
    retired_at: int | None = None


_COLUMNS = [meters.c[name] for name in Meter.__dataclass_fields__]


def is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


def parse_key(text: str) -> bytes:
    """64 hexadecimal digits -> 32 bytes."""
    return secrets.parse_key(text, "A meter's key, as in its site.json, is")


def add(
    conn: Connection, meter: str, key: bytes, now_s: int, mqtt_hash: str | None = None
) -> bool:
    """Add a meter; False if it is known with this very key. `mqtt_hash`: what the broker knows its
    password by.
    """
    if not is_name(meter):
        raise StationError(
            f"{meter!r} cannot be a meter's name; use 1 to 32 letters, digits, - and _."
        )
    if len(key) != KEY_BYTES:
        raise StationError(f"A meter's key has {KEY_BYTES} bytes, not {len(key)}.")
    known = key_of(conn, meter)
    if known is None:
        sealed = secrets.seal(conn, meter, key)
        conn.execute(
            meters.insert().values(
                meter=meter, key=sealed, key_at=now_s, added_at=now_s, mqtt_hash=mqtt_hash
            )
        )
    elif known != key:
        raise StationError(f"Meter {meter} is known with another key; name the new one otherwise.")
    return known is None


def key_of(conn: Connection, meter: str) -> bytes | None:
    """What its orders are signed with."""
    sealed = conn.execute(sa.select(meters.c.key).where(meters.c.meter == meter)).scalar()
    return None if sealed is None else secrets.opened(conn, meter, sealed)


def find(conn: Connection, meter: str) -> Meter | None:
    row = conn.execute(sa.select(*_COLUMNS).where(meters.c.meter == meter)).first()
    return None if row is None else Meter(*row)


def all_meters(conn: Connection) -> list[Meter]:
    rows = conn.execute(sa.select(*_COLUMNS).order_by(meters.c.meter))
    return [Meter(*row) for row in rows]


def page(conn: Connection, limit: int, after: str = "") -> list[Meter]:
    """By name, those behind `after`."""
    query = sa.select(*_COLUMNS).where(meters.c.meter > after).order_by(meters.c.meter)
    return [Meter(*row) for row in conn.execute(query.limit(limit))]


def get(conn: Connection, meter: str) -> Meter:
    """Raises NotFound if the meter is unknown."""
    found = find(conn, meter)
    if found is None:
        names = [known.meter for known in all_meters(conn)]
        if not names:
            hint = "add it with `umeter-station meters add`"
        else:
            hint = f"known are {', '.join(names[:8])}" + (" and more" if len(names) > 8 else "")
        raise NotFound(f"Meter {meter!r} is unknown; {hint}.")
    return found


def check_channel(meter: Meter, ch: int) -> None:
    last = meter.channels or MAX_CHANNELS
    if type(ch) is not int or not 1 <= ch <= last:
        raise NotFound(
            f"Meter {meter.meter} has no channel {ch}; its channels are 1 to {last}."
        )
