"""Those who may sign in, and the API keys of machines. Both are the owner's to give."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field

from umeter_station.api.deps import BooksDep, Caller, IdPath, In, Out, Page, PageDep, TimeS, need
from umeter_station.api.routes_auth import Password
from umeter_station.people import accounts, keys, passwords, totp
from umeter_station.people.accounts import Person
from umeter_station.people.keys import ApiKey

router = APIRouter(prefix="/v1", tags=["people"])

Reader = Annotated[Caller, need("people:read")]
Giver = Annotated[Caller, need("people:write")]
StaffRole = Literal["owner", "operator", "cashier", "auditor"]
Name = Annotated[str, Field(min_length=1, max_length=64)]


class NewPerson(In):
    name: Name
    role: StaffRole
    password: Password


class PersonChange(In):
    role: StaffRole | None = None
    disabled: bool | None = None


class GivenPassword(In):
    password: Password


class NewKey(In):
    name: Name
    scopes: list[str] = Field(min_length=1, max_length=40)
    expires_at: TimeS | None = None


class MadeKey(Out):
    """`secret` is what the machine sends as bearer token; it is shown now, and never again."""

    key: ApiKey
    secret: str


@router.get("/people")
def list_people(books: BooksDep, page: PageDep, who: Reader) -> Page[Person]:
    after = page.after(int)
    with books.db.read() as conn:
        rows = accounts.page(conn, page.limit + 1, after[0] if after else 0)
    return page.of(rows, key=lambda person: (person.id,))


@router.post("/people", status_code=201)
def add_person(body: NewPerson, books: BooksDep, who: Giver) -> Person:
    """Add an owner, operator, cashier or auditor; tenants get their logins as tenants."""
    password_hash = passwords.hashed(body.password.get_secret_value(), body.name)
    with books.db.write() as conn:
        return accounts.add(conn, body.name, body.role, password_hash, who.by, who.now_s)


@router.get("/people/{person_id}")
def get_person(person_id: IdPath, books: BooksDep, who: Reader) -> Person:
    with books.db.read() as conn:
        return accounts.get(conn, person_id)


@router.patch("/people/{person_id}")
def change_person(person_id: IdPath, body: PersonChange, books: BooksDep, who: Giver) -> Person:
    """Give another role, or shut out; whoever is signed in as that person is so no more."""
    with books.db.write() as conn:
        if body.role is not None:
            accounts.set_role(conn, person_id, body.role, who.by, who.now_s)
        if body.disabled is not None:
            act = accounts.disable if body.disabled else accounts.enable
            act(conn, person_id, who.by, who.now_s)
        return accounts.get(conn, person_id)


@router.put("/people/{person_id}/password", status_code=204)
def give_password(person_id: IdPath, body: GivenPassword, books: BooksDep, who: Giver) -> None:
    """For who has forgotten it."""
    with books.db.read() as conn:
        person = accounts.get(conn, person_id)
    password_hash = passwords.hashed(body.password.get_secret_value(), person.name)
    with books.db.write() as conn:
        accounts.set_password(conn, person_id, password_hash, who.by, who.now_s)


@router.delete("/people/{person_id}/totp", status_code=204)
def remove_persons_totp(person_id: IdPath, books: BooksDep, who: Giver) -> None:
    """For who has lost both the device and the recovery codes."""
    with books.db.write() as conn:
        totp.remove(conn, person_id, who.by, who.now_s)


@router.get("/keys")
def list_keys(books: BooksDep, page: PageDep, who: Reader) -> Page[ApiKey]:
    after = page.after(int)
    with books.db.read() as conn:
        rows = keys.page(conn, page.limit + 1, after[0] if after else 0)
    return page.of(rows, key=lambda key: (key.id,))


@router.post("/keys", status_code=201)
def add_key(body: NewKey, books: BooksDep, who: Giver) -> MadeKey:
    with books.db.write() as conn:
        key, secret = keys.add(
            conn, body.name, frozenset(body.scopes), who.by, who.now_s, body.expires_at
        )
    return MadeKey(key=key, secret=secret)


@router.delete("/keys/{key_id}", status_code=204)
def revoke_key(key_id: IdPath, books: BooksDep, who: Giver) -> None:
    with books.db.write() as conn:
        keys.revoke(conn, key_id, who.by, who.now_s)
