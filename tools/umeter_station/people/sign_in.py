"""Signing in: a name, a password and, where somebody uses them, a one-time code.

Three steps, because the password is hashed outside of any transaction. Whatever is wrong, the
answer is the same, and takes the same time.
"""

from dataclasses import dataclass

from sqlalchemy import Connection

from umeter_station.db import Database
from umeter_station.errors import StationError
from umeter_station.people import accounts, acts, passwords, sessions, totp, tries
from umeter_station.people.accounts import Person

_MAX_NAME_CHARS = 64


class Refused(StationError):
    """They have not shown who they are. `wait_s`: too many tries, come back after that."""

    def __init__(self, wait_s: int = 0, code_needed: bool = False) -> None:
        self.wait_s = wait_s
        self.code_needed = code_needed
        if wait_s:
            sentence = f"Too many tries; try again in {wait_s} s."
        elif code_needed:
            sentence = "The one-time code of your device is needed, too."
        else:
            sentence = "That name and password, or that code, are not right."
        super().__init__(sentence)


@dataclass(frozen=True)
class Request:
    """What was typed, and where it came from."""

    name: str
    password: str
    code: str
    address: str
    agent: str

    @property
    def login(self) -> str:
        return self.name.strip().lower()[:_MAX_NAME_CHARS]


@dataclass(frozen=True)
class SignedIn:
    person: Person
    token: str


def sign_in(db: Database, request: Request, now_s: int) -> SignedIn:
    """Start a new session. Raises Refused."""
    rules = {
        tries.of_name(request.login): tries.NAME,
        tries.of_address(request.address): tries.ADDRESS,
    }
    with db.write() as conn:
        waits_s = tries.begin(conn, rules, now_s)
        person = accounts.by_name(conn, request.login)
        stored = None if person is None else accounts.password_hash_of(conn, person.id)
    if waits_s:
        raise Refused(waits_s)
    right = passwords.is_right(stored, request.password)
    with db.write() as conn:
        # Not raised inside: what was noted of the failure must stay.
        outcome = _outcome(conn, person, stored, right, request, now_s)
    if isinstance(outcome, Refused):
        raise outcome
    return outcome


def _outcome(
    conn: Connection,
    person: Person | None,
    stored: str | None,
    right: bool,
    request: Request,
    now_s: int,
) -> SignedIn | Refused:
    if person is None:
        return Refused()
    # As things are now: meanwhile somebody may have been shut out, or have a new password.
    person = accounts.get(conn, person.id)
    unchanged = accounts.password_hash_of(conn, person.id) == stored
    if not right or not unchanged or person.disabled_at is not None:
        return _refused(conn, person, now_s)
    if person.has_totp and not request.code.strip():
        for subject in (tries.of_name(request.login), tries.of_address(request.address)):
            tries.take_back(conn, subject, now_s)
        return Refused(code_needed=True)
    if person.has_totp and not totp.is_right(conn, person.id, request.code, now_s):
        return _refused(conn, person, now_s)
    tries.forget(conn, tries.of_name(request.login))
    # Only this one try: else an account of one's own would clear the address for others.
    tries.take_back(conn, tries.of_address(request.address), now_s)
    token = sessions.start(conn, person.id, person.role, request.address, request.agent, now_s)
    acts.note(conn, person.by, "sign_in", person.about, {}, now_s)
    return SignedIn(person, token)


def _refused(conn: Connection, person: Person, now_s: int) -> Refused:
    acts.note(conn, "system", "sign_in.refused", person.about, {}, now_s)
    return Refused()


def confirm_password(db: Database, person_id: int, password: str, now_s: int) -> None:
    """Have somebody who is signed in show once more who they are. Raises Refused.

    Tries count as those at sign-in do: a session left open is no way to try passwords."""
    with db.write() as conn:
        person = accounts.get(conn, person_id)
        waits_s = tries.begin(conn, {tries.of_name(person.name): tries.NAME}, now_s)
        stored = accounts.password_hash_of(conn, person_id)
    if waits_s:
        raise Refused(waits_s)
    if not passwords.is_right(stored, password):
        raise Refused
    with db.write() as conn:
        tries.forget(conn, tries.of_name(person.name))
