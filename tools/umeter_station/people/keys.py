"""API keys: how machines say who they are. A key is shown once, when it is made."""

import secrets
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.errors import NotFound, StationError
from umeter_station.models_people import api_keys
from umeter_station.people import acts, roles, texts, tokens

_PREFIX = "umk"
# Written no more often than this, so that a busy key does not make every request a write.
TOUCH_S = 60


@dataclass(frozen=True)
class ApiKey:
    """`public_id` is the part of the key that may be shown, and tells it from others."""

    id: int
    name: str
    public_id: str
    scopes: frozenset[str]
    created_by: str
    created_at: int
    expires_at: int | None
    last_used_at: int | None
    revoked_at: int | None

    @property
    def by(self) -> str:
        return f"key:{self.name}"


_COLUMNS = [api_keys.c[name] for name in ApiKey.__dataclass_fields__]


def _key(row: sa.Row) -> ApiKey:
    values = {name: row._mapping[name] for name in ApiKey.__dataclass_fields__}
    return ApiKey(**{**values, "scopes": frozenset(values["scopes"].split())})


def add(
    conn: Connection,
    name: str,
    scopes: frozenset[str],
    by: str,
    now_s: int,
    expires_at: int | None = None,
) -> tuple[ApiKey, str]:
    """Returns the key, and the text that is shown now and never again."""
    name = texts.login(name)
    unknown = sorted(scopes - roles.KEY_SCOPES)
    if unknown or not scopes:
        raise StationError(
            f"An API key cannot have the scope {unknown[0]!r}."
            if unknown
            else "An API key needs at least one scope, as readings:read."
        )
    if expires_at is not None and expires_at <= now_s:
        raise StationError("That time is past; let the key expire later.")
    if conn.execute(sa.select(api_keys.c.id).where(api_keys.c.name == name)).first():
        raise StationError(f"There is a key {name!r} already; choose another name.")
    public_id, secret = secrets.token_hex(6), tokens.new()
    inserted = conn.execute(
        api_keys.insert().values(
            name=name,
            public_id=public_id,
            secret_hash=tokens.digest(secret),
            scopes=" ".join(sorted(scopes)),
            created_by=by,
            created_at=now_s,
            expires_at=expires_at,
        )
    )
    key = get(conn, inserted.inserted_primary_key[0])
    detail = {"scopes": sorted(scopes), "expires_at": expires_at}
    acts.note(conn, by, "key.add", key.by, detail, now_s)
    return key, f"{_PREFIX}_{public_id}_{secret}"


def get(conn: Connection, key_id: int) -> ApiKey:
    row = conn.execute(sa.select(*_COLUMNS).where(api_keys.c.id == key_id)).first()
    if row is None:
        raise NotFound(f"There is no API key {key_id}.")
    return _key(row)


def by_name(conn: Connection, name: str) -> ApiKey:
    row = conn.execute(sa.select(*_COLUMNS).where(api_keys.c.name == name)).first()
    if row is None:
        raise NotFound(f"There is no API key {name!r}.")
    return _key(row)


def page(conn: Connection, limit: int, after_id: int = 0) -> list[ApiKey]:
    query = sa.select(*_COLUMNS).where(api_keys.c.id > after_id).order_by(api_keys.c.id)
    return [_key(row) for row in conn.execute(query.limit(limit))]


def find(conn: Connection, text: str, now_s: int) -> ApiKey | None:
    """The key that this text is, if it is still good."""
    prefix, _, rest = text.partition("_")
    public_id, _, secret = rest.partition("_")
    if prefix != _PREFIX or not secret or not public_id.isascii():
        return None
    row = conn.execute(
        sa.select(*_COLUMNS, api_keys.c.secret_hash).where(api_keys.c.public_id == public_id)
    ).first()
    if row is None or not tokens.is_same(secret, row.secret_hash):
        return None
    if row.revoked_at is not None or (row.expires_at or now_s + 1) <= now_s:
        return None
    return _key(row)


def touch(conn: Connection, key_id: int, now_s: int) -> None:
    conn.execute(sa.update(api_keys).where(api_keys.c.id == key_id).values(last_used_at=now_s))


def revoke(conn: Connection, key_id: int, by: str, now_s: int) -> bool:
    """False if it was revoked before."""
    key = get(conn, key_id)
    if key.revoked_at is not None:
        return False
    conn.execute(sa.update(api_keys).where(api_keys.c.id == key_id).values(revoked_at=now_s))
    acts.note(conn, by, "key.revoke", key.by, {}, now_s)
    return True
