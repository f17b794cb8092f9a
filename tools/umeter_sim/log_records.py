"""The records of a meter's two logs, packed as the firmware does."""

import struct
from collections.abc import Sequence
from zlib import crc32

EPOCH_OFFSET_S = 1_577_836_800  # the meter's time 0 in Unix seconds


def sealed(body: bytes) -> bytes:
    return body + struct.pack("<I", crc32(body))


def audit_raw(
    n: int,
    previous: bytes = bytes(32),
    t: int = 0,
    boot: int = 1,
    ch: int = 0,
    code: int = 1,
    a: int = 0,
    b: int = 0,
) -> bytes:
    """`t` in Unix seconds, 0: not known; `previous`: the SHA-256 of the record before."""
    when = t - EPOCH_OFFSET_S if t else 0
    return sealed(struct.pack("<IIHBBqq32s", n, when, boot, ch, code, a, b, previous))


def interval_raw(
    n: int,
    wh: Sequence[int] = (0,) * 8,
    t_end: int = 0,
    minutes: int = 15,
    flags: int = 0,
    quarantined: int = 0,
    estimated: int = 0,
) -> bytes:
    """`t_end` in Unix seconds, 0: not known."""
    when = t_end - EPOCH_OFFSET_S if t_end else 0
    return sealed(struct.pack("<IIBBBB8H", n, when, minutes, flags, quarantined, estimated, *wh))
