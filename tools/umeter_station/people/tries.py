"""Failed tries in a row, of an account and of an address: each makes the next wait longer.

A try is counted before the password is looked at, and taken back if it was right: who tries a
thousand at the same moment is stopped like who tries them one after the other. Names that were
typed are stored as hashes only: people type passwords there, too.
"""

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.models_people import sign_in_tries
from umeter_station.people import tokens
from umeter_station.sql import insert

# (failures that cost nothing, seconds after the next, seconds at most)
NAME = (4, 15, 900)
ADDRESS = (19, 15, 3_600)
# So long after the last failure all are forgotten.
FORGET_S = 86_400


def of_name(name: str) -> str:
    return f"name:{tokens.digest(name)}"


def of_address(address: str) -> str:
    return f"address:{address}"


def wait_s(failures: int, rule: tuple[int, int, int]) -> int:
    """How long to wait after so many failures in a row."""
    free, first_s, most_s = rule
    if failures <= free:
        return 0
    return min(most_s, first_s << min(failures - free - 1, 20))


def begin(conn: Connection, subjects: dict[str, tuple[int, int, int]], now_s: int) -> int:
    """Count one try of every subject, by its rule, and return 0; or return how many seconds one
    of them still has to wait, and count nothing."""
    rows = {
        row.subject: row
        for row in conn.execute(
            sa.select(sign_in_tries).where(sign_in_tries.c.subject.in_(subjects))
        )
    }
    waits_s = max((row.until_s - now_s for row in rows.values()), default=0)
    if waits_s > 0:
        return waits_s
    for subject, rule in subjects.items():
        row = rows.get(subject)
        fresh = row is None or now_s - row.last_at >= FORGET_S
        failures = 1 if fresh else row.failures + 1
        values = {
            "failures": failures,
            "last_at": now_s,
            "until_s": now_s + wait_s(failures, rule),
        }
        query = insert(conn, sign_in_tries).values(subject=subject, **values)
        conn.execute(query.on_conflict_do_update(index_elements=["subject"], set_=values))
    return 0


def take_back(conn: Connection, subject: str, now_s: int) -> None:
    """The try was none: it does not count, but those before it do."""
    t = sign_in_tries.c
    conn.execute(
        sa.update(sign_in_tries)
        .where(t.subject == subject, t.failures > 0)
        .values(failures=t.failures - 1, until_s=now_s)
    )


def forget(conn: Connection, subject: str) -> None:
    conn.execute(sa.delete(sign_in_tries).where(sign_in_tries.c.subject == subject))


def sweep(conn: Connection, now_s: int) -> int:
    """Delete what is forgotten; for the nightly jobs."""
    over = sign_in_tries.c.last_at <= now_s - FORGET_S
    return conn.execute(sa.delete(sign_in_tries).where(over)).rowcount
