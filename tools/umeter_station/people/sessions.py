"""Sessions of people in a browser: a random token there, its hash here.

A session ends when it is not used for a while, at the latest at `expires_at`, when its owner signs
out, and with all others when the password changes.
"""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.models_people import people, web_sessions
from umeter_station.people import tokens

_HOUR_S = 3_600
_DAY_S = 86_400
# (unused, in all) seconds; by role, who is not named here has the first.
_STAFF_S = (_HOUR_S // 2, 12 * _HOUR_S)
_LASTS_S = {"tenant": (14 * _DAY_S, 60 * _DAY_S)}
TOUCH_S = 60
_CSRF = "csrf"
_MAX_AGENT_CHARS = 200


@dataclass(frozen=True)
class Session:
    """One that is good now, and who it is. `csrf` is what its browser must show with every request
    that changes something."""

    token_hash: str
    csrf: str
    person_id: int
    name: str
    role: str
    tenant_id: int | None
    created_at: int
    seen_at: int
    expires_at: int


@dataclass(frozen=True)
class Listed:
    """A session as its owner may see it; `ref` names it and opens nothing."""

    ref: str
    created_at: int
    seen_at: int
    expires_at: int
    address: str
    agent: str


def start(
    conn: Connection, person_id: int, role: str, address: str, agent: str, now_s: int
) -> str:
    """Returns the token of a new session: never one that was there before signing in."""
    token = tokens.new()
    conn.execute(
        web_sessions.insert().values(
            token_hash=tokens.digest(token),
            person_id=person_id,
            created_at=now_s,
            seen_at=now_s,
            expires_at=now_s + _LASTS_S.get(role, _STAFF_S)[1],
            address=address,
            agent=agent[:_MAX_AGENT_CHARS],
        )
    )
    return token


def csrf_of(token: str) -> str:
    return tokens.derived(token, _CSRF)


def find(conn: Connection, token: str, now_s: int) -> Session | None:
    s, p = web_sessions.c, people.c
    token_hash = tokens.digest(token)
    row = conn.execute(
        sa.select(s.person_id, p.name, p.role, p.tenant_id, s.created_at, s.seen_at, s.expires_at)
        .join(people, p.id == s.person_id)
        .where(s.token_hash == token_hash, p.disabled_at.is_(None))
    ).first()
    if row is None or now_s >= row.expires_at:
        return None
    if now_s >= row.seen_at + _LASTS_S.get(row.role, _STAFF_S)[0]:
        return None
    return Session(token_hash, csrf_of(token), *row)


def touch(conn: Connection, token_hash: str, now_s: int) -> None:
    s = web_sessions.c
    conn.execute(
        sa.update(web_sessions)
        .where(s.token_hash == token_hash, s.seen_at < now_s)
        .values(seen_at=now_s)
    )


def end(conn: Connection, token_hash: str) -> None:
    conn.execute(sa.delete(web_sessions).where(web_sessions.c.token_hash == token_hash))


def end_token(conn: Connection, token: str) -> None:
    end(conn, tokens.digest(token))


def end_all(conn: Connection, person_id: int, but: str | None = None) -> int:
    """End all of one person, `but` that one; returns how many."""
    query = sa.delete(web_sessions).where(web_sessions.c.person_id == person_id)
    if but is not None:
        query = query.where(web_sessions.c.token_hash != but)
    return conn.execute(query).rowcount


def of(conn: Connection, person_id: int) -> list[Listed]:
    s = web_sessions.c
    query = sa.select(web_sessions).where(s.person_id == person_id).order_by(s.created_at)
    return [
        Listed(
            row.token_hash[:12],
            row.created_at,
            row.seen_at,
            row.expires_at,
            row.address,
            row.agent,
        )
        for row in conn.execute(query)
    ]


def sweep(conn: Connection, now_s: int) -> int:
    """Delete those that are over; for the nightly jobs."""
    over = web_sessions.c.expires_at <= now_s
    return conn.execute(sa.delete(web_sessions).where(over)).rowcount
