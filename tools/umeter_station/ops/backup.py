"""A backup while the station runs: one folder, which is either whole or not there.

It holds the database, config.toml and the manifest. It does not hold the station's key, without
which it is of no use to a thief: that one is kept in another place.
"""

import os
import re
import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from umeter_station.config import Config
from umeter_station.db import Database
from umeter_station.errors import StationError
from umeter_station.ops import backup_postgresql, backup_sqlite, manifest
from umeter_station.ops.manifest import Manifest

_NAME = re.compile(r"umeter-\d{8}T\d{6}Z")
_DRAFT = re.compile(r"\.umeter-\d{8}T\d{6}Z\.part")
_ABANDONED_S = 86_400


@dataclass(frozen=True)
class Made:
    folder: Path
    manifest: Manifest


def make(config: Config, database: Database, to: Path, now_s: int) -> Made:
    """Make one in the folder `to`, which is made if it is missing. Raises StationError."""
    name = datetime.fromtimestamp(now_s, UTC).strftime("umeter-%Y%m%dT%H%M%SZ")
    folder, draft = to / name, to / f".{name}.part"
    if folder.exists():
        raise StationError(f"There is a backup {folder} already; try again in a second.")
    try:
        to.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft.mkdir(mode=0o700)
        try:
            made = _fill(draft, config, database, now_s)
            sync(draft)
            os.rename(draft, folder)
            sync(to)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    except OSError as error:
        raise StationError(f"The backup cannot be written to {to} ({error.strerror}).") from None
    return Made(folder, made)


def _fill(draft: Path, config: Config, database: Database, now_s: int) -> Manifest:
    engine = backup_sqlite if database.is_sqlite else backup_postgresql
    found = engine.save(database, config, draft / engine.FILE)
    put(draft / "config.toml", (config.home / "config.toml").read_bytes())
    files = {name: manifest.digest(draft / name) for name in (engine.FILE, "config.toml")}
    made = Manifest(
        format=manifest.FORMAT,
        made_at=now_s,
        engine=engine.ENGINE,
        files=files,
        key_mark=manifest.key_mark(config.key_file),
        facts=found,
    )
    manifest.write(draft, made)
    return made


def all_in(folder: Path) -> list[Path]:
    """The backups there, the oldest first."""
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(p for p in found if _NAME.fullmatch(p.name) and (p / manifest.NAME).is_file())


def keep_newest(folder: Path, keep: int) -> list[Path]:
    """Remove the others, and what backups that were cut off left behind; returns what went."""
    gone = all_in(folder)[:-keep]
    for path in folder.iterdir():
        # Of files, the only time that counts is that of the machine.
        if _DRAFT.fullmatch(path.name) and path.stat().st_mtime < time.time() - _ABANDONED_S:
            gone.append(path)
    for path in gone:
        # Without a manifest it is no backup: none is ever half there.
        (path / manifest.NAME).unlink(missing_ok=True)
        shutil.rmtree(path)
    return gone


def put(path: Path, content: bytes) -> None:
    """A new file, readable by its owner alone, on the disk when this returns."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync(path: Path) -> None:
    """A folder's entries, or a file's content, are on the disk when this returns."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
