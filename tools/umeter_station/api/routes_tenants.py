"""Tenants: who has which channel from when until when, and how they sign in."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from umeter_station.api.deps import (
    BooksDep,
    Caller,
    ChField,
    IdPath,
    In,
    MeterField,
    Out,
    Page,
    PageDep,
    TimeS,
    need,
)
from umeter_station.api.routes_auth import Password
from umeter_station.errors import NotFound
from umeter_station.people import accounts, passwords, privacy, tenants
from umeter_station.people.accounts import Person
from umeter_station.people.tenants import Tenancy, Tenant

router = APIRouter(prefix="/v1/tenants", tags=["tenants"])

Reader = Annotated[Caller, need("tenants:read")]
Writer = Annotated[Caller, need("tenants:write")]
Short = Annotated[str, Field(max_length=254)]


class NewTenant(In):
    name: Short
    email: Short = ""
    phone: Short = ""
    language: Short = "en"


class TenantChange(In):
    name: Short | None = None
    email: Short | None = None
    phone: Short | None = None
    language: Short | None = None


class MoveIn(In):
    meter: MeterField
    ch: ChField
    from_s: TimeS | None = Field(None, description="Now, if it is not given.")


class MoveOut(In):
    meter: MeterField
    ch: ChField
    until_s: TimeS | None = Field(None, description="Now, if it is not given.")


class NewLogin(In):
    name: str = Field(min_length=1, max_length=64)
    password: Password


class NewLoginPassword(In):
    password: Password


class Forgotten(Out):
    """`done` is False if it was so before."""

    done: bool


@router.get("")
def list_tenants(books: BooksDep, page: PageDep, who: Reader) -> Page[Tenant]:
    after = page.after(int)
    with books.db.read() as conn:
        rows = tenants.page(conn, page.limit + 1, after[0] if after else 0)
    return page.of(rows, key=lambda tenant: (tenant.id,))


@router.post("", status_code=201)
def add_tenant(body: NewTenant, books: BooksDep, who: Writer) -> Tenant:
    with books.db.write() as conn:
        tenant_id = tenants.add(conn, by=who.by, now_s=who.now_s, **body.model_dump())
        return tenants.get(conn, tenant_id)


@router.get("/{tenant_id}")
def get_tenant(tenant_id: IdPath, books: BooksDep, who: Reader) -> Tenant:
    with books.db.read() as conn:
        return tenants.get(conn, tenant_id)


@router.patch("/{tenant_id}")
def change_tenant(tenant_id: IdPath, body: TenantChange, books: BooksDep, who: Writer) -> Tenant:
    changes = body.model_dump(exclude_none=True)
    with books.db.write() as conn:
        tenants.change(conn, tenant_id, changes, who.by, who.now_s)
        return tenants.get(conn, tenant_id)


@router.get("/{tenant_id}/tenancies")
def list_tenancies(tenant_id: IdPath, books: BooksDep, who: Reader) -> list[Tenancy]:
    with books.db.read() as conn:
        tenants.get(conn, tenant_id)
        return tenants.tenancies_of(conn, tenant_id)


@router.post("/{tenant_id}/move-in", status_code=201)
def move_in(tenant_id: IdPath, body: MoveIn, books: BooksDep, who: Writer) -> list[Tenancy]:
    from_s = who.now_s if body.from_s is None else body.from_s
    with books.db.write() as conn:
        tenants.move_in(conn, tenant_id, body.meter, body.ch, from_s, who.by, who.now_s)
        return tenants.tenancies_of(conn, tenant_id)


@router.post("/{tenant_id}/move-out")
def move_out(tenant_id: IdPath, body: MoveOut, books: BooksDep, who: Writer) -> list[Tenancy]:
    until_s = who.now_s if body.until_s is None else body.until_s
    with books.db.write() as conn:
        if tenants.living_at(conn, body.meter, body.ch) != tenant_id:
            raise NotFound(f"Tenant {tenant_id} does not live at that channel.")
        tenants.move_out(conn, body.meter, body.ch, until_s, who.by, who.now_s)
        return tenants.tenancies_of(conn, tenant_id)


@router.get("/{tenant_id}/logins")
def list_logins(tenant_id: IdPath, books: BooksDep, who: Reader) -> list[Person]:
    with books.db.read() as conn:
        tenants.get(conn, tenant_id)
        return accounts.logins_of(conn, tenant_id)


@router.post("/{tenant_id}/logins", status_code=201)
def add_login(tenant_id: IdPath, body: NewLogin, books: BooksDep, who: Writer) -> Person:
    password_hash = passwords.hashed(body.password.get_secret_value(), body.name)
    with books.db.write() as conn:
        return accounts.add(
            conn, body.name, "tenant", password_hash, who.by, who.now_s, tenant_id=tenant_id
        )


@router.put("/{tenant_id}/logins/{person_id}/password", status_code=204)
def give_login_password(
    tenant_id: IdPath, person_id: IdPath, body: NewLoginPassword, books: BooksDep, who: Writer
) -> None:
    """For who has forgotten it."""
    with books.db.read() as conn:
        person = _login(conn, tenant_id, person_id)
    password_hash = passwords.hashed(body.password.get_secret_value(), person.name)
    with books.db.write() as conn:
        accounts.set_password(conn, person_id, password_hash, who.by, who.now_s)


@router.delete("/{tenant_id}/logins/{person_id}", status_code=204)
def disable_login(tenant_id: IdPath, person_id: IdPath, books: BooksDep, who: Writer) -> None:
    with books.db.write() as conn:
        _login(conn, tenant_id, person_id)
        accounts.disable(conn, person_id, who.by, who.now_s)


def _login(conn: Any, tenant_id: int, person_id: int) -> Person:
    # Else whoever may write tenants could give an owner a password.
    person = accounts.get(conn, person_id)
    if person.tenant_id != tenant_id:
        raise NotFound(f"Tenant {tenant_id} has no login {person_id}.")
    return person


@router.post("/{tenant_id}/forget")
def forget(tenant_id: IdPath, books: BooksDep, who: Writer) -> Forgotten:
    """Forget who they were, for good; the books stay, under a number that leads to nobody."""
    with books.db.write() as conn:
        return Forgotten(done=privacy.forget(conn, tenant_id, who.by, who.now_s))


@router.get("/{tenant_id}/data")
def tenants_data(tenant_id: IdPath, books: BooksDep, who: Writer) -> privacy.Told:
    """Everything that is known of a tenant, to be handed to them."""
    with books.db.read() as conn:
        return privacy.told(conn, tenant_id)
