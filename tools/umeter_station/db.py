"""The database: one SQLite file, durable at every commit, one writer at a time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, event

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
    models_updates as models_updates,
)
from umeter_station import (
    models_watch as models_watch,
)
from umeter_station.errors import StationError
from umeter_station.models import SCHEMA_VERSION, counters

_BUSY_TIMEOUT_MS = 10_000


class Database:
    """`with db.write() as conn` is one transaction: all of it is on disk at the end, or none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.engine = _engine(path)
        self._writing = self.engine.execution_options(umeter_write=True)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with self._writing.begin() as conn:
            yield conn

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self.engine.begin() as conn:
            yield conn

    def unlock(self, safe: Any) -> None:
        """From now on the connections can seal and open the meters' keys (secrets.py)."""
        for engine in (self.engine, self._writing):
            engine.update_execution_options(umeter_safe=safe)

    def checkpoint(self) -> None:
        """Bring what was committed into the file itself, and leave none of it in the log."""
        with self.engine.connect() as conn:
            conn.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        self.engine.dispose()


def _engine(path: Path) -> Engine:
    engine = sa.create_engine(sa.URL.create("sqlite", database=str(path)))

    @event.listens_for(engine, "connect")
    def _connect(connection, _record) -> None:
        # The driver's own BEGIN is late and deferred; ours, below, is neither.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _begin(conn: Connection) -> None:
        # A transaction that reads before it writes fails at once if another wrote in between,
        # whatever the busy timeout: writers therefore queue up at their very first statement.
        write = conn.get_execution_options().get("umeter_write")
        conn.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def open_database(path: Path) -> Database:
    """Open the file, made if missing (readable by its owner alone), at the newest schema."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StationError(f"{path} cannot be opened ({error.strerror}).") from None
    database = Database(path)
    try:
        with database.read() as conn:
            version = _version(conn)
        if version != SCHEMA_VERSION:
            _migrate(database)
    except sa.exc.DatabaseError as error:
        raise StationError(f"{path} cannot be used as database ({error.orig}).") from None
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
                f"{database.path} was made by a newer station; update this one."
            ) from None


def count(conn: Connection, name: str) -> None:
    """Add one to a named counter."""
    conn.execute(
        sa.text(
            "INSERT INTO counters (name, count) VALUES (:name, 1)"
            " ON CONFLICT (name) DO UPDATE SET count = count + 1"
        ),
        {"name": name},
    )


def read_counters(conn: Connection) -> dict[str, int]:
    rows = conn.execute(sa.select(counters).order_by(counters.c.name))
    return {row.name: row.count for row in rows}
