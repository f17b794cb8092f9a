"""SQLite: a copy of one state of the file, made beside its writers, and checked."""

import contextlib
import os
import sqlite3
from pathlib import Path

import sqlalchemy as sa

from umeter_station.config import Config
from umeter_station.db import Database
from umeter_station.errors import StationError
from umeter_station.ops.manifest import Facts, facts

ENGINE = "sqlite"
FILE = "station.sqlite"
_PATIENCE_S = 10.0


def save(database: Database, _config: Config, to: Path) -> Facts:
    os.close(os.open(to, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with (
            contextlib.closing(sqlite3.connect(database.path, timeout=_PATIENCE_S)) as source,
            contextlib.closing(sqlite3.connect(to)) as copy,
        ):
            # All pages in one step: writers append to the log meanwhile, and are not in the copy.
            source.backup(copy)
            # The copy is one file, without a log beside it.
            copy.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise StationError(f"{database.path} cannot be copied ({error}).") from None
    check(to)
    return look_into(to)


def check(path: Path) -> None:
    """Raises StationError if the file is damaged."""
    try:
        with contextlib.closing(_read_only(path)) as conn:
            (told,) = conn.execute("PRAGMA integrity_check(1)").fetchone()
            strays = conn.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.Error as error:
        told, strays = str(error), None
    if told != "ok" or strays:
        raise StationError(f"{path} is damaged ({told if told != 'ok' else strays}).")


def look_into(path: Path) -> Facts:
    # Not with Database: that would make a log beside the file.
    engine = sa.create_engine("sqlite://", creator=lambda: _read_only(path))
    try:
        with engine.connect() as conn:
            return facts(conn)
    finally:
        engine.dispose()


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def put_back(saved: Path, to: Path) -> None:
    """The file to its place; `to` is not there yet."""
    with (
        saved.open("rb") as source,
        open(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target,
    ):
        while piece := source.read(1 << 20):
            target.write(piece)
        target.flush()
        os.fsync(target.fileno())


def fold(path: Path) -> None:
    """All of it into the one file: it can be renamed then."""
    with contextlib.closing(sqlite3.connect(path, timeout=_PATIENCE_S)) as conn:
        conn.execute("PRAGMA journal_mode=DELETE")
