"""What endpoints ask for: the books, a page, and a caller who may do what they do.

Every endpoint has `who: Annotated[Caller, need("area:read")]`, or `anyone("why")` if it is open to
everybody; an app with one that has neither does not start. `need("readings:read", "own:read")`
lets in whoever has one of the scopes: a tenant has none but `own:read` and `own:write`, and where
those are named the endpoint must call `who.check_channel` or go by `who.channels`.
"""

import hmac
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Header, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from umeter_station import meters
from umeter_station.api.paging import Page as Page
from umeter_station.api.paging import PageDep as PageDep
from umeter_station.api.problems import refuse, too_many
from umeter_station.errors import NotFound
from umeter_station.people import keys, roles, sessions, tenants
from umeter_station.people.keys import ApiKey
from umeter_station.people.sessions import Session
from umeter_station.station import Books

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
CSRF_HEADER = "X-CSRF-Token"
LARGEST = (1 << 53) - 1  # what JSON's readers take for a whole number everywhere

MeterPath = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
ChPath = Annotated[int, Path(ge=1, le=meters.MAX_CHANNELS)]
IdPath = Annotated[int, Path(ge=1, le=LARGEST)]
MeterField = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
ChField = Annotated[int, Field(ge=1, le=meters.MAX_CHANNELS)]
AmountU = Annotated[int, Field(gt=0, le=LARGEST)]
TimeS = Annotated[int, Field(ge=0, le=LARGEST)]
IdempotencyKey = Annotated[
    str, Header(alias="Idempotency-Key", min_length=1, max_length=255, pattern=r"^[!-~]+$")
]


class In(BaseModel):
    """A request's body: nothing in it that is not known, and no text where a number belongs."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Out(BaseModel):
    """An answer, made of any object with these attributes by `Out.of`."""

    model_config = ConfigDict(from_attributes=True)

    @classmethod
    def of(cls, thing: Any) -> Any:
        return cls.model_validate(thing)


@dataclass(frozen=True)
class Caller:
    """Who asks. `by` as the acts name it; `role` is "key" for a machine; `tenant_id` is None for
    everybody but tenants; `now_s` is when they asked."""

    by: str
    role: str
    scopes: frozenset[str]
    now_s: int
    tenant_id: int | None = None
    person_id: int | None = None
    session: Session | None = None

    def may(self, scope: str) -> bool:
        return scope in self.scopes

    def check_channel(self, conn: Connection, meter: str, ch: int) -> None:
        """404 for a channel that there is not, or that a tenant does not have now."""
        if self.tenant_id is None:
            meters.check_channel(meters.get(conn, meter), ch)
        elif (meter, ch) not in tenants.channels_of(conn, self.tenant_id, self.now_s):
            raise NotFound(f"There is no channel {ch} of {meter} here.")

    def channels(self, conn: Connection) -> set[tuple[str, int]] | None:
        """The only ones that the caller may know of; None: there is no such limit."""
        if self.tenant_id is None:
            return None
        return tenants.channels_of(conn, self.tenant_id, self.now_s)

    def since_s(self, conn: Connection, meter: str, ch: int) -> int:
        """Nothing before this is the caller's to see: somebody else lived there. 0 for staff."""
        if self.tenant_id is None:
            return 0
        tenancy = tenants.tenancy_at(conn, self.tenant_id, meter, ch, self.now_s)
        if tenancy is None:
            raise NotFound(f"There is no channel {ch} of {meter} here.")
        return tenancy.from_s


def _books(request: Request) -> Books:
    return request.app.state.books


BooksDep = Annotated[Books, Depends(_books)]


class Need:
    """A dependency that lets in callers with one of its scopes."""

    def __init__(self, *scopes: str) -> None:
        unknown = set(scopes) - roles.ALL
        if unknown or not scopes:
            raise ValueError(f"no such scopes: {sorted(unknown)}")
        self.scopes = scopes

    def __call__(self, request: Request) -> Caller:
        who = self.admits(request) or identify(request)
        if who is None:
            raise refuse(401, "Sign in first, or send an API key.", {"WWW-Authenticate": "Bearer"})
        waits = request.app.state.per_caller.take(who.by)
        if waits:
            raise too_many(waits)
        self.check(who)
        return who

    def admits(self, request: Request) -> Caller | None:
        """Somebody who is let in without a session or a key; here nobody."""
        return None

    def check(self, who: Caller) -> None:
        if not who.scopes.intersection(self.scopes):
            raise refuse(403, f"That takes the right {' or '.join(self.scopes)}.")


class SignedIn(Need):
    """A dependency that lets in people, whoever they are, to what is their own alone."""

    def __init__(self) -> None:
        self.scopes = ()

    def check(self, who: Caller) -> None:
        if who.person_id is None:
            raise refuse(403, "That takes a person who has signed in, not an API key.")


class Anyone:
    """A dependency of what is open to everybody, and why."""

    def __init__(self, why: str, limited: bool = True) -> None:
        self.why = why
        self.limited = limited

    def __call__(self, request: Request) -> None:
        waits = request.app.state.per_stranger.take(address_of(request)) if self.limited else 0
        if waits:
            raise too_many(waits)


def need(*scopes: str) -> Any:
    return Depends(Need(*scopes))


def need_by(guard: Need) -> Any:
    return Depends(guard)


def signed_in() -> Any:
    return Depends(SignedIn())


def anyone(why: str, limited: bool = True) -> Any:
    """`limited`: strangers share a small token bucket per address."""
    return Depends(Anyone(why, limited))


def address_of(request: Request) -> str:
    return request.client.host if request.client else ""


def identify(request: Request) -> Caller | None:
    """Who sends this request; None if it does not say, or it is not so."""
    books: Books = request.app.state.books
    now_s = books.clock.now_s()
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind:
        return _machine(books, token.strip(), now_s) if kind.lower() == "bearer" else None
    shown = None
    if request.method not in SAFE_METHODS:
        shown = request.headers.get(CSRF_HEADER, "")
    return person_of(request, shown, f"The header {CSRF_HEADER} is missing or not this session's.")


def _machine(books: Books, token: str, now_s: int) -> Caller | None:
    with books.db.read() as conn:
        key: ApiKey | None = keys.find(conn, token, now_s)
    if key is None:
        return None
    if now_s - (key.last_used_at or 0) >= keys.TOUCH_S:
        with books.db.write() as conn:
            keys.touch(conn, key.id, now_s)
    return Caller(key.by, "key", key.scopes, now_s)


def person_of(request: Request, shown: str | None, otherwise: str) -> Caller | None:
    """Whose session's cookie it is. `shown` is what only a page of ours could know of it, None if
    nothing is changed; `otherwise` is what is said if it is not so.
    """
    books: Books = request.app.state.books
    token = request.cookies.get(request.app.state.settings.cookie)
    if not token:
        return None
    now_s = books.clock.now_s()
    with books.db.read() as conn:
        session = sessions.find(conn, token, now_s)
    if session is None:
        return None
    # Another site can have the browser send its cookie, but cannot know this.
    if shown is not None and not hmac.compare_digest(shown.encode(), session.csrf.encode()):
        raise refuse(403, otherwise)
    if now_s - session.seen_at >= sessions.TOUCH_S:
        with books.db.write() as conn:
            sessions.touch(conn, session.token_hash, now_s)
    tenant = session.role == "tenant"
    return Caller(
        by=f"tenant:{session.tenant_id}" if tenant else f"operator:{session.name}",
        role=session.role,
        scopes=roles.scopes_of(session.role),
        now_s=now_s,
        tenant_id=session.tenant_id,
        person_id=session.person_id,
        session=session,
    )
