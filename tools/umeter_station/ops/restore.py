"""From a backup to a station, in an empty home: checked before, brought up to date, checked after.

What happened after the backup is not in these books, but it is in the meters. Two things follow:
no order number and no settings version that was used then may be used again (a meter would take
the new order for the old one, and answer it without acting), so both jump far ahead; and what was
sold then shows as a difference between the meters' `credited_total` and the ledger.
"""

import os
import secrets
import shutil
import sqlite3
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import config as configuration
from umeter_station import config_read, db_engines, orders
from umeter_station.config import Config
from umeter_station.db import Database, open_database
from umeter_station.errors import StationError
from umeter_station.models import SCHEMA_VERSION, commands, meters, purchases
from umeter_station.models_people import web_sessions
from umeter_station.ops import backup, backup_postgresql, backup_sqlite, check, manifest
from umeter_station.ops.manifest import Manifest
from umeter_station.ops.models_ops import heartbeats, leases, restores
from umeter_station.people import acts
from umeter_station.twin import LARGEST_VERSION

# More than a station orders of one meter in years; a meter takes numbers up to 2^30 - 1.
ORDER_JUMP = 1_000_000
VERSION_JUMP = 10_000
_LARGEST_N = 2**30 - 1


@dataclass(frozen=True)
class Restored:
    """`key_there`: the station's key is in its place, and the right one. `open_money`: sales and
    other orders about money that will be sent (again) as soon as the station runs. `wrong`: where
    the books contradict themselves, as they did when the backup was made."""

    made_at: int
    schema: str
    meters: int
    open_orders: int
    open_money: int
    last_purchase: str
    wrong: tuple[str, ...]
    key_there: bool
    missing: tuple[Path, ...]


def restore(
    folder: Path, home: Path, database: str | None = None, now_s: int | None = None
) -> Restored:
    """`database`: an empty one instead of that which the backup's config.toml names. Raises
    StationError, and then there is no station in `home`."""
    found = manifest.read(folder)
    if found.facts.schema > SCHEMA_VERSION:
        raise StationError(f"{folder} was made by a newer station; update this one.")
    manifest.check_files(folder, found)
    _refuse_occupied(home)
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = home / f".restore-{secrets.token_hex(4)}"
    draft.mkdir(mode=0o700)
    try:
        config = _draft_config(folder, draft, home, database)
        restored = _books(folder, found, config, draft, now_s)
        backup.sync(draft)
        # With its config.toml the home becomes one: whatever was cut off before is none.
        os.rename(draft / "config.toml", home / "config.toml")
        backup.sync(home)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return _looked_over(restored, found, configuration.load(home, secrets_there=False))


def _refuse_occupied(home: Path) -> None:
    # station.key may lie there: it has to come back from somewhere else.
    there = [p.name for p in home.iterdir() if p.name != "station.key"] if home.is_dir() else []
    if any(not name.startswith(".restore-") for name in there):
        raise StationError(
            f"{home} is not empty ({sorted(there)[0]}); a backup is restored into an empty"
            " directory, beside what is there."
        )
    for name in there:
        shutil.rmtree(home / name)


def _draft_config(folder: Path, draft: Path, home: Path, database: str | None) -> Config:
    """As it will be in the home; the files of its secrets need not be there yet."""
    backup.put(draft / "config.toml", (folder / "config.toml").read_bytes())
    environ = dict(os.environ)
    if database is not None:
        configuration.set_database(draft, db_engines.without_password(database))
        environ[configuration.DATABASE_VARIABLE] = database
    config = configuration.load(draft, environ, secrets_there=False)
    place, drafts = config.database, draft.absolute()
    if isinstance(place, Path) and place.is_relative_to(drafts):
        place = home.absolute() / place.relative_to(drafts)
    return replace(config, home=home, database=place)


def _books(
    folder: Path, found: Manifest, config: Config, draft: Path, now_s: int | None
) -> Restored:
    if isinstance(config.database, Path) != (found.engine == backup_sqlite.ENGINE):
        raise StationError(
            f"The backup is of {found.engine}, and its settings name another database;"
            " give an empty one of that kind with --database."
        )
    if found.engine == backup_postgresql.ENGINE:
        database = Database(config.database)
        if not backup_postgresql.is_empty(database):
            raise StationError(
                f"The database {database.name} is not empty; make a new one with createdb, and"
                " name it with --database."
            )
        backup_postgresql.put_back(folder / backup_postgresql.FILE, database)
        return _renewed(database, found, config, now_s)
    place = config.database
    if place.exists():
        raise StationError(f"{place} is there already; nothing is restored over it.")
    # On the same disk, so that it appears in its place when all is done.
    inside = place.is_relative_to(config.home.absolute())
    copy = (draft if inside else place.parent) / f".{place.name}.{secrets.token_hex(4)}"
    try:
        backup_sqlite.put_back(folder / backup_sqlite.FILE, copy)
        restored = _renewed(Database(copy), found, config, now_s)
        backup_sqlite.fold(copy)
        os.rename(copy, place)
        backup.sync(place.parent)
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            copy.with_name(copy.name + suffix).unlink(missing_ok=True)
    return restored


def _renewed(database: Database, found: Manifest, config: Config, now_s: int | None) -> Restored:
    """The books as they were, brought to today."""
    try:
        with database.read() as conn:
            if manifest.facts(conn) != found.facts:
                raise StationError(
                    f"{database.name} does not have what the backup says it had; take another one."
                )
        where = database.path or database.engine.url.render_as_string(hide_password=False)
        open_database(where).close()  # to today's schema
        with database.write() as conn:
            at = config.make_clock().now_s() if now_s is None else now_s
            return _moved_on(conn, found, at)
    except sqlite3.Error as error:
        raise StationError(f"{database.name} cannot be used ({error}).") from None
    finally:
        database.close()


def _moved_on(conn: Connection, found: Manifest, now_s: int) -> Restored:
    m, c = meters.c, commands.c
    full = sa.select(m.meter).where(
        (m.next_n > _LARGEST_N - ORDER_JUMP)
        | (m.settings_version > LARGEST_VERSION - VERSION_JUMP)
    )
    for meter in conn.execute(full).scalars():
        raise StationError(f"{meter} has no order numbers left to jump over; give it a new name.")
    conn.execute(
        sa.update(meters).values(
            next_n=m.next_n + ORDER_JUMP, settings_version=m.settings_version + VERSION_JUMP
        )
    )
    # Who was shut out meanwhile must not be let in by an old cookie; nobody's turn lasts.
    for table in (web_sessions, leases, heartbeats):
        conn.execute(sa.delete(table))
    conn.execute(
        restores.insert().values(
            made_at=found.made_at,
            restored_at=now_s,
            order_jump=ORDER_JUMP,
            version_jump=VERSION_JUMP,
        )
    )
    detail = {"made_at": found.made_at, "schema": found.facts.schema}
    acts.note(conn, "system", "station.restored", "station", detail, now_s)
    open_ops = conn.execute(sa.select(c.op).where(c.state.in_(orders.OPEN_STATES))).scalars().all()
    p = purchases.c
    last = conn.execute(sa.select(p.key).order_by(p.id.desc()).limit(1)).scalar()
    return Restored(
        made_at=found.made_at,
        schema=found.facts.schema,
        meters=conn.execute(sa.select(sa.func.count()).select_from(meters)).scalar_one(),
        open_orders=len(open_ops),
        open_money=sum(op in orders.MONEY_OPS for op in open_ops),
        last_purchase=last or "",
        wrong=check.books(conn),
        key_there=False,
        missing=(),
    )


def _looked_over(restored: Restored, found: Manifest, config: Config) -> Restored:
    """What else the station needs, and is not in a backup."""
    table = tomllib.loads((config.home / "config.toml").read_text())
    wanted = [config.ca_file, config.web.tls_cert, config.web.tls_key]
    wanted += config_read.secret_files(table, config.home)
    missing = tuple(path for path in wanted if path is not None and not path.exists())
    mark = manifest.key_mark(config.key_file)
    there = bool(mark) and mark == found.key_mark
    return Restored(**{**vars(restored), "key_there": there, "missing": missing})


def to_do(done: Restored, home: Path) -> list[str]:
    """What only people can do now, in their order."""
    lines = ["Make sure that the station this was saved from does not run any more."]
    if not done.key_there:
        lines.append(
            f"Bring back station.key: {home} has none, or another than the meters' keys are sealed"
            " with. A meter whose key was changed since the backup must be provisioned anew."
        )
    lines += [f"Bring back {path}; config.toml names it." for path in done.missing]
    if done.open_orders:
        lines.append(
            f"{done.open_orders} orders were open then, {done.open_money} of them about money;"
            " they are sent when the station runs. Meters do not obey one twice."
        )
    last = f" The last one here has the key {done.last_purchase}." if done.last_purchase else ""
    lines.append(
        "Sales after the backup are in the meters, but not in these books." + last + " When the"
        " meters have reported, the reconciliation names each channel whose credited total is"
        " more than the ledger has; post those sales again from the receipts and payments."
    )
    lines.append(
        "Who and which key was shut out after the backup is let in again: look through people and"
        " API keys. Everybody has to sign in again."
    )
    return lines
