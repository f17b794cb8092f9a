"""Signing in and out, and what people change about their own sign-in.

The session is a cookie that no script can read. What changes something needs its `csrf` as header,
too: another site can make a browser send the one, but never learns the other.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import Field, SecretStr

from umeter_station.api import entry
from umeter_station.api.deps import (
    BooksDep,
    Caller,
    In,
    Out,
    anyone,
    signed_in,
)
from umeter_station.api.problems import refuse
from umeter_station.people import (
    accounts,
    acts,
    passwords,
    roles,
    sessions,
    sign_in,
    totp,
)
from umeter_station.people.sessions import Listed, Session

router = APIRouter(prefix="/v1", tags=["sign-in"])

Password = Annotated[SecretStr, Field(max_length=passwords.MAX_CHARS)]
Me = Annotated[Caller, signed_in()]


class SignIn(In):
    name: str = Field(max_length=128)
    password: Password
    code: str = Field("", max_length=40, description="Of the device, or a recovery code.")


class SessionOut(Out):
    name: str
    role: str
    tenant_id: int | None
    scopes: list[str]
    csrf: str
    created_at: int
    expires_at: int


class NewPassword(In):
    old: Password
    new: Password


class OnlyPassword(In):
    password: Password


class Code(In):
    code: str = Field(max_length=40)


class Enrolment(Out):
    """Shown once."""

    secret: str
    uri: str


class RecoveryCodes(Out):
    """Shown once; each is taken once, in place of a code."""

    recovery_codes: list[str]


def _shown(session: Session) -> dict[str, Any]:
    return {
        "name": session.name,
        "role": session.role,
        "tenant_id": session.tenant_id,
        "scopes": sorted(roles.scopes_of(session.role)),
        "csrf": session.csrf,
        "created_at": session.created_at,
        "expires_at": session.expires_at,
    }


def _refusal(error: sign_in.Refused) -> Exception:
    if error.wait_s:
        return refuse(429, str(error), {"Retry-After": str(error.wait_s)})
    kind = "code-needed" if error.code_needed else ""
    return refuse(401, str(error), {"WWW-Authenticate": "Session"}, kind=kind)


def _confirm(books: BooksDep, who: Caller, password: SecretStr) -> None:
    try:
        sign_in.confirm_password(books.db, who.person_id, password.get_secret_value(), who.now_s)
    except sign_in.Refused as error:
        raise _refusal(error) from None


@router.post("/session", status_code=201)
def start_session(
    body: SignIn,
    request: Request,
    response: Response,
    books: BooksDep,
    _: Annotated[None, anyone("whoever signs in has nothing yet")],
) -> SessionOut:
    """Sign in. The answer is a 401 of the type `code-needed` if a one-time code is missing."""
    try:
        session, token = entry.enter(
            request, books, body.name, body.password.get_secret_value(), body.code
        )
    except sign_in.Refused as error:
        raise _refusal(error) from None
    entry.give_cookie(request, response, token, session.expires_at - books.clock.now_s())
    return SessionOut(**_shown(session))


@router.get("/session")
def my_session(who: Me) -> SessionOut:
    """Who is signed in."""
    return SessionOut(**_shown(who.session))


@router.delete("/session", status_code=204)
def end_session(request: Request, response: Response, books: BooksDep, who: Me) -> None:
    """Sign out."""
    entry.leave(books, who)
    entry.take_cookie(request, response)


@router.get("/sessions")
def my_sessions(books: BooksDep, who: Me) -> list[Listed]:
    """Where one is signed in."""
    with books.db.read() as conn:
        return sessions.of(conn, who.person_id)


@router.delete("/sessions", status_code=204)
def end_other_sessions(books: BooksDep, who: Me) -> None:
    """Sign out everywhere but here."""
    with books.db.write() as conn:
        ended = sessions.end_all(conn, who.person_id, but=who.session.token_hash)
        detail = {"others": ended}
        acts.note(conn, who.by, "sign_out", f"person:{who.person_id}", detail, who.now_s)


@router.put("/password", status_code=204)
def change_password(body: NewPassword, books: BooksDep, who: Me) -> None:
    """Everywhere else one is signed out by that."""
    _confirm(books, who, body.old)
    new_hash = passwords.hashed(body.new.get_secret_value(), who.session.name)
    with books.db.write() as conn:
        accounts.set_password(
            conn, who.person_id, new_hash, who.by, who.now_s, but_session=who.session.token_hash
        )


@router.post("/totp")
def enrol_totp(body: OnlyPassword, books: BooksDep, who: Me) -> Enrolment:
    """Begin to use one-time codes; they are asked for once a code has confirmed it."""
    _confirm(books, who, body.password)
    with books.db.write() as conn:
        return Enrolment.of(totp.enrol(conn, who.person_id, who.by, who.now_s))


@router.post("/totp/confirm")
def confirm_totp(body: Code, books: BooksDep, who: Me) -> RecoveryCodes:
    """From now on a code is asked for at sign-in; everywhere else one is signed out."""
    with books.db.write() as conn:
        codes = totp.confirm(
            conn, who.person_id, body.code, who.by, who.now_s, who.session.token_hash
        )
    return RecoveryCodes(recovery_codes=codes)


@router.post("/totp/remove", status_code=204)
def remove_totp(body: OnlyPassword, books: BooksDep, who: Me) -> None:
    _confirm(books, who, body.password)
    with books.db.write() as conn:
        totp.remove(conn, who.person_id, who.by, who.now_s)
