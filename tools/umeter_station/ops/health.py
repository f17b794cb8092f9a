"""Is the station there? Each process leaves a mark in the database every few seconds.

On the machine's clock (see models_ops.py). Whoever asks sees the whole station, whichever process
answers: also that the ingest is gone while the web server is well.
"""

import os
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.ops.models_ops import heartbeats
from umeter_station.sql import insert

ROLES = ("ingest", "web", "jobs")
BEAT_S = 5
LATE_S = 30
# A process that has not been heard of for so long is no part of the station any more.
_FORGET_S = 86_400


@dataclass(frozen=True)
class Beat:
    """One process; `age_s` since its last mark."""

    role: str
    worker: int
    pid: int
    started_at: int
    beat_at: int
    age_s: int

    @property
    def is_alive(self) -> bool:
        return self.age_s <= LATE_S


@dataclass(frozen=True)
class Readiness:
    """`missing`: roles of which no process is alive."""

    ready: bool
    missing: tuple[str, ...]
    processes: tuple[Beat, ...]


def beat(conn: Connection, role: str, worker: int, started_at: int, now_s: int) -> None:
    values = {"pid": os.getpid(), "started_at": started_at, "beat_at": now_s}
    conn.execute(
        insert(conn, heartbeats)
        .values(role=role, worker=worker, **values)
        .on_conflict_do_update(index_elements=["role", "worker"], set_=values)
    )


def ended(conn: Connection, role: str, worker: int, now_s: int) -> None:
    """It has stopped as it should: nobody needs to miss it. Old marks of others go, too."""
    h = heartbeats.c
    conn.execute(
        sa.delete(heartbeats).where(
            ((h.role == role) & (h.worker == worker) & (h.pid == os.getpid()))
            | (h.beat_at < now_s - _FORGET_S)
        )
    )


def processes(conn: Connection, now_s: int) -> tuple[Beat, ...]:
    rows = conn.execute(sa.select(heartbeats).order_by(heartbeats.c.role, heartbeats.c.worker))
    return tuple(Beat(**row._mapping, age_s=max(0, now_s - row.beat_at)) for row in rows)


def readiness(conn: Connection, now_s: int, wanted: tuple[str, ...] = ROLES) -> Readiness:
    """Ready: of every wanted role a process is alive. `now_s` of the machine's clock."""
    found = processes(conn, now_s)
    alive = {each.role for each in found if each.is_alive}
    missing = tuple(role for role in wanted if role not in alive)
    return Readiness(not missing, missing, found)
