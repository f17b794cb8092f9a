"""The audit log: what happened, append-only, each record chained to the one before.

A record, little-endian: n u32, when u32 (seconds since 2020, 0: clock not trusted), boot u16, ch
u8 (0: the board), code u8 (codes.py), a i64, b i64, SHA-256 of the whole record before it as it is
stored (zeros for the first), CRC-32. There is no order that erases any of it.
"""

from micropython import const

from umeter.core.ring import Ring
from umeter.core.transient import run

RECORD_BYTES = const(64)


class Audit:
    """flash, first_sector, sectors: where it lives. `boot` is told in each record."""

    def __init__(self, flash, first_sector, sectors):
        self.ring = Ring(flash, first_sector, sectors, RECORD_BYTES)
        self.boot = 0
        self.link = None  # SHA-256 of the newest record, None until it is needed

    def append(self, n, when, code, ch, a, b):
        """Write an event down. OSError if the flash fails. Programs, and leaves some 3 KB for the
        collector: how to write is forgotten until the next event.
        """
        run("core.audit_write", "append", self, n, when, code, ch, a, b)
