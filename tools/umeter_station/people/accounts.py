"""Those who may sign in: owners, operators, cashiers, auditors, and tenants."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.errors import NotFound, StationError
from umeter_station.models_people import people
from umeter_station.people import acts, roles, sessions, tenants, texts


@dataclass(frozen=True)
class Person:
    """`has_totp`: a code is asked for at sign-in, too."""

    id: int
    name: str
    role: str
    tenant_id: int | None
    created_at: int
    disabled_at: int | None
    password_at: int
    totp_at: int | None

    @property
    def has_totp(self) -> bool:
        return self.totp_at is not None

    @property
    def by(self) -> str:
        """As the acts name this person."""
        if self.tenant_id is not None:
            return tenants.about(self.tenant_id)
        return f"operator:{self.name}"

    @property
    def about(self) -> str:
        # Not the name of a tenant's login, which may be an e-mail address.
        return f"person:{self.id}"


_COLUMNS = [people.c[name] for name in Person.__dataclass_fields__]


def add(
    conn: Connection,
    name: str,
    role: str,
    password_hash: str | None,
    by: str,
    now_s: int,
    tenant_id: int | None = None,
) -> Person:
    """`password_hash`: of passwords.hashed(); without it nobody can sign in by that name yet."""
    name = texts.login(name)
    if role not in roles.ROLES:
        raise StationError(f"There is no role {role!r}; the roles are {', '.join(roles.ROLES)}.")
    if (role == "tenant") != (tenant_id is not None):
        raise StationError("A tenant's login, and no other, belongs to a tenant.")
    if tenant_id is not None and tenants.get(conn, tenant_id).forgotten_at is not None:
        raise StationError(f"Tenant {tenant_id} was forgotten; add a new one.")
    if by_name(conn, name) is not None:
        raise StationError(f"Somebody signs in as {name!r} already; choose another name.")
    inserted = conn.execute(
        people.insert().values(
            name=name,
            role=role,
            tenant_id=tenant_id,
            password_hash=password_hash,
            password_at=now_s,
            created_at=now_s,
        )
    )
    person = get(conn, inserted.inserted_primary_key[0])
    detail = {"role": role} if tenant_id is not None else {"role": role, "name": name}
    acts.note(conn, by, "person.add", person.about, detail, now_s)
    return person


def get(conn: Connection, person_id: int) -> Person:
    row = conn.execute(sa.select(*_COLUMNS).where(people.c.id == person_id)).first()
    if row is None:
        raise NotFound(f"There is no person {person_id}.")
    return Person(*row)


def by_name(conn: Connection, name: str) -> Person | None:
    query = sa.select(*_COLUMNS).where(people.c.name == name.strip().lower())
    row = conn.execute(query).first()
    return None if row is None else Person(*row)


def named(conn: Connection, name: str) -> Person:
    found = by_name(conn, name)
    if found is None:
        raise NotFound(f"Nobody signs in as {name!r}.")
    return found


def page(conn: Connection, limit: int, after_id: int = 0) -> list[Person]:
    query = sa.select(*_COLUMNS).where(people.c.id > after_id).order_by(people.c.id)
    return [Person(*row) for row in conn.execute(query.limit(limit))]


def staff(conn: Connection) -> list[Person]:
    """All but tenants, those who were shut out last."""
    p = people.c
    query = sa.select(*_COLUMNS).where(p.role != "tenant")
    return [
        Person(*row) for row in conn.execute(query.order_by(p.disabled_at.isnot(None), p.name))
    ]


def logins_of(conn: Connection, tenant_id: int) -> list[Person]:
    query = sa.select(*_COLUMNS).where(people.c.tenant_id == tenant_id).order_by(people.c.id)
    return [Person(*row) for row in conn.execute(query)]


def password_hash_of(conn: Connection, person_id: int) -> str | None:
    return conn.execute(sa.select(people.c.password_hash).where(people.c.id == person_id)).scalar()


def set_password(
    conn: Connection,
    person_id: int,
    password_hash: str,
    by: str,
    now_s: int,
    but_session: str | None = None,
) -> None:
    """Whoever was signed in under the old one is so no more, `but_session` (its token's hash)."""
    person = get(conn, person_id)
    _update(conn, person_id, password_hash=password_hash, password_at=now_s)
    sessions.end_all(conn, person_id, but=but_session)
    acts.note(conn, by, "person.password", person.about, {}, now_s)


def set_role(conn: Connection, person_id: int, role: str, by: str, now_s: int) -> None:
    person = get(conn, person_id)
    if person.role == "tenant" or role == "tenant" or role not in roles.ROLES:
        raise StationError("A role can be owner, operator, cashier or auditor; tenants stay such.")
    if role == person.role:
        return
    _keep_an_owner(conn, person)
    _update(conn, person_id, role=role)
    sessions.end_all(conn, person_id)
    acts.note(conn, by, "person.role", person.about, {"role": role, "was": person.role}, now_s)


def disable(conn: Connection, person_id: int, by: str, now_s: int) -> bool:
    """False if that was so before."""
    person = get(conn, person_id)
    if person.disabled_at is not None:
        return False
    _keep_an_owner(conn, person)
    _update(conn, person_id, disabled_at=now_s)
    sessions.end_all(conn, person_id)
    acts.note(conn, by, "person.disable", person.about, {}, now_s)
    return True


def enable(conn: Connection, person_id: int, by: str, now_s: int) -> bool:
    person = get(conn, person_id)
    if person.disabled_at is None:
        return False
    tenant = None if person.tenant_id is None else tenants.get(conn, person.tenant_id)
    if tenant is not None and tenant.forgotten_at is not None:
        raise StationError("That tenant was forgotten; add a new one.")
    _update(conn, person_id, disabled_at=None)
    acts.note(conn, by, "person.enable", person.about, {}, now_s)
    return True


def _keep_an_owner(conn: Connection, person: Person) -> None:
    if person.role != "owner":
        return
    p = people.c
    others = sa.select(sa.func.count()).where(
        p.role == "owner", p.disabled_at.is_(None), p.id != person.id
    )
    if not conn.execute(others).scalar_one():
        raise StationError("The station needs an owner; make somebody else one first.")


def _update(conn: Connection, person_id: int, **values: object) -> None:
    conn.execute(sa.update(people).where(people.c.id == person_id).values(**values))
