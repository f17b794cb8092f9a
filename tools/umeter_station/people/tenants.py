"""Tenants, and which channels they have had from when until when."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import meters
from umeter_station.errors import NotFound, StationError
from umeter_station.models_people import tenancies, tenants
from umeter_station.people import acts, texts


@dataclass(frozen=True)
class Tenant:
    """`forgotten_at`: since then name, email and phone are empty."""

    id: int
    name: str
    email: str
    phone: str
    language: str
    created_at: int
    forgotten_at: int | None


@dataclass(frozen=True)
class Tenancy:
    """`until_s` is the first second without the channel; None while it lasts."""

    id: int
    tenant_id: int
    meter: str
    ch: int
    from_s: int
    until_s: int | None


_TENANT = [tenants.c[name] for name in Tenant.__dataclass_fields__]
_TENANCY = [tenancies.c[name] for name in Tenancy.__dataclass_fields__]


def add(
    conn: Connection,
    name: str,
    by: str,
    now_s: int,
    email: str = "",
    phone: str = "",
    language: str = "en",
) -> int:
    values = {
        "name": texts.name(name, "A tenant's name"),
        "email": texts.email(email),
        "phone": texts.phone(phone),
        "language": texts.language(language),
    }
    inserted = conn.execute(tenants.insert().values(**values, created_at=now_s))
    tenant_id = inserted.inserted_primary_key[0]
    acts.note(conn, by, "tenant.add", about(tenant_id), {}, now_s)
    return tenant_id


def about(tenant_id: int) -> str:
    return f"tenant:{tenant_id}"


def get(conn: Connection, tenant_id: int) -> Tenant:
    row = conn.execute(sa.select(*_TENANT).where(tenants.c.id == tenant_id)).first()
    if row is None:
        raise NotFound(f"There is no tenant {tenant_id}.")
    return Tenant(*row)


def change(conn: Connection, tenant_id: int, changes: dict[str, str], by: str, now_s: int) -> None:
    """`changes`: some of name, email, phone, language."""
    checks = {
        "name": lambda text: texts.name(text, "A tenant's name"),
        "email": texts.email,
        "phone": texts.phone,
        "language": texts.language,
    }
    values = {key: checks[key](text) for key, text in changes.items()}
    if get(conn, tenant_id).forgotten_at is not None:
        raise StationError(f"Tenant {tenant_id} was forgotten; add a new one.")
    if values:
        conn.execute(sa.update(tenants).where(tenants.c.id == tenant_id).values(values))
        acts.note(conn, by, "tenant.change", about(tenant_id), {"changed": sorted(values)}, now_s)


def page(conn: Connection, limit: int, after_id: int = 0, named: str = "") -> list[Tenant]:
    """`named`: only those whose name has this in it."""
    query = sa.select(*_TENANT).where(tenants.c.id > after_id).order_by(tenants.c.id)
    if named:
        query = query.where(tenants.c.name.icontains(named, autoescape=True))
    return [Tenant(*row) for row in conn.execute(query.limit(limit))]


def move_in(
    conn: Connection, tenant_id: int, meter: str, ch: int, from_s: int, by: str, now_s: int
) -> int:
    """Returns the tenancy's id. Raises StationError if somebody has the channel at that time or
    will have it after."""
    if get(conn, tenant_id).forgotten_at is not None:
        raise StationError(f"Tenant {tenant_id} was forgotten; add a new one.")
    meters.check_channel(meters.get(conn, meter), ch)
    t = tenancies.c
    # Without an end it would overlap whatever begins later.
    taken = conn.execute(
        sa.select(t.tenant_id).where(
            t.meter == meter, t.ch == ch, t.until_s.is_(None) | (t.until_s > from_s)
        )
    ).first()
    if taken is not None:
        raise StationError(
            f"Channel {ch} of {meter} is tenant {taken[0]}'s at that time; move that one out"
            " first."
        )
    inserted = conn.execute(
        tenancies.insert().values(tenant_id=tenant_id, meter=meter, ch=ch, from_s=from_s)
    )
    detail = {"meter": meter, "ch": ch, "from_s": from_s}
    acts.note(conn, by, "tenant.move_in", about(tenant_id), detail, now_s)
    return inserted.inserted_primary_key[0]


def move_out(conn: Connection, meter: str, ch: int, until_s: int, by: str, now_s: int) -> Tenancy:
    """End the tenancy that the channel has now."""
    t = tenancies.c
    row = conn.execute(
        sa.select(*_TENANCY).where(t.meter == meter, t.ch == ch, t.until_s.is_(None))
    ).first()
    if row is None:
        raise NotFound(f"Nobody lives at channel {ch} of {meter}.")
    if until_s <= row.from_s:
        raise StationError("A tenant moves out after moving in; give a later time.")
    conn.execute(sa.update(tenancies).where(t.id == row.id).values(until_s=until_s))
    detail = {"meter": meter, "ch": ch, "until_s": until_s}
    acts.note(conn, by, "tenant.move_out", about(row.tenant_id), detail, now_s)
    return Tenancy(*row[:-1], until_s)


def living_at(conn: Connection, meter: str, ch: int) -> int | None:
    """Whose tenancy of the channel has no end yet."""
    t = tenancies.c
    return conn.execute(
        sa.select(t.tenant_id).where(t.meter == meter, t.ch == ch, t.until_s.is_(None))
    ).scalar()


def tenancies_of(conn: Connection, tenant_id: int) -> list[Tenancy]:
    query = sa.select(*_TENANCY).where(tenancies.c.tenant_id == tenant_id)
    return [Tenancy(*row) for row in conn.execute(query.order_by(tenancies.c.from_s))]


def history_of(conn: Connection, meter: str, ch: int) -> list[Tenancy]:
    t = tenancies.c
    query = sa.select(*_TENANCY).where(t.meter == meter, t.ch == ch).order_by(t.from_s)
    return [Tenancy(*row) for row in conn.execute(query)]


def _at(at_s: int) -> sa.ColumnElement[bool]:
    t = tenancies.c
    return (t.from_s <= at_s) & (t.until_s.is_(None) | (t.until_s > at_s))


def channels_of(conn: Connection, tenant_id: int, now_s: int) -> set[tuple[str, int]]:
    """The (meter, channel)s that a tenant has at this time."""
    t = tenancies.c
    rows = conn.execute(sa.select(t.meter, t.ch).where(t.tenant_id == tenant_id, _at(now_s)))
    return {(row.meter, row.ch) for row in rows}


def tenant_of(conn: Connection, meter: str, ch: int, at_s: int) -> int | None:
    """Who has, or had, the channel at that time."""
    t = tenancies.c
    return conn.execute(
        sa.select(t.tenant_id).where(t.meter == meter, t.ch == ch, _at(at_s))
    ).scalar()


def tenancy_at(conn: Connection, tenant_id: int, meter: str, ch: int, at_s: int) -> Tenancy | None:
    t = tenancies.c
    row = conn.execute(
        sa.select(*_TENANCY).where(
            t.tenant_id == tenant_id, t.meter == meter, t.ch == ch, _at(at_s)
        )
    ).first()
    return None if row is None else Tenancy(*row)
