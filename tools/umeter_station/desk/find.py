"""Finding who stands at the desk: by the meter's number, with or without a channel, or by name."""

import re
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import meters
from umeter_station.desk import sales
from umeter_station.desk.sales import Sale
from umeter_station.errors import StationError
from umeter_station.models import meters as meters_table
from umeter_station.models_people import tenancies, tenants

_CHANNEL = re.compile(r"(?P<meter>.*?)[\s/:#]+(?P<ch>[0-9]{1,2})")
_RECEIPT = re.compile(r"(?P<register>[A-Za-z0-9_.:-]{1,32})-(?P<no>[0-9]{1,15})", re.ASCII)


@dataclass(frozen=True)
class Place:
    """A channel, and who has it now; `tenant_id` None: nobody."""

    meter: str
    ch: int
    tenant_id: int | None
    tenant: str


def places(conn: Connection, text: str, now_s: int, limit: int) -> list[Place]:
    """At most `limit`; those of meters of that name come first. Nothing for no text."""
    text = text.strip()
    if not text:
        return []
    whole = _CHANNEL.fullmatch(text)
    found = _of_meters(conn, text, None, now_s, limit)
    if not found and whole is not None:
        found = _of_meters(conn, whole["meter"], int(whole["ch"]), now_s, limit)
    known = {(place.meter, place.ch) for place in found}
    named = _living(conn, tenants.c.name.icontains(text, autoescape=True), now_s, limit)
    return (found + [p for p in named if (p.meter, p.ch) not in known])[:limit]


def place_of(text: str) -> tuple[str, int]:
    """The channel that is named in full, as m1/2. Raises StationError."""
    whole = _CHANNEL.fullmatch(text.strip())
    if whole is None or not meters.is_name(whole["meter"]):
        raise StationError(f"{text!r} names no channel; write meter and channel, as m1/2.")
    return whole["meter"], int(whole["ch"])


def sale(conn: Connection, text: str) -> Sale | None:
    """The sale whose receipt (as front-12) or key this is."""
    text = text.strip()
    receipt = _RECEIPT.fullmatch(text)
    if receipt is not None:
        found = sales.by_receipt(conn, receipt["register"], int(receipt["no"]))
        if found is not None:
            return found
    return sales.by_key(conn, text)


def _of_meters(
    conn: Connection, name: str, ch: int | None, now_s: int, limit: int
) -> list[Place]:
    m = meters_table.c
    rows = conn.execute(
        sa.select(m.meter, m.channels)
        .where(m.meter.icontains(name, autoescape=True), m.retired_at.is_(None))
        .order_by(sa.func.lower(m.meter) != name.lower(), m.meter)
        .limit(limit)
    ).all()
    t = tenancies.c
    at = {
        (place.meter, place.ch): place
        for place in _living(conn, t.meter.in_([row.meter for row in rows]), now_s, None)
    }
    found: list[Place] = []
    for row in rows:
        # A meter that has not said yet how many it has: those that somebody lives at.
        lived_at = sorted(ch for meter, ch in at if meter == row.meter)
        numbers = range(1, row.channels + 1) if row.channels else lived_at
        if ch is not None:
            numbers = [ch] if ch <= (row.channels or meters.MAX_CHANNELS) and ch else []
        found += [at.get((row.meter, n), Place(row.meter, n, None, "")) for n in numbers]
        if len(found) >= limit:
            break
    return found[:limit]


def _living(
    conn: Connection, where: sa.ColumnElement[bool], now_s: int, limit: int | None
) -> list[Place]:
    t = tenancies.c
    query = (
        sa.select(t.meter, t.ch, t.tenant_id, tenants.c.name)
        .join(tenants, tenants.c.id == t.tenant_id)
        .where(where, t.from_s <= now_s, t.until_s.is_(None) | (t.until_s > now_s))
        .order_by(tenants.c.name, t.meter, t.ch)
        .limit(limit)
    )
    return [Place(*row) for row in conn.execute(query)]
