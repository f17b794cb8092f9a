"""Signed messages: JWS compact, HS256 (RFC 7515), under the key of one meter."""

import jwt
from jwt.api_jws import PyJWS

MAX_TOKEN_BYTES = 8192
_JWS = PyJWS(algorithms=["HS256"])


def sign(key: bytes, payload: bytes) -> bytes:
    return _JWS.encode(payload, key, algorithm="HS256", headers={"typ": None}).encode()


def verify(key: bytes, token: bytes) -> bytes | None:
    """The payload, or None if the token is not signed with this key."""
    if len(token) > MAX_TOKEN_BYTES:
        return None
    try:
        return _JWS.decode(token, key, algorithms=["HS256"])
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        return None
