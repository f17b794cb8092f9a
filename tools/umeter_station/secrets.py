"""The meters' keys at rest: sealed with AES-256-GCM under the station's own key.

A sealed key is one version byte, a nonce of 12 bytes, and the ciphertext with its tag of 16; it is
bound to its meter's name. The station's key is in the environment (KEY_VARIABLE, 64 hexadecimal
digits) or in a file that the station makes. Without it the database is of no use to a thief, nor
to its owner: it belongs into the backup, but into another one than the database.
"""

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection

from umeter_station.db import Database
from umeter_station.errors import StationError
from umeter_station.models import meters

KEY_VARIABLE = "UMETER_STATION_KEY"
KEY_BYTES = 32
_VERSION = b"\x01"
_NONCE_BYTES = 12
_KEYS = ("key", "next_key", "old_key")  # columns


class Safe:
    """Seals and opens under one key, which it shows to nobody."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        # Another key than the cipher's, from which that one cannot be learned.
        self._mac_key = hmac.new(key, b"umeter station: names that open a page", "sha256").digest()

    def seal(self, meter: str, secret: bytes) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, secret, meter.encode())

    def open(self, meter: str, sealed: bytes) -> bytes:
        """Raises StationError if it was sealed under another key, or for another meter."""
        nonce, rest = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        if sealed[:1] == _VERSION:
            with contextlib.suppress(InvalidTag, ValueError):
                return self._cipher.decrypt(nonce, rest, meter.encode())
        raise StationError(
            f"The key of meter {meter} was sealed under another station key; bring that one back,"
            f" as the file that config.toml names or in {KEY_VARIABLE}."
        )

    def mac(self, text: str) -> bytes:
        return hmac.new(self._mac_key, text.encode(), hashlib.sha256).digest()


def parse_key(text: str, what: str) -> bytes:
    """64 hexadecimal digits -> 32 bytes. `what` names them in the StationError."""
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise StationError(f"{what} 64 hexadecimal digits.")
    return key


def seal(conn: Connection, meter: str, secret: bytes) -> bytes:
    return _safe(conn).seal(meter, secret)


def opened(conn: Connection, meter: str, sealed: bytes) -> bytes:
    """Raises StationError if it was sealed under another key, or for another meter."""
    return _safe(conn).open(meter, sealed)


def mac(conn: Connection, text: str) -> bytes:
    """32 bytes that only this station can make of a text, always the same. With a part of them in
    it, a name that is printed or sent cannot be guessed."""
    return _safe(conn).mac(text)


def _safe(conn: Connection) -> Safe:
    return conn.get_execution_options()["umeter_safe"]


def unlock(database: Database, key_file: Path) -> None:
    """Give the database's connections the station's key, from the environment or from the file.

    The file is made if there is nothing yet that would need an older one. Keys that an older
    station left unsealed are sealed, all in one transaction. Raises StationError if the key is not
    the one that was used before; nothing is changed then.
    """
    with database.read() as conn:
        stored = _stored(conn)
    sealed = [(meter, key) for meter, _, key in stored if len(key) != KEY_BYTES]
    safe = Safe(_station_key(key_file, make=not sealed))
    for meter, key in sealed[:1]:
        safe.open(meter, key)
    database.unlock(safe)
    if len(sealed) < len(stored):
        _seal_all(database, safe)


def _stored(conn: Connection) -> list[tuple[str, str, bytes]]:
    """(meter, column, content) of all keys."""
    rows = conn.execute(sa.select(meters.c.meter, *(meters.c[name] for name in _KEYS))).all()
    return [(row[0], n, k) for row in rows for n, k in zip(_KEYS, row[1:], strict=True) if k]


def _seal_all(database: Database, safe: Safe) -> None:
    with database.write() as conn:
        if database.is_sqlite:
            # Else the bytes would stay readable in the file, where the row was.
            conn.exec_driver_sql("PRAGMA secure_delete=ON")
        for meter, column, key in _stored(conn):
            if len(key) == KEY_BYTES:
                values = {column: safe.seal(meter, key)}
                conn.execute(sa.update(meters).where(meters.c.meter == meter).values(values))
    database.checkpoint()


def _station_key(path: Path, make: bool) -> bytes:
    text = os.environ.get(KEY_VARIABLE)
    if text is not None:
        return parse_key(text, f"{KEY_VARIABLE} must be")
    if make and not path.exists():
        _make(path)
    try:
        text = path.read_text()
    except FileNotFoundError:
        raise StationError(
            f"The station's key {path} is missing; bring it back, or set {KEY_VARIABLE}:"
            " the meters' keys are sealed with it."
        ) from None
    except (OSError, ValueError):
        raise StationError(f"The station's key {path} cannot be read; let its owner.") from None
    return parse_key(text, f"The station's key {path} must be")


def _make(path: Path) -> None:
    """Durable, before anything is sealed with it; another process may be at it, too."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    except OSError as error:
        raise StationError(
            f"The station's key {path} cannot be made ({error.strerror}); name another file as"
            " key_file in config.toml."
        ) from None
