"""The audit log as the station holds it: each record carries the hash of the one before.

Whoever changes, removes or adds a record, on the meter or here, breaks the chain at that place.
"""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import queries, records
from umeter_station.models import audit_records, history_findings, history_gaps, latest_readings

_NO_RECORD_BEFORE = bytes(32)
_FIRST_N = 1


@dataclass(frozen=True)
class Verdict:
    """`count` records from `first_n` to `last_n` are one unbroken chain (0: there are none), from
    `first_t` to `last_t` (Unix seconds, 0 if no clock was trusted). `broken_n` is the first record
    that does not belong to it, None if all do, and `reason` says why. `announced_n` is the newest
    number that the meter has named; `suspicions` are sentences about what the meter has told that
    the records here cannot show."""

    meter: str
    count: int
    first_n: int
    last_n: int
    first_t: int
    last_t: int
    announced_n: int
    broken_n: int | None = None
    reason: str = ""
    suspicions: tuple[str, ...] = ()

    @property
    def is_sound(self) -> bool:
        return self.broken_n is None and not self.suspicions


def verify(conn: Connection, meter: str, from_n: int = _FIRST_N) -> Verdict:
    """Walk the chain from the first stored record that is not below `from_n`."""
    c = audit_records.c
    query = sa.select(audit_records).where(c.meter == meter, c.n >= from_n).order_by(c.n)
    count = first_n = last_n = first_t = last_t = 0
    link, fault = _NO_RECORD_BEFORE, None
    for row in conn.execute(query).mappings():
        fault = _fault(conn, row, count > 0, last_n, link)
        if fault is not None:
            break
        count += 1
        first_n = first_n or row["n"]
        last_n = row["n"]
        first_t = first_t or row["t"]
        last_t = row["t"] or last_t
        link = records.chain_hash(row["raw"])
    r = latest_readings.c
    announced_n = conn.execute(sa.select(r.event).where(r.meter == meter)).scalar()
    return Verdict(
        meter=meter,
        count=count,
        first_n=first_n,
        last_n=last_n,
        first_t=first_t,
        last_t=last_t,
        announced_n=announced_n or 0,
        suspicions=_suspicions(conn, meter, from_n),
        **(fault or {}),
    )


def _suspicions(conn: Connection, meter: str, from_n: int) -> tuple[str, ...]:
    said = []
    for finding in queries.findings(conn, meter, "events"):
        n = finding["first_n"]
        if finding["what"] == "contradicts" and n >= from_n:
            said.append(f"The meter has also sent another record {n}.")
        elif finding["what"] == "restarted" and n >= from_n:
            said.append(
                f"The meter has lost its log up to record {n - 1}, and begun to count anew."
            )
    return tuple(said)


def _fault(
    conn: Connection, row: sa.RowMapping, has_before: bool, last_n: int, link: bytes
) -> dict | None:
    """What is wrong with this record, None if nothing is."""
    if has_before and row["n"] != last_n + 1:
        return {
            "broken_n": last_n + 1,
            "reason": _absence(conn, row["meter"], last_n + 1, row["n"] - 1),
        }
    # What the first stored record was chained to can be checked only if it is the very first.
    link = link if has_before or row["n"] == _FIRST_N else None
    reason = _contents(row, link)
    return {"broken_n": row["n"], "reason": reason} if reason else None


def _contents(row: sa.RowMapping, link: bytes | None) -> str:
    try:
        record = records.audit_record(row["raw"])
    except ValueError as error:
        return str(error)
    if link is not None and record.previous != link:
        return "it does not carry the hash of the record before"
    stored = (row["n"], row["t"], row["boot"], row["ch"], row["a"], row["b"])
    told = (record.n, record.t, record.boot, record.ch, record.a, record.b)
    # A word that this station has learned since it stored the record is no contradiction.
    if stored != told or row["code"] not in (record.code, f"code.{record.code_number}"):
        return "its columns are not what its raw bytes say"
    return ""


def _absence(conn: Connection, meter: str, first_n: int, last_n: int) -> str:
    f = history_findings.c
    noted = conn.execute(
        sa.select(sa.func.count()).where(
            f.meter == meter,
            f.kind == "events",
            f.what == "lost",
            f.first_n <= first_n,
            f.last_n >= last_n,
        )
    ).scalar_one()
    which = f"records {first_n} to {last_n} are" if last_n > first_n else f"record {first_n} is"
    if noted:
        return f"{which} missing, the meter no longer held them"
    g = history_gaps.c
    asked = conn.execute(
        sa.select(g.first_n).where(
            g.meter == meter, g.kind == "events", g.first_n <= last_n, g.last_n >= first_n
        )
    ).first()
    return f"{which} missing" + (", the meter is asked again" if asked else "")


def latest(conn: Connection, meter: str, limit: int) -> list[dict]:
    """The newest `limit` records, oldest of them first: n, t, boot, ch, code, a, b, ..."""
    c = audit_records.c
    query = sa.select(audit_records).where(c.meter == meter).order_by(c.n.desc()).limit(limit)
    return [dict(row._mapping) for row in conn.execute(query)][::-1]
