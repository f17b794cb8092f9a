"""PostgreSQL: pg_dump of one snapshot of the database; the manifest tells of that very one."""

import os
import shutil
import subprocess
from pathlib import Path

import sqlalchemy as sa

from umeter_station.config import Config
from umeter_station.db import Database
from umeter_station.errors import StationError
from umeter_station.ops.manifest import Facts, facts

ENGINE = "postgresql"
FILE = "station.dump"
_LAST_WORDS = 300


def save(database: Database, _config: Config, to: Path) -> Facts:
    os.close(os.open(to, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    with database.read() as conn:
        snapshot = conn.execute(sa.select(sa.func.pg_export_snapshot())).scalar_one()
        found = facts(conn)
        # While this transaction lasts, the snapshot can be taken by another one.
        words = ["--format=custom", f"--snapshot={snapshot}", f"--file={to}"]
        _run(database, "pg_dump", "--no-owner", "--no-privileges", *words)
    return found


def put_back(saved: Path, database: Database) -> None:
    """Into an empty database, all or nothing."""
    words = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]
    _run(database, "pg_restore", *words, str(saved))


def is_empty(database: Database) -> bool:
    with database.read() as conn:
        return not sa.inspect(conn).get_table_names()


def _run(database: Database, program: str, *words: str) -> None:
    path = shutil.which(program)
    if path is None:
        raise StationError(f"{program} is not installed here; it comes with PostgreSQL's clients.")
    url = database.engine.url
    # On the command line everybody could read the password.
    environ = {**os.environ, "PGPASSWORD": url.password or os.environ.get("PGPASSWORD", "")}
    where = url.set(drivername="postgresql", password=None).render_as_string()
    done = subprocess.run(
        [path, "--no-password", f"--dbname={where}", *words],
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    if done.returncode:
        said = " ".join(done.stderr.split())[-_LAST_WORDS:]
        raise StationError(f"{program} did not do it for {database.name}: {said or '?'}")
