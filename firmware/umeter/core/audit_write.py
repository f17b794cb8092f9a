"""What the audit log needs for a moment when an event is written down. The record is told in
audit.py.
"""

import struct
from hashlib import sha256

from micropython import const

from umeter.core.codes import number

_RECORD = const("<IIHBBqq32s4x")
_LARGEST = const(0x7FFFFFFFFFFFFFFF)


def append(audit, n, when, code, ch, a, b):
    """Audit.append() tells."""
    ring = audit.ring
    if audit.link is None:
        audit.link = _link(ring)
    record = bytearray(ring.record_bytes)
    a = max(-_LARGEST, min(_LARGEST, a))
    b = max(-_LARGEST, min(_LARGEST, b))
    struct.pack_into(
        _RECORD, record, 0, n, when, audit.boot & 0xFFFF, ch, number(code), a, b, audit.link
    )
    ring.append(record)
    audit.link = sha256(record).digest()


def _link(ring):
    """Of the newest record that the ring holds; zeros if there is none."""
    from umeter.core import ring_read

    newest = ring_read.copy(ring, ring.newest, 1)[0]
    return sha256(newest).digest() if newest else bytes(32)
