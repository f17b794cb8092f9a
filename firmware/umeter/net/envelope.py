"""The signed envelope of commands and results: JWS compact (RFC 7515) with HS256 (RFC 7518).

A token is `header.payload.signature`, each part base64url without padding. Keys, payloads and
tokens are bytes.
"""

import hashlib
import json
from binascii import a2b_base64, b2a_base64

from micropython import const

_BLOCK = const(64)
_HEADER = const(b"eyJhbGciOiJIUzI1NiJ9")  # {"alg":"HS256"}


def _xored(key, mask):
    block = bytearray(_BLOCK)
    for i in range(_BLOCK):
        block[i] = mask
    for i in range(len(key)):
        block[i] ^= key[i]
    return block


def hmac_sha256(key, message):
    """The 32-byte HMAC-SHA-256 of `message` under `key` (any length)."""
    if len(key) > _BLOCK:
        key = hashlib.sha256(key).digest()
    inner = hashlib.sha256(_xored(key, 0x36))
    inner.update(message)
    outer = hashlib.sha256(_xored(key, 0x5C))
    outer.update(inner.digest())
    return outer.digest()


def _encode(raw):
    return b2a_base64(raw).rstrip(b"=\n").replace(b"+", b"-").replace(b"/", b"_")


def decode(text):
    """The bytes behind strict base64url, or None.

    Ports differ in what their base64 forgives (padding, spaces, stray bits of the last character),
    so only text that is its own encoding passes: one payload has exactly one token.
    """
    try:
        raw = a2b_base64(text.replace(b"-", b"+").replace(b"_", b"/") + b"==="[: -len(text) % 4])
    except Exception:  # ValueError, or binascii's own class, or plain Exception: by port
        return None
    return raw if _encode(raw) == text else None


def _same(a, b):
    """Equality in a time that does not tell where two equally long digests differ."""
    if len(a) != len(b):
        return False
    difference = 0
    for i in range(len(a)):
        difference |= a[i] ^ b[i]
    return difference == 0


def sign(key, payload):
    """The token that carries `payload` under `key`."""
    signed = _HEADER + b"." + _encode(payload)
    return signed + b"." + _encode(hmac_sha256(key, signed))


def verify(key, token, max_len=2048):
    """The payload of `token`, or None if anything about it is wrong. Never raises for any bytes.

    Nothing of the token is parsed before its signature has been found good.
    """
    if len(token) > max_len:
        return None
    parts = token.split(b".")
    if len(parts) != 3:
        return None
    signature = decode(parts[2])
    if signature is None or not _same(signature, hmac_sha256(key, parts[0] + b"." + parts[1])):
        return None
    try:
        header = json.loads(decode(parts[0]))
        if header["alg"] != "HS256" or "crit" in header:
            return None
    except Exception:  # not base64url, not JSON, not an object, no alg
        return None
    return decode(parts[1])
