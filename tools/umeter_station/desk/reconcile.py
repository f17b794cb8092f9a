"""Each night: do the books agree with themselves, the providers, the meters and the drawers? What
does not is a finding; the report is kept, and carries the digest of the one before.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.desk import accounts, checks
from umeter_station.desk.checks import Mismatch
from umeter_station.models_desk import reconciliations
from umeter_station.station import Books
from umeter_station.watch import findings

_SEVERITY = {checks.SHIFT: "warn"}
_MOST = 20  # of one rule in one finding; the report has them all
# The rules that nobody else judges: what is gone from a report is over.
_OWN = (checks.LEDGER, checks.PROVIDER, checks.SHIFT)


@dataclass(frozen=True)
class Report:
    """`digest`: SHA-256 of the report before this one's and of this one."""

    id: int
    at: int
    mismatches: tuple[Mismatch, ...]
    digest: str


def run(books: Books) -> Report:
    """Looks without keeping anybody from selling, and writes what it found."""
    now_s = books.clock.now_s()
    with books.db.read() as conn:
        found, document = look(conn, now_s)
    with books.db.write() as conn:
        return store(conn, found, document, now_s)


def look(conn: Connection, now_s: int) -> tuple[list[Mismatch], dict[str, Any]]:
    """What disagrees, and all accounts as they were then."""
    found = list(checks.all_(conn, now_s))
    balances = [asdict(account) for account in _of_the_house(conn)]
    told = [asdict(mismatch) for mismatch in found]
    return found, {"at": now_s, "mismatches": told, "accounts": balances}


def _of_the_house(conn: Connection) -> list[accounts.Account]:
    """Those that are no channel's own; of these there are as many as meters."""
    return [found for found in accounts.trial_balance(conn) if "/" not in found.account]


def store(conn: Connection, found: list[Mismatch], document: dict[str, Any], now_s: int) -> Report:
    last = sa.select(reconciliations.c.digest).order_by(reconciliations.c.id.desc()).limit(1)
    text = json.dumps(document, separators=(",", ":"), sort_keys=True)
    digest = _digest(conn.execute(last).scalar() or "", text)
    values = {"at": now_s, "mismatches": len(found), "report": text, "digest": digest}
    inserted = conn.execute(reconciliations.insert().values(values))
    for (rule, meter, ch), of_one in _grouped(found).items():
        evidence = {
            "report": inserted.inserted_primary_key[0],
            "count": len(of_one),
            "found": [{"what": m.what, **m.evidence} for m in of_one[:_MOST]],
        }
        findings.note(conn, rule, meter, ch, evidence, _SEVERITY.get(rule, "critical"), now_s)
    for rule in set(_OWN) - {mismatch.rule for mismatch in found}:
        for earlier in findings.list_(conn, state="current", rule=rule):
            findings.over(conn, earlier.id, now_s)
    return Report(inserted.inserted_primary_key[0], now_s, tuple(found), digest)


def _grouped(found: list[Mismatch]) -> dict[tuple[str, str, int], list[Mismatch]]:
    groups: dict[tuple[str, str, int], list[Mismatch]] = {}
    for mismatch in found:
        place = (mismatch.rule, mismatch.meter, mismatch.ch)
        groups.setdefault(place, []).append(mismatch)
    return groups


def page(conn: Connection, limit: int, before_id: int | None = None) -> list[Report]:
    """The newest first; with `before_id` those that are older."""
    r = reconciliations.c
    query = sa.select(r.id, r.at, r.report, r.digest).order_by(r.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(r.id < before_id)
    return [
        Report(
            row.id,
            row.at,
            tuple(Mismatch(**told) for told in json.loads(row.report)["mismatches"]),
            row.digest,
        )
        for row in conn.execute(query)
    ]


def verify(conn: Connection) -> int | None:
    """The first report that is not what was stored; None if all are."""
    r, last = reconciliations.c, ""
    for row in conn.execute(sa.select(r.id, r.report, r.digest).order_by(r.id)):
        last = _digest(last, row.report)
        if row.digest != last:
            return row.id
    return None


def _digest(before: str, text: str) -> str:
    return hashlib.sha256(f"{before}\n{text}".encode()).hexdigest()
