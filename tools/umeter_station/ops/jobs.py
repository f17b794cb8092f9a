"""Periodic work: what is due runs, one job after the other, in one process of the station.

A job that fails is told and tried again later, and never keeps the others from their turn. What
came of each is in `job_runs`, so that a station that was down for a night catches up when it is
back, once, and not for each night that it missed. Times are the station's clock's.
"""

import importlib
import inspect
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa
import structlog
from sqlalchemy import Connection

from umeter_station.config_keys import TimeOfDay
from umeter_station.errors import StationError
from umeter_station.ops.models_ops import job_runs
from umeter_station.ops.redaction import scrub
from umeter_station.sql import insert
from umeter_station.station import Books

_RETRY_S = 600
_LONGEST_ERROR = 500
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """Either every `every_s` seconds, or daily `at` a time of day."""

    name: str
    run: Callable[[Books], Any]
    every_s: int = 0
    at: TimeOfDay | None = None


@dataclass(frozen=True)
class Run:
    """`ok_at`: when it last ended well. `error` is empty if the last one did."""

    job: str
    started_at: int
    ended_at: int | None
    ok_at: int | None
    took_ms: int
    error: str
    runs: int
    failures: int


def zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise StationError(
            f"{name!r} is no time zone; write jobs.timezone as Europe/Berlin, or UTC."
        ) from None


def of(target: str) -> Callable[[Books], Any]:
    """A job of a function `module:name`: one that takes the books has transactions of its own, one
    that takes (conn, now_s) gets one for writing. It is imported when it runs first: a part that
    is broken breaks its own job only."""

    def run(books: Books) -> Any:
        function = imported(target)
        if next(iter(inspect.signature(function).parameters)) == "books":
            return function(books)
        with books.db.write() as conn:
            return function(conn, books.clock.now_s())

    return run


def imported(target: str) -> Callable[..., Any]:
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


def runs(conn: Connection) -> dict[str, Run]:
    rows = conn.execute(sa.select(job_runs).order_by(job_runs.c.job))
    return {row.job: Run(**row._mapping) for row in rows}


def due(job: Job, last: Run | None, now_s: int, where: tzinfo) -> bool:
    if last is None:
        return True
    # A clock that was set back: better once too often than not for a year.
    if now_s < last.started_at:
        return True
    if job.at is None:
        return now_s - last.started_at >= job.every_s
    if last.ok_at is not None and last.ok_at >= _last_time(job.at, now_s, where):
        return False
    return last.ok_at == last.started_at or now_s - last.started_at >= _RETRY_S


def _last_time(at: TimeOfDay, now_s: int, where: tzinfo) -> int:
    """The last moment, up to now, at which the clocks there showed this time."""
    now = datetime.fromtimestamp(now_s, where)
    day = now.date()
    for back in (0, 1, 2):
        date = day - timedelta(days=back)
        moment = datetime(date.year, date.month, date.day, at.hour, at.minute, tzinfo=where)
        if moment.timestamp() <= now_s:
            return int(moment.timestamp())
    raise AssertionError("a day has at most 26 hours")


class Runner:
    """`step()` runs what is due. `jobs` in the order in which they shall run when all are."""

    def __init__(self, books: Books, jobs: Iterable[Job], where: tzinfo) -> None:
        self._books = books
        self._jobs = tuple(jobs)
        self._where = where

    def step(self, go_on: Callable[[], bool] = lambda: True) -> list[str]:
        """The names of the jobs that ran. `go_on` is asked before each."""
        done = []
        with self._books.db.read() as conn:
            last = runs(conn)
        for job in self._jobs:
            if not go_on():
                break
            if due(job, last.get(job.name), self._books.clock.now_s(), self._where):
                self.run(job)
                done.append(job.name)
        return done

    def run(self, job: Job) -> bool:
        """Run it now; False if it failed."""
        started_at, began_s = self._books.clock.now_s(), time.monotonic()
        with self._books.db.write() as conn:
            self._note(conn, job.name, started_at=started_at, ended_at=None)
        error = ""
        with structlog.contextvars.bound_contextvars(job=job.name):
            try:
                job.run(self._books)
            except Exception as failed:
                _log.exception("the job %s has failed", job.name)
                said = str(failed) or type(failed).__name__
                error = scrub(said)[:_LONGEST_ERROR]
        took_ms = int((time.monotonic() - began_s) * 1000)
        ended: dict[str, Any] = {"ended_at": self._books.clock.now_s(), "took_ms": took_ms}
        if not error:
            # As of when it began: what came due while it ran is still to be done.
            ended["ok_at"] = started_at
        with self._books.db.write() as conn:
            self._note(conn, job.name, error=error, **ended)
            r = job_runs.c
            conn.execute(
                sa.update(job_runs)
                .where(r.job == job.name)
                .values(runs=r.runs + 1, failures=r.failures + int(bool(error)))
            )
        return not error

    def _note(self, conn: Connection, name: str, **values: Any) -> None:
        conn.execute(
            insert(conn, job_runs)
            .values(job=name, **{"started_at": self._books.clock.now_s()} | values)
            .on_conflict_do_update(index_elements=["job"], set_=values)
        )
