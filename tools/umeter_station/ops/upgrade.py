"""A newer station on an older station's books: backed up, brought to the new schema, checked."""

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from umeter_station import config as configuration
from umeter_station.clock import SystemClock
from umeter_station.db import Database, open_database
from umeter_station.errors import StationError
from umeter_station.lock import IngestLock
from umeter_station.models import SCHEMA_VERSION
from umeter_station.ops import backup, check, health
from umeter_station.ops.manifest import Facts, facts


@dataclass(frozen=True)
class Upgraded:
    """`backup` is None if nothing was to be done. `wrong`: contradictions in the books."""

    before: str
    after: str
    backup: Path | None
    wrong: tuple[str, ...]


def upgrade(home: Path, to: Path, now_s: int | None = None) -> Upgraded:
    """`to`: the folder for the backup. Raises StationError, and says then whether anything was
    changed."""
    config = configuration.load(home)
    if isinstance(config.database, Path) and not config.database.exists():
        raise StationError(f"There is no database {config.database} yet; there is nothing to do.")
    lock = IngestLock(home / "ingest.lock")
    lock.acquire()
    database = Database(config.database)
    try:
        before = schema_of(database)
        if before == SCHEMA_VERSION:
            return Upgraded(before, before, None, _wrong(database))
        if before > SCHEMA_VERSION:
            raise StationError(
                f"{database.name} was made by a newer station (schema {before}, this one has"
                f" {SCHEMA_VERSION}); update this one. Nothing was changed."
            )
        _refuse_running(database)
        at = config.make_clock().now_s() if now_s is None else now_s
        made = backup.make(config, database, to, at)
        open_database(config.database).close()
        _compare(database, made.manifest.facts)
        return Upgraded(before, SCHEMA_VERSION, made.folder, _wrong(database))
    finally:
        database.close()
        lock.release()


def schema_of(database: Database) -> str:
    with database.read() as conn:
        if not sa.inspect(conn).has_table("alembic_version"):
            raise StationError(f"{database.name} is not a station's database.")
        return conn.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one()


def _refuse_running(database: Database) -> None:
    with database.read() as conn:
        if not sa.inspect(conn).has_table("heartbeats"):
            return
        alive = [p for p in health.processes(conn, SystemClock().now_s()) if p.is_alive]
    if alive:
        raise StationError(
            f"The station is running ({alive[0].role}, process {alive[0].pid}); stop it first."
            " Nothing was changed."
        )


def _wrong(database: Database) -> tuple[str, ...]:
    with database.read() as conn:
        return check.books(conn)


def _compare(database: Database, before: Facts) -> None:
    """No migration loses a row of the ledger."""
    with database.read() as conn:
        after = facts(conn)
    kept = ("transfers", "transferred_u", "last_transfer")
    if any(getattr(before, name) != getattr(after, name) for name in kept):
        raise StationError(
            f"The ledger in {database.name} is not what it was before the upgrade; restore the"
            " backup that was just made, with the older station."
        )
