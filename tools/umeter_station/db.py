"""The database, SQLite or PostgreSQL: durable at every commit, one writer at a time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from umeter_station import db_engines, db_errors

# The schema's other tables.
from umeter_station import (
    models_desk as models_desk,
)
from umeter_station import (
    models_fleet as models_fleet,
)
from umeter_station import (
    models_pay as models_pay,
)
from umeter_station import (
    models_people as models_people,
)
from umeter_station import (
    models_strangers as models_strangers,
)
from umeter_station import (
    models_updates as models_updates,
)
from umeter_station import (
    models_watch as models_watch,
)
from umeter_station.errors import StationError
from umeter_station.models import SCHEMA_VERSION, counters
from umeter_station.ops import models_ops as models_ops
from umeter_station.sql import insert


class Database:
    """`with db.write() as conn` is one transaction: all of it is on disk at the end, or none.

    `path` is SQLite's file, None on PostgreSQL; `name` may be shown, it holds no password. If the
    database cannot be reached, or is locked for too long, that is Unavailable.
    """

    def __init__(self, where: Path | str) -> None:
        url = db_engines.parse(where)
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self.path = Path(url.database or "") if self.is_sqlite else None
        self.name = str(self.path) if self.is_sqlite else _shown(url)
        self.engine = db_engines.make(url)
        self._reading = db_engines.reading(self.engine)
        self._writing = self.engine.execution_options(**db_engines.WRITE)
        self._appending = self.engine.execution_options(**db_engines.APPEND)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that excludes every other one of this kind, from its start.

        SQLite has one writer at a time. PostgreSQL has many, and whatever looks first and then
        writes (is this key sold already? what is left of that ceiling?) could be overtaken by
        another between the two: there each takes one advisory lock first. A station writes its
        money in transactions of milliseconds, so that queueing costs nothing one would notice.
        """
        with self._transaction(self._writing) as conn:
            yield conn

    @contextmanager
    def append(self) -> Iterator[Connection]:
        """A transaction that others write beside, where the database can do that.

        Only for what comes out the same in any order and when done twice, without looking first:
        readings that several ingest workers store. SQLite: the same as write().
        """
        with self._transaction(self._appending) as conn:
            yield conn

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """All that is read in it is one state of the database."""
        with self._transaction(self._reading) as conn:
            yield conn

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Connection]:
        try:
            with engine.begin() as conn:
                yield conn
        except (sa.exc.DBAPIError, sa.exc.TimeoutError) as error:
            said = db_errors.unavailable(self.name, error)
            if said is None:
                raise
            raise said from error

    def unlock(self, safe: Any) -> None:
        """From now on the connections can seal and open the meters' keys (secrets.py)."""
        for engine in (self.engine, self._reading, self._writing, self._appending):
            engine.update_execution_options(umeter_safe=safe)

    def checkpoint(self) -> None:
        """SQLite: bring what was committed into the file itself, and leave none of it in the
        log."""
        if self.is_sqlite:
            with self.engine.connect() as conn:
                conn.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        self.engine.dispose()


def _shown(url: sa.URL) -> str:
    query = {"host": url.query["host"]} if "host" in url.query else {}
    return url.set(drivername="postgresql", query=query).render_as_string()


def open_database(where: Path | str) -> Database:
    """Open the database, at the newest schema. A file is made if it is missing, readable by its
    owner alone; PostgreSQL's database must be there (`createdb`)."""
    database = Database(where)
    if database.path is not None:
        try:
            os.close(os.open(database.path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise StationError(f"{database.path} cannot be opened ({error.strerror}).") from None
    try:
        with database.read() as conn:
            version = _version(conn)
        if version != SCHEMA_VERSION:
            _migrate(database)
    except sa.exc.DatabaseError as error:
        raise StationError(f"{database.name} cannot be used as database ({error.orig}).") from None
    return database


def _version(conn: Connection) -> str | None:
    if not sa.inspect(conn).has_table("alembic_version"):
        return None
    return conn.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def _migrate(database: Database) -> None:
    # Imported only when needed: it costs every command a third of a second.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", "umeter_station:migrations")
    with database.write() as conn:
        config.attributes["connection"] = conn
        try:
            command.upgrade(config, "head")
        except CommandError:
            raise StationError(
                f"{database.name} was made by a newer station; update this one."
            ) from None


def count(conn: Connection, name: str) -> None:
    """Add one to a named counter."""
    more = insert(conn, counters).values(name=name, count=1)
    conn.execute(
        more.on_conflict_do_update(
            index_elements=["name"], set_={"count": counters.c.count + more.excluded["count"]}
        )
    )


def read_counters(conn: Connection) -> dict[str, int]:
    rows = conn.execute(sa.select(counters).order_by(counters.c.name))
    return {row.name: row.count for row in rows}
