"""Sites: which house a meter hangs in."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import meters
from umeter_station.errors import NotFound, StationError
from umeter_station.models_people import site_meters, sites
from umeter_station.people import acts, texts
from umeter_station.sql import insert


@dataclass(frozen=True)
class Site:
    id: int
    name: str
    address: str
    created_at: int


_COLUMNS = [sites.c[name] for name in Site.__dataclass_fields__]


def add(conn: Connection, name: str, address: str, by: str, now_s: int) -> Site:
    name = texts.name(name, "A site's name")
    if conn.execute(sa.select(sites.c.id).where(sites.c.name == name)).first():
        raise StationError(f"There is a site {name!r} already; choose another name.")
    values = {"name": name, "address": texts.note(address, "An address"), "created_at": now_s}
    site_id = conn.execute(sites.insert().values(values)).inserted_primary_key[0]
    acts.note(conn, by, "site.add", f"site:{site_id}", {"name": name}, now_s)
    return get(conn, site_id)


def get(conn: Connection, site_id: int) -> Site:
    row = conn.execute(sa.select(*_COLUMNS).where(sites.c.id == site_id)).first()
    if row is None:
        raise NotFound(f"There is no site {site_id}.")
    return Site(*row)


def named(conn: Connection, name: str) -> Site:
    row = conn.execute(sa.select(*_COLUMNS).where(sites.c.name == name)).first()
    if row is None:
        raise NotFound(f"There is no site {name!r}.")
    return Site(*row)


def page(conn: Connection, limit: int, after_id: int = 0) -> list[Site]:
    query = sa.select(*_COLUMNS).where(sites.c.id > after_id).order_by(sites.c.id)
    return [Site(*row) for row in conn.execute(query.limit(limit))]


def put_meter(conn: Connection, site_id: int, meter: str, by: str, now_s: int) -> None:
    """The meter hangs there from now on, wherever it was before."""
    get(conn, site_id)
    meters.get(conn, meter)
    query = insert(conn, site_meters).values(meter=meter, site_id=site_id)
    values = {"site_id": site_id}
    conn.execute(query.on_conflict_do_update(index_elements=["meter"], set_=values))
    acts.note(conn, by, "site.put_meter", f"site:{site_id}", {"meter": meter}, now_s)


def take_meter(conn: Connection, meter: str, by: str, now_s: int) -> None:
    site_id = site_of(conn, meter)
    if site_id is None:
        raise NotFound(f"Meter {meter} belongs to no site.")
    conn.execute(sa.delete(site_meters).where(site_meters.c.meter == meter))
    acts.note(conn, by, "site.take_meter", f"site:{site_id}", {"meter": meter}, now_s)


def site_of(conn: Connection, meter: str) -> int | None:
    query = sa.select(site_meters.c.site_id).where(site_meters.c.meter == meter)
    return conn.execute(query).scalar()


def meters_of(conn: Connection, site_id: int) -> list[str]:
    m = site_meters.c
    query = sa.select(m.meter).where(m.site_id == site_id).order_by(m.meter)
    return list(conn.execute(query).scalars())
