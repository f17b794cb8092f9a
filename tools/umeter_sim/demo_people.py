"""The people of the demo: staff, sites, tenants in their flats, and who may sign in."""

from sqlalchemy import Connection

from umeter_sim.demo_houses import HOUSES, PASSWORD, SITES, STAFF, TENANT
from umeter_station import meters
from umeter_station.db import Database
from umeter_station.people import accounts, passwords, sites, tenants

BY = "system"


def settle_in(db: Database, keys: dict[str, bytes], now_s: int) -> None:
    """Add all of them, and the meters with their keys, to an empty station."""
    hashed = passwords.hashed(PASSWORD)
    with db.write() as conn:
        for name, role in STAFF:
            accounts.add(conn, name, role, hashed, BY, now_s)
        for meter, key in keys.items():
            meters.add(conn, meter, key, now_s)
        for name, address in SITES.items():
            site = sites.add(conn, name, address, BY, now_s)
            for house in HOUSES:
                if house.site == name:
                    sites.put_meter(conn, site.id, house.meter, BY, now_s)
        _move_in(conn, hashed, now_s)


def _move_in(conn: Connection, hashed: str, now_s: int) -> None:
    known: dict[str, int] = {}
    for house in HOUSES:
        for ch in house.people():
            name = house.tenants[ch - 1] or ""
            if name not in known:
                email = name.lower().replace(" & ", ".").replace(" ", ".").replace("é", "e")
                known[name] = tenants.add(conn, name, BY, now_s, email=f"{email}@example.org")
            tenants.move_in(conn, known[name], house.meter, ch, now_s, BY, now_s)
    login = next(name for name in known if name.lower().startswith(TENANT))
    accounts.add(conn, TENANT, "tenant", hashed, BY, now_s, tenant_id=known[login])
