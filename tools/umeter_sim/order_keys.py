"""A meter's new key on its way to it, as a station wraps it."""

import base64
import hashlib
import hmac


def _mask(n, key):
    return hmac.new(key, b"umeter key %d" % n, hashlib.sha256).digest()


def _xor(one, other):
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def wrapping(n, key, new):
    """The fields of order `n` that brings the key `new`, signed with `key`."""
    wrapped = base64.urlsafe_b64encode(_xor(new, _mask(n, key))).rstrip(b"=").decode()
    return {"wrapped": wrapped, "check": hashlib.sha256(new).hexdigest()[:16]}


def unwrapped(order, key):
    """The new key of an order signed with `key`. ValueError if that is not what it says."""
    new = _xor(base64.urlsafe_b64decode(order["wrapped"] + "="), _mask(order["n"], key))
    if hashlib.sha256(new).hexdigest()[:16] != order["check"].lower():
        raise ValueError("the new key does not fit its check")
    return new
