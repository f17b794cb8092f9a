"""The order that changes the meter's key, and what the journal holds of it.

The new key comes wrapped under the one that signs the order. It is committed before the answer;
from then on orders are taken under it, and under the old one too until the station has used the
new one: it may have lost the answer. Provisioning anew ends all this: the journal's keys only hold
for the site file's key that they began with.
"""

import hashlib
from binascii import hexlify

from micropython import const

from umeter.net.envelope import decode, hmac_sha256
from umeter.net.order_kit import APPLIED, MALFORMED, NOT_NOW, Refused

_KEY = const("k")  # in the journal
_FORMAT = const(1)
# In the record: format, mark of the site file's key, old key, new key, does the old one count.
_OLD = const(9)
_NEW = const(41)
_COUNTS = const(73)
_BYTES = const(74)


def _mark(key):
    """Eight bytes that tell one key from another, and nothing about it."""
    return hashlib.sha256(key).digest()[:8]


def keys(record, key):
    """The keys in force, newest first, by the journal's record. key: the site file's. ValueError
    for a record of another format.
    """
    if record[0] != _FORMAT or len(record) != _BYTES:
        raise ValueError("keys of an unknown format")
    if record[1:_OLD] != _mark(key):
        return (key,)
    new = record[_NEW:_COUNTS]
    return (new, record[_OLD:_NEW]) if record[_COUNTS] else (new,)


def key(run):
    """Take a new key. `wrapped`: it, XOR the HMAC of the order's number under the key that signed
    the order. `check`: what is to come out, by its mark.
    """
    order = run.order
    commands = run.commands
    try:
        wrapped = decode(order["wrapped"].encode())
        check = order["check"].encode()
        right = len(wrapped) == 32 and len(check) == 16
    except Exception:  # absent, no text, no base64url
        right = False
    if not right:
        raise Refused(MALFORMED, "wrapped must be 43 characters, check 16")
    mask = hmac_sha256(run.key, b"umeter key %d" % order["n"])
    new = bytes([a ^ b for a, b in zip(wrapped, mask)])
    if hexlify(_mark(new)) != check:
        raise Refused(NOT_NOW, "wrapped under another key, or damaged")
    run.batch[_KEY] = b"\x01" + _mark(commands.key) + run.key + new + b"\x01"

    def then():
        commands.keys = (new, run.key)

    run.then = then
    return APPLIED


def settle(commands):
    """The station has used the new key: the old one counts no more, as soon as that is durable."""
    meter = commands.meter
    try:
        meter.commit({_KEY: meter.get(_KEY)[:_COUNTS] + b"\x00"})
        commands.keys = commands.keys[:1]
    except (OSError, ValueError):  # the flash: the next order tries again
        pass
