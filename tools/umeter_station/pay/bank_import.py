"""A bank's file into the books: each line once, whatever files it is in.

A line whose reference names a channel becomes a sale, one that names a tenant money in the wallet;
all others go to suspense, where people find out whose they are. The whole file is read before
anything is booked; then lines are booked in batches, and a file that was cut off is gone on with.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import ledger
from umeter_station.clock import Clock
from umeter_station.db import Database
from umeter_station.desk import sales
from umeter_station.errors import StationError
from umeter_station.models_pay import bank_files, bank_lines
from umeter_station.pay import alarms, bank_camt, bank_csv, references, suspense
from umeter_station.pay.bank_lines import Line, numbered
from umeter_station.pay.bank_profile import Profile
from umeter_station.pay.references import Target
from umeter_station.people import acts

_BATCH = 100
_CHUNK = 1 << 20
_READERS = {"camt": bank_camt.read, "csv": bank_csv.read}

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Imported:
    """`counts`: how many lines became sale, wallet, suspense, currency, or were known before."""

    file_id: int
    before: bool
    counts: dict[str, int]


@dataclass(frozen=True)
class File:
    """A file that was imported, or is being so (`done_at` None)."""

    id: int
    bank: str
    name: str
    imported_by: str
    started_at: int
    done_at: int | None
    counts: dict[str, int]


def files(conn: Connection, limit: int) -> list[File]:
    """The newest first."""
    f = bank_files.c
    query = sa.select(f.id, f.bank, f.name, f.imported_by, f.started_at, f.done_at, f.counts)
    rows = conn.execute(query.order_by(f.id.desc()).limit(limit))
    return [File(*row[:-1], json.loads(row.counts or "{}")) for row in rows]


def import_file(
    db: Database,
    clock: Clock,
    file: BinaryIO,
    name: str,
    profile: Profile,
    by: str,
    progress: Progress = lambda done, total: None,
) -> Imported:
    """`file` can be read twice. Raises StationError, with nothing booked, if it cannot be read."""
    digest = hashlib.sha256()
    file.seek(0)
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    total = sum(1 for _ in _lines(file, profile))
    with db.write() as conn:
        file_id, done = _open_file(conn, profile, digest.hexdigest(), name, by, clock.now_s())
    if done is not None:
        return Imported(file_id, True, done)
    counts: Counter[str] = Counter()
    lines = _lines(file, profile)
    progress(0, total)
    while batch := list(islice(lines, _BATCH)):
        with db.write() as conn:
            now_s = clock.now_s()
            counts.update(_book_once(conn, profile, file_id, line, by, now_s) for line in batch)
        progress(sum(counts.values()), total)
    with db.write() as conn:
        conn.execute(
            sa.update(bank_files)
            .where(bank_files.c.id == file_id)
            .values(done_at=clock.now_s(), counts=json.dumps(counts))
        )
        detail = {"bank": profile.name, **counts}
        acts.note(conn, by, "bank.import", f"bank-file:{file_id}", detail, clock.now_s())
    return Imported(file_id, False, dict(counts))


def _lines(file: BinaryIO, profile: Profile) -> Iterator[Line]:
    file.seek(0)
    return numbered(_READERS[profile.format](file, profile))


def _open_file(
    conn: Connection, profile: Profile, sha256: str, name: str, by: str, now_s: int
) -> tuple[int, dict[str, int] | None]:
    """(its id, what became of its lines if it was imported before)"""
    f = bank_files.c
    query = sa.select(f.id, f.done_at, f.counts).where(f.bank == profile.name, f.sha256 == sha256)
    row = conn.execute(query).first()
    if row is not None:
        return row.id, None if row.done_at is None else json.loads(row.counts)
    other = conn.execute(
        sa.select(f.format).where(f.bank == profile.name, f.format != profile.format).limit(1)
    ).scalar()
    if other is not None:
        # The same payment is not recognised in two formats.
        raise StationError(
            f"Files of {profile.name} were imported as {other} before, and would be booked twice"
            f" as {profile.format}; stay with {other}, or name another bank for a later time."
        )
    row = {
        "bank": profile.name,
        "sha256": sha256,
        "format": profile.format,
        "name": name[:255],
        "imported_by": by,
        "started_at": now_s,
    }
    return conn.execute(bank_files.insert().values(row)).inserted_primary_key[0], None


def _book_once(
    conn: Connection, profile: Profile, file_id: int, line: Line, by: str, now_s: int
) -> str:
    b = bank_lines.c
    known = sa.select(b.id).where(b.bank == profile.name, b.identity == line.identity)
    if conn.execute(known).first() is not None:
        return "known"
    named: list[Target] = []
    if line.matchable and not line.reversal:
        named = references.match(conn, line.reference, line.text)
    outcome = _book(conn, profile, line, named, by, now_s)
    conn.execute(
        bank_lines.insert().values(
            bank=profile.name,
            identity=line.identity,
            file_id=file_id,
            booked_on=line.booked_on,
            direction=line.direction,
            amount_u=line.amount_u,
            currency=line.currency,
            text=line.text,
            party=line.party,
            reference=named[0].reference if len(named) == 1 else "",
            reversal=int(line.reversal),
            outcome=outcome,
            at=now_s,
        )
    )
    return outcome


def _book(
    conn: Connection, profile: Profile, line: Line, named: list[Target], by: str, now_s: int
) -> str:
    if profile.currency and line.currency != profile.currency:
        evidence = {"what": "other currency", "bank": profile.name, "currency": line.currency}
        alarms.note(conn, None, None, {**evidence, "amount_u": line.amount_u}, now_s)
        return "currency"
    if line.reversal:
        evidence = {"what": "reversal", "bank": profile.name, "direction": line.direction}
        alarms.note(conn, None, None, {**evidence, "amount_u": line.amount_u}, now_s)
        return _suspend(conn, profile, line, "reversal", now_s)
    if len(named) != 1:
        why = "no reference" if not named else "several references"
        return _suspend(conn, profile, line, why if line.matchable else "unclear batch", now_s)
    key = f"bank:{profile.name}:{line.identity}"
    account = ledger.bank(profile.name)
    if named[0].tenant_id is not None:
        wallet = ledger.wallet(named[0].tenant_id)
        ledger.post(
            conn,
            key=key,
            debit=account,
            credit=wallet,
            amount_u=line.amount_u,
            created_at=now_s,
        )
        return "wallet"
    try:
        # What the refused sale may have written is undone, and nothing else.
        with conn.begin_nested():
            sales.sell(
                conn,
                meter=named[0].meter or "",
                ch=named[0].ch or 0,
                paid_u=line.amount_u,
                key=key,
                way="bank",
                paid_from=account,
                by=by,
                now_s=now_s,
            )
    except StationError as error:
        return _suspend(conn, profile, line, f"sale refused: {error}", now_s)
    return "sale"


def _suspend(conn: Connection, profile: Profile, line: Line, why: str, now_s: int) -> str:
    suspense.open_(
        conn,
        key=f"bank:{profile.name}:{line.identity}",
        direction=line.direction,
        account=ledger.bank(profile.name),
        amount_u=line.amount_u,
        why=why,
        text=" ".join(filter(None, (line.reference, line.text))),
        party=line.party,
        now_s=now_s,
    )
    return "suspense"
