"""What a backup says of itself: `manifest.json`, written last, so that a backup has one only if it
is whole.
"""

import hashlib
import hmac
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import secrets
from umeter_station.errors import StationError

NAME = "manifest.json"
FORMAT = 1
_PIECE = 1 << 20


@dataclass(frozen=True)
class Facts:
    """What is in a database: rows by table, and the ledger's totals."""

    schema: str
    tables: dict[str, int]
    transfers: int
    transferred_u: int
    last_transfer: int


@dataclass(frozen=True)
class Manifest:
    """`files`: their size and SHA-256. `key_mark` tells the station key that the meters' keys are
    sealed with from any other, and nothing else of it; empty if it was not at hand."""

    format: int
    made_at: int
    engine: str
    files: dict[str, tuple[int, str]]
    key_mark: str
    facts: Facts


def facts(conn: Connection) -> Facts:
    tables = {}
    for name in sorted(sa.inspect(conn).get_table_names()):
        tables[name] = conn.execute(
            sa.select(sa.func.count()).select_from(sa.table(name))
        ).scalar()
    t = sa.table("transfers", sa.column("id"), sa.column("amount_u"))
    total_u, last = conn.execute(
        sa.select(
            sa.func.coalesce(sa.func.sum(t.c.amount_u), 0),
            sa.func.coalesce(sa.func.max(t.c.id), 0),
        )
    ).one()
    schema = conn.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one()
    return Facts(schema, tables, tables["transfers"], int(total_u), last)


def key_mark(key_file: Path) -> str:
    text = os.environ.get(secrets.KEY_VARIABLE)
    try:
        key = bytes.fromhex((text if text is not None else key_file.read_text()).strip())
    except (OSError, ValueError):
        return ""
    return hmac.digest(key, b"umeter backup", "sha256")[:8].hex()


def digest(path: Path) -> tuple[int, str]:
    """(bytes, SHA-256)"""
    found, length = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            found.update(piece)
            length += len(piece)
    return length, found.hexdigest()


def write(folder: Path, manifest: Manifest) -> None:
    with open(os.open(folder / NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(manifest), file, indent=1)
        file.flush()
        os.fsync(file.fileno())


def read(folder: Path) -> Manifest:
    """Raises StationError if there is none, or a newer one."""
    try:
        document = json.loads((folder / NAME).read_text())
        if document["format"] != FORMAT:
            raise StationError(f"{folder} was made by a newer station; restore it with that.")
        files = {name: (size, sha256) for name, (size, sha256) in document["files"].items()}
        return Manifest(**{**document, "files": files, "facts": Facts(**document["facts"])})
    except OSError:
        raise StationError(f"There is no backup in {folder}; it would have a {NAME}.") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise StationError(f"{folder / NAME} is damaged; take another backup.") from None


def check_files(folder: Path, manifest: Manifest) -> None:
    """Raises StationError if a file is not as it was when the backup was made."""
    for name, wanted in manifest.files.items():
        if Path(name).name != name:
            raise StationError(f"{folder / NAME} names a file elsewhere; it is no backup of ours.")
        path = folder / name
        if not path.is_file() or digest(path) != tuple(wanted):
            raise StationError(f"{path} is missing or was changed since; take another backup.")
