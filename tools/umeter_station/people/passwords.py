"""Passwords as argon2id, with the parameters that OWASP recommends (19 MiB, 2 passes, 1 lane).

Hashing takes tens of milliseconds, on purpose: call this outside of a transaction.
"""

import functools
import secrets
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from umeter_station.errors import StationError

MIN_CHARS = 10
MAX_CHARS = 256
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def hashed(password: str, name: str = "") -> str:
    """Raises StationError for one that is too short, or made of the person's name."""
    password = _normal(password)
    if not MIN_CHARS <= len(password) <= MAX_CHARS:
        raise StationError(f"A password has {MIN_CHARS} to {MAX_CHARS} characters.")
    if name and len(password.lower().replace(name.lower(), "")) < MIN_CHARS // 2:
        raise StationError("That password is little more than the name; choose another.")
    if len(set(password)) < 4:
        raise StationError("That password repeats itself too much; choose another.")
    return _hasher.hash(password)


def is_right(stored: str | None, password: str) -> bool:
    """Takes the same time whether or not there is such a person with a password (None)."""
    # A longer text than any password would only make the hashing slow.
    password = _normal(password[:MAX_CHARS])
    try:
        _hasher.verify(stored or _nobodys(), password)
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


@functools.cache
def _nobodys() -> str:
    return _hasher.hash(secrets.token_hex())


def _normal(password: str) -> str:
    # The same keys give different characters on different keyboards and systems.
    return unicodedata.normalize("NFKC", password.encode(errors="replace").decode())
