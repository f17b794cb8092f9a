"""Owners, operators, cashiers and auditors: added, given other roles, shut out.

A password is made here, shown once and stored nowhere; whoever gets it changes it under /me.
"""

from typing import Annotated, Any, Literal

from fastapi import Form, Request
from fastapi.responses import Response

from umeter_station.api.deps import BooksDep, Caller, IdPath
from umeter_station.errors import NotFound, StationError
from umeter_station.people import accounts, acts, passwords, sessions, totp
from umeter_station.people.accounts import Person
from umeter_station.web import route
from umeter_station.web.forms import Tick, Typed
from umeter_station.web.guard import page
from umeter_station.web.language import gettext as _
from umeter_station.web.route import go_on, status_of
from umeter_station.web.templating import render
from umeter_station.web.tenants.view import start_password

router = route.router("/console/people")

Reader = Annotated[Caller, page("people:read")]
Giver = Annotated[Caller, page("people:write")]
Role = Annotated[Literal["owner", "operator", "cashier", "auditor"], Form()]
ROLES = ("operator", "cashier", "auditor", "owner")
_SHOWN_ACTS = 10


@router.get("")
def people(request: Request, books: BooksDep, who: Reader) -> Response:
    return _list(request, books, who)


@router.post("")
def add(request: Request, books: BooksDep, who: Giver, role: Role, name: Typed = "") -> Response:
    password = start_password()
    try:
        password_hash = passwords.hashed(password, name)
        with books.db.write() as conn:
            person = accounts.add(conn, name, role, password_hash, who.by, who.now_s)
    except StationError as error:
        return _list(request, books, who, name, role, str(error), status_of(error))
    return _person(request, books, who, person.id, told=password)


@router.get("/{person_id}")
def person(request: Request, person_id: IdPath, books: BooksDep, who: Reader) -> Response:
    return _person(request, books, who, person_id)


@router.post("/{person_id}/role")
def change_role(
    request: Request, person_id: IdPath, books: BooksDep, who: Giver, role: Role
) -> Response:
    return _do(request, books, who, person_id, accounts.set_role, role)


@router.post("/{person_id}/disable")
def disable(
    request: Request, person_id: IdPath, books: BooksDep, who: Giver, sure: Tick = ""
) -> Response:
    return _do(request, books, who, person_id, accounts.disable, sure=sure)


@router.post("/{person_id}/enable")
def enable(request: Request, person_id: IdPath, books: BooksDep, who: Giver) -> Response:
    return _do(request, books, who, person_id, accounts.enable)


@router.post("/{person_id}/codes")
def remove_codes(
    request: Request, person_id: IdPath, books: BooksDep, who: Giver, sure: Tick = ""
) -> Response:
    """For who has lost both the device and the recovery codes."""
    return _do(request, books, who, person_id, totp.remove, sure=sure)


@router.post("/{person_id}/sessions")
def end_sessions(request: Request, person_id: IdPath, books: BooksDep, who: Giver) -> Response:
    """Sign somebody out everywhere; oneself everywhere but here."""

    def end(conn: Any, person_id: int, by: str, now_s: int) -> None:
        here = who.session.token_hash if who.session and who.person_id == person_id else None
        sessions.end_all(conn, person_id, but=here)
        acts.note(conn, by, "person.sign_out", f"person:{person_id}", {}, now_s)

    return _do(request, books, who, person_id, end)


@router.post("/{person_id}/password")
def give_password(
    request: Request, person_id: IdPath, books: BooksDep, who: Giver, sure: Tick = ""
) -> Response:
    """For who has forgotten it; whoever is signed in as that person is so no more."""
    password = start_password()
    try:
        _check_sure(sure)
        with books.db.read() as conn:
            name = _staff(conn, person_id).name
        password_hash = passwords.hashed(password, name)
        here = who.session.token_hash if who.session and who.person_id == person_id else None
        with books.db.write() as conn:
            accounts.set_password(conn, person_id, password_hash, who.by, who.now_s, here)
    except StationError as error:
        wrong, status = str(error), status_of(error)
        return _person(request, books, who, person_id, wrong=wrong, status=status)
    return _person(request, books, who, person_id, told=password)


def _do(
    request: Request,
    books: Any,
    who: Caller,
    person_id: int,
    act: Any,
    *more: Any,
    sure: str = "yes",
) -> Response:
    try:
        _check_sure(sure)
        with books.db.write() as conn:
            _staff(conn, person_id)
            act(conn, person_id, *more, who.by, who.now_s)
    except StationError as error:
        wrong, status = str(error), status_of(error)
        return _person(request, books, who, person_id, wrong=wrong, status=status)
    return go_on(f"/console/people/{person_id}", "done")


def _check_sure(sure: str) -> None:
    if not sure:
        raise StationError(_("Tick that it is meant; nothing was done."))


def _staff(conn: Any, person_id: int) -> Person:
    """Tenants' sign-ins are with their tenants."""
    found = accounts.get(conn, person_id)
    if found.role == "tenant":
        raise NotFound(_("There is nobody of the staff with that number."))
    return found


def _list(
    request: Request,
    books: Any,
    who: Caller,
    name: str = "",
    role: str = "operator",
    wrong: str = "",
    status: int = 200,
) -> Response:
    with books.db.read() as conn:
        found = accounts.staff(conn)
    return render(
        request,
        "people/people.html",
        status,
        people=found,
        roles=ROLES,
        typed={"name": name, "role": role},
        wrong=wrong,
        may_give=who.may("people:write"),
    )


def _person(
    request: Request,
    books: Any,
    who: Caller,
    person_id: int,
    told: str = "",
    wrong: str = "",
    status: int = 200,
) -> Response:
    """`told`: a password that is shown this once. Where somebody is signed in is shown only to
    whoever may end it."""
    may_give = who.may("people:write")
    with books.db.read() as conn:
        found = _staff(conn, person_id)
        context = {
            "sessions": sessions.of(conn, person_id) if may_give else [],
            "codes_left": totp.recovery_left(conn, person_id),
            "acts": acts.newest(conn, _SHOWN_ACTS, by=found.by) if who.may("audit:read") else [],
        }
    return render(
        request,
        "people/person.html",
        status,
        person=found,
        roles=ROLES,
        told=told,
        wrong=wrong,
        may_give=may_give,
        **context,
    )
