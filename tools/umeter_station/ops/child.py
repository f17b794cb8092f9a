"""One process of the station, as its supervisor or the command line starts it."""

import argparse
import logging
import sys
from collections.abc import Callable
from pathlib import Path

from umeter_station.config import load
from umeter_station.errors import StationError
from umeter_station.ops import health, life, log
from umeter_station.station import Books

_log = logging.getLogger(__name__)


def serve(
    home: Path,
    role: str,
    worker: int = 0,
    workers: int = 1,
    upward: int | None = None,
    say: Callable[[str], None] = lambda words: None,
) -> int:
    """Be this role until a signal comes; returns the exit code."""
    log.set_up(load(home), role=role, worker=worker)
    books: Books | None = None
    try:
        books = Books(home)
        made = _made(books, role, worker, workers)
        return life.Process(made, books.db, life.upward(upward), say).run()
    except StationError:
        raise
    except Exception:
        _log.exception("the %s role has failed", role)
        return 1
    finally:
        if books is not None:
            books.close()


def _made(books: Books, role: str, worker: int, workers: int) -> life.Role:
    # Each process imports only what its own role needs.
    if role == "ingest":
        from umeter_station.ops.role_ingest import IngestRole

        return IngestRole(books, worker, workers)
    if role == "web":
        from umeter_station.ops.role_web import WebRole

        return WebRole(books)
    from umeter_station.ops.role_jobs import JobsRole

    return JobsRole(books)


def _main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=health.ROLES)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--worker", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--upward", type=int)
    given = parser.parse_args()
    try:
        return serve(given.home, given.role, given.worker, given.workers, given.upward)
    except StationError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(_main())
