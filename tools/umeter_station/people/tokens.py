"""Random texts that open something, and what is stored of them.

They carry 256 bits, so that a plain SHA-256 is enough: nobody can try them all.
"""

import hashlib
import hmac
import secrets

_BYTES = 32


def new() -> str:
    return secrets.token_urlsafe(_BYTES)


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def is_same(token: str, stored: str) -> bool:
    return hmac.compare_digest(digest(token), stored)


def derived(token: str, purpose: str) -> str:
    """Another token that only who has this one can know, and from which this one cannot be
    learned."""
    return hmac.new(token.encode(), purpose.encode(), hashlib.sha256).hexdigest()
