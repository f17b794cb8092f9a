"""Who did what: append-only, and each act carries the hash of the one before.

Whoever changes, removes or adds one breaks the chain at that place; who cuts off its end is found
by whoever kept an older head (`Verdict.head`). Nobody's personal data belongs into an act, which
can never be forgotten: tenants are "tenant:7" here, and what they are called is not in `detail`.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.models_people import acts

_NONE_BEFORE = bytes(32)
_AT_ONCE = 1_000


@dataclass(frozen=True)
class Act:
    n: int
    at: int
    by: str
    act: str
    about: str
    detail: dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """`count` acts are one unbroken chain that ends with the hash `head`. `broken_n` is the first
    that does not belong to it, None if all do, and `reason` says why."""

    count: int
    head: str
    broken_n: int | None = None
    reason: str = ""

    @property
    def is_sound(self) -> bool:
        return self.broken_n is None


def note(
    conn: Connection, by: str, act: str, about: str, detail: dict[str, Any], now_s: int
) -> None:
    """Add one, inside the caller's write transaction: it stands if and only if the deed does.

    `by` is like "operator:anna", "tenant:7", "key:desk1", "job:nightly", "system".
    """
    # Looking first is safe: write transactions exclude each other.
    last = conn.execute(
        sa.select(acts.c.n, acts.c.hash).order_by(acts.c.n.desc()).limit(1)
    ).first()
    n, link = (1, _NONE_BEFORE) if last is None else (last.n + 1, last.hash)
    text = json.dumps(detail, separators=(",", ":"), sort_keys=True)
    row = {"n": n, "at": now_s, "by": by, "act": act, "about": about, "detail": text}
    conn.execute(acts.insert().values(**row, hash=_hash(link, row)))


def _hash(link: bytes, row: Any) -> bytes:
    told = [row[name] for name in ("n", "at", "by", "act", "about", "detail")]
    return hashlib.sha256(link + json.dumps(told, separators=(",", ":")).encode()).digest()


def verify(conn: Connection, head: str = "") -> Verdict:
    """Walk the whole chain. `head`: the hash that an earlier walk ended with, which must still be
    in it."""
    count, link, seen = 0, _NONE_BEFORE, not head
    query = sa.select(acts).order_by(acts.c.n).execution_options(yield_per=_AT_ONCE)
    for row in conn.execute(query).mappings():
        if row["n"] != count + 1:
            return Verdict(count, link.hex(), count + 1, f"act {count + 1} is missing")
        if _hash(link, row) != row["hash"]:
            return Verdict(count, link.hex(), count + 1, "it is not what was hashed")
        count, link = count + 1, row["hash"]
        seen = seen or link.hex() == head
    if not seen:
        return Verdict(count, link.hex(), count + 1, "the act with the given hash is gone")
    return Verdict(count, link.hex())


def newest(
    conn: Connection,
    limit: int,
    before_n: int | None = None,
    by: str | None = None,
    about: str | None = None,
    act: str | None = None,
    since_s: int | None = None,
    until_s: int | None = None,
) -> list[Act]:
    """The newest first; with `before_n` those that are older than it; from `since_s` on, before
    `until_s`."""
    query = sa.select(acts).order_by(acts.c.n.desc()).limit(limit)
    if before_n is not None:
        query = query.where(acts.c.n < before_n)
    if since_s is not None:
        query = query.where(acts.c.at >= since_s)
    if until_s is not None:
        query = query.where(acts.c.at < until_s)
    for column, wanted in ((acts.c.by, by), (acts.c.about, about), (acts.c.act, act)):
        if wanted is not None:
            query = query.where(column == wanted)
    return [
        Act(row.n, row.at, row.by, row.act, row.about, json.loads(row.detail))
        for row in conn.execute(query)
    ]
