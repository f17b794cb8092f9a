"""What only one process of a station may be: a worker of one number; who publishes orders."""

from pathlib import Path
from typing import IO, Protocol

import sqlalchemy as sa

from umeter_station.db import Database
from umeter_station.errors import StationError

try:
    import fcntl
except ImportError:  # Not on Windows: there nobody is stopped from starting a second one.
    fcntl = None

# Any number, the same for all stations' code.
_PUBLISHER = 0x756D7075626C


class _FileLock:
    """The operating system drops it when the process dies."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO | None = None

    def take(self) -> bool:
        if self._file is not None:
            return True
        file = self.path.open("w")
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        self._file = file
        return True

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class IngestLock:
    """Held while a worker runs: two with the same session would throw each other off the
    broker."""

    def __init__(self, path: Path) -> None:
        self._lock = _FileLock(path)

    def acquire(self) -> None:
        if not self._lock.take():
            raise StationError(
                f"The station in {self._lock.path.parent} is running already; stop that one first."
            )

    def release(self) -> None:
        self._lock.release()


class PublisherLock(Protocol):
    """Whoever has it publishes orders; the workers that have not only take in."""

    def take(self) -> bool:
        """True if it is ours, from now on or still. Cheap, and asked again and again."""
        ...

    def release(self) -> None: ...


class _ServerLock:
    """On a connection of its own, with which it ends."""

    def __init__(self, db: Database) -> None:
        self._engine = db.engine
        self._conn: sa.Connection | None = None

    def take(self) -> bool:
        try:
            if self._conn is not None:
                self._conn.exec_driver_sql("SELECT 1")
                return True
            conn = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            if conn.exec_driver_sql(f"SELECT pg_try_advisory_lock({_PUBLISHER})").scalar():
                self._conn = conn
                return True
            conn.close()
        except sa.exc.DBAPIError:
            self._drop()
        return False

    def release(self) -> None:
        self._drop()

    def _drop(self) -> None:
        if self._conn is not None:
            # Not back into the pool: the lock would live on there.
            self._conn.invalidate()
            self._conn.close()
            self._conn = None


def publisher_lock(db: Database) -> PublisherLock:
    """On PostgreSQL the server's, for workers on any machine; beside an SQLite file one in the
    same folder."""
    if db.path is None:
        return _ServerLock(db)
    return _FileLock(db.path.with_name(f"{db.path.name}.publisher"))
