"""How to talk to SQLite and to PostgreSQL: both durable at every commit, in whole transactions.

An engine's connections read; with the execution options WRITE or APPEND they write. All options
of a transaction are set before its first statement.
"""

from decimal import Decimal
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, event

from umeter_station.errors import StationError

WRITE = {"umeter_write": True}
APPEND = {"umeter_append": True}
# How long a transaction waits for another one to end.
_PATIENCE_MS = 10_000
_CONNECT_S = 5
# SQLite's own 1000 are what a second of readings writes: it would carry over to the file, and wait
# for the disk, after every batch. These are 64 MB.
_LOG_PAGES = 16_000
# The key of the lock that write transactions hold; any number, the same for all stations' code.
_WRITER_LOCK = 0x756D65746572


def parse(where: Path | str) -> sa.URL:
    """A file's path (SQLite) or postgresql://[user[:password]@][host[:port]]/database."""
    if isinstance(where, Path) or "://" not in where:
        return sa.URL.create("sqlite", database=str(where))
    try:
        url = sa.make_url(where)
    except (sa.exc.ArgumentError, ValueError):
        url = None
    if url is not None and url.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return url.set(drivername="postgresql+psycopg")
    raise StationError(
        "The database is a file's name or postgresql://user@host/name; this is neither."
    )


def without_password(where: str) -> str:
    """What may stand in config.toml."""
    if "://" not in where:
        return where
    return parse(where)._replace(drivername="postgresql", password=None).render_as_string()


def make(url: sa.URL) -> Engine:
    return _sqlite(url) if url.get_backend_name() == "sqlite" else _postgresql(url)


def reading(engine: Engine) -> Engine:
    """What it reads in one transaction is one state of the database, on both."""
    if engine.dialect.name == "sqlite":
        return engine
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def _sqlite(url: sa.URL) -> Engine:
    engine = sa.create_engine(url)

    @event.listens_for(engine, "connect")
    def _connect(connection, _record) -> None:
        # The driver's own BEGIN is late and deferred; ours, below, is neither.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout={_PATIENCE_MS}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint={_LOG_PAGES}")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _begin(conn: Connection) -> None:
        # A transaction that reads before it writes fails at once if another wrote in between,
        # whatever the busy timeout: writers therefore queue up at their very first statement.
        options = conn.get_execution_options()
        write = options.get("umeter_write") or options.get("umeter_append")
        conn.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _postgresql(url: sa.URL) -> Engine:
    from psycopg.adapt import Loader

    class WholeNumber(Loader):
        """sum() of integers is a numeric there; here it is an integer on both."""

        def load(self, data):
            text = bytes(data).decode()
            return int(text) if text.lstrip("-").isdigit() else Decimal(text)

    settings = {
        "lock_timeout": _PATIENCE_MS,
        # Whatever the server's own setting: what is committed here is acknowledged to a meter.
        "synchronous_commit": "on",
        "timezone": "UTC",
    }
    engine = sa.create_engine(
        url,
        pool_size=4,
        max_overflow=12,
        pool_timeout=_PATIENCE_MS / 1000,
        # A connection that did not outlive a restart of the server is replaced unnoticed.
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": _CONNECT_S,
            "application_name": "umeter-station",
            "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
        },
    )

    @event.listens_for(engine, "connect")
    def _connect(connection, _record) -> None:
        connection.adapters.register_loader("numeric", WholeNumber)

    @event.listens_for(engine, "begin")
    def _begin(conn: Connection) -> None:
        if conn.get_execution_options().get("umeter_write"):
            conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITER_LOCK})")

    return engine
