"""One-time codes beside the password (RFC 6238), and recovery codes for a lost device."""

import base64
import hmac
import secrets
from dataclasses import dataclass

import pyotp
import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import secrets as sealing
from umeter_station.errors import StationError
from umeter_station.models_people import people, recovery_codes
from umeter_station.people import accounts, acts, sessions, tokens

_STEP_S = 30
_ISSUER = "umeter station"
_RECOVERY_CODES = 10
_RECOVERY_BYTES = 10


@dataclass(frozen=True)
class Enrolment:
    """What the person's device takes in; shown once. It counts once a code has confirmed it."""

    secret: str
    uri: str


def enrol(conn: Connection, person_id: int, by: str, now_s: int) -> Enrolment:
    person = accounts.get(conn, person_id)
    if person.has_totp:
        raise StationError("One-time codes are in use already; remove them first.")
    secret = pyotp.random_base32()
    sealed = sealing.seal(conn, _label(person_id), secret.encode())
    _update(conn, person_id, totp_secret=sealed, totp_step=0)
    acts.note(conn, by, "totp.enrol", person.about, {}, now_s)
    uri = pyotp.TOTP(secret).provisioning_uri(name=person.name, issuer_name=_ISSUER)
    return Enrolment(secret, uri)


def confirm(
    conn: Connection,
    person_id: int,
    code: str,
    by: str,
    now_s: int,
    but_session: str | None = None,
) -> list[str]:
    """Codes are asked for from now on. Returns the recovery codes, which are shown once."""
    person = accounts.get(conn, person_id)
    if person.has_totp:
        raise StationError("One-time codes are in use already.")
    if not _is_code(conn, person_id, code, now_s):
        raise StationError("That is not the code of now; look at the device's clock, try again.")
    _update(conn, person_id, totp_at=now_s)
    codes = [_recovery_code() for _ in range(_RECOVERY_CODES)]
    _forget_codes(conn, person_id)
    rows = [{"person_id": person_id, "code_hash": tokens.digest(_plain(code))} for code in codes]
    conn.execute(recovery_codes.insert(), rows)
    # Whoever signed in with the password alone shall do so with a code.
    sessions.end_all(conn, person_id, but=but_session)
    acts.note(conn, by, "totp.confirm", person.about, {}, now_s)
    return codes


def remove(conn: Connection, person_id: int, by: str, now_s: int) -> bool:
    """False if there was nothing to remove."""
    person = accounts.get(conn, person_id)
    _update(conn, person_id, totp_secret=None, totp_at=None)
    _forget_codes(conn, person_id)
    if person.has_totp:
        acts.note(conn, by, "totp.remove", person.about, {}, now_s)
    return person.has_totp


def is_right(conn: Connection, person_id: int, code: str, now_s: int) -> bool:
    """Whether it is a code of now, or one of the recovery codes; each is taken once."""
    return _is_code(conn, person_id, code, now_s) or _is_recovery(conn, person_id, code, now_s)


def _is_code(conn: Connection, person_id: int, code: str, now_s: int) -> bool:
    query = sa.select(people.c.totp_secret, people.c.totp_step).where(people.c.id == person_id)
    row = conn.execute(query).first()
    if row is None or row.totp_secret is None:
        return False
    secret = sealing.opened(conn, _label(person_id), row.totp_secret).decode()
    digits = "".join(code.split())
    found = None
    for step in (now_s // _STEP_S + away for away in (-1, 0, 1)):
        wanted = pyotp.TOTP(secret).generate_otp(step)
        # All three are compared, so that the time tells nothing.
        if hmac.compare_digest(wanted.encode(), digits.encode()) and step > row.totp_step:
            found = step
    if found is None:
        return False
    _update(conn, person_id, totp_step=found)
    return True


def _is_recovery(conn: Connection, person_id: int, code: str, now_s: int) -> bool:
    r = recovery_codes.c
    used = conn.execute(
        sa.update(recovery_codes)
        .where(r.person_id == person_id, r.used_at.is_(None))
        .where(r.code_hash == tokens.digest(_plain(code)))
        .values(used_at=now_s)
    )
    return used.rowcount == 1


def recovery_left(conn: Connection, person_id: int) -> int:
    r = recovery_codes.c
    query = sa.select(sa.func.count()).where(r.person_id == person_id, r.used_at.is_(None))
    return conn.execute(query).scalar_one()


def _recovery_code() -> str:
    text = base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode().lower()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def _plain(code: str) -> str:
    return "".join(code.split()).replace("-", "").lower()


def _forget_codes(conn: Connection, person_id: int) -> None:
    conn.execute(sa.delete(recovery_codes).where(recovery_codes.c.person_id == person_id))


def _label(person_id: int) -> str:
    return f"totp:{person_id}"


def _update(conn: Connection, person_id: int, **values: object) -> None:
    conn.execute(sa.update(people).where(people.c.id == person_id).values(**values))
