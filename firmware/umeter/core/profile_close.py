"""What a load profile does at a boot and at an interval's end. The record is told in profile.py.

The journal holds where the running interval stood at some time: the number of its record, its
beginning, its bits, and the registers then. Records that were written after that are added when a
boot reads it, so it may be old: record and journal need no common moment. Before a record is
written the registers are committed: a record never tells of energy that a power cut took back.
"""

import struct

from micropython import const

from umeter.core import ring_read
from umeter.core.profile import CUT, RECORD_BYTES, UNTRUSTED

KEY = "p"  # in the journal

_CHANNELS = const(8)
_SAVED = const("<IIBBBx8I")  # n, start, flags, quarantined, estimated, registers in Wh
_RECORD = const("<IIBBBB8HI")
_MOST_WH = const(0xFFFF)
_MOST_RECORDS = const(32)
_JUST_NOW_MS = const(60_000)


def resume(meter):
    """Go on with the interval that the last boot left, once the registers are restored."""
    profile = meter.profile
    ring = profile.ring
    count = len(meter.channels)
    profile.period_s = profile.next_period_s
    saved = meter.journal.get(KEY)
    if not saved:
        profile.n = ring.newest + 1
        profile.base_wh = [channel.register.wh for channel in meter.channels]
        save(meter)
        return
    fields = struct.unpack(_SAVED, saved)
    n, profile.start, profile.flags, profile.quarantined, profile.estimated = fields[:5]
    profile.base_wh = list(fields[5 : 5 + count])
    while n <= ring.newest:
        records, n = ring_read.copy(ring, n, _MOST_RECORDS)
        for at in range(0, len(records), RECORD_BYTES):
            fields = struct.unpack_from(_RECORD, records, at)
            profile.start = fields[1]
            profile.flags = profile.quarantined = profile.estimated = 0
            for i in range(count):
                profile.base_wh[i] += fields[6 + i]
    profile.n = n
    profile.flags |= CUT
    if not profile.start:
        profile.flags |= UNTRUSTED


def save(meter):
    """Let the next commit keep where the running interval stands."""
    profile = meter.profile
    base_wh = profile.base_wh + [0] * (_CHANNELS - len(profile.base_wh))
    meter.later[KEY] = struct.pack(
        _SAVED,
        profile.n,
        profile.start,
        profile.flags,
        profile.quarantined,
        profile.estimated,
        *base_wh,
    )


def turn(meter):
    """What Profile.due() called for. OSError, ValueError: the interval goes on and keeps its
    energy.
    """
    profile = meter.profile
    when = meter.when
    period_s = profile.period_s
    bound = when - when % period_s  # the last one
    end = profile.end
    if not when:
        _close(meter, 0, 0)  # as long as an interval, by the chip's own time
        profile.flags = UNTRUSTED
    elif not end:
        _place(meter, bound)
    elif when >= end:
        if bound != end:  # the clock was moved
            profile.flags |= UNTRUSTED
        _close(meter, bound, bound)
    else:  # the clock was moved back
        profile.flags |= UNTRUSTED
        profile.start = bound
    if not profile.elapsed_ms:  # a new one
        profile.period_s = period_s = profile.next_period_s
    profile.end = when - when % period_s + period_s if when else 0
    save(meter)


def _place(meter, bound):
    """The clock has become trusted: say where the running interval stands."""
    profile = meter.profile
    start = profile.start
    began = start - start % profile.period_s
    late = profile.elapsed_ms > _JUST_NOW_MS
    if start and began < bound:  # the power was off over the end of that interval
        if late:
            profile.flags |= UNTRUSTED
        cut = profile.flags & CUT
        _close(meter, began + profile.period_s, bound)
        profile.flags = cut
    elif began != bound and (start or late):  # begun nobody knows when
        profile.flags |= UNTRUSTED
    profile.start = bound


def _close(meter, end, start):
    """Write the record of the running interval. The next begins at `start`."""
    profile = meter.profile
    meter.commit()
    if not end:
        profile.flags |= UNTRUSTED
    if profile.flags & UNTRUSTED or not profile.start:
        minutes = min(255, (profile.elapsed_ms + 30_000) // 60_000)
    else:
        minutes = min(255, (end - profile.start) // 60)
    taken = [0] * _CHANNELS
    for channel in meter.channels:
        i = channel.index
        # Less than nothing if the journal has lost some: then the register first has to come back.
        wh = max(0, channel.register.wh - profile.base_wh[i])
        if wh > _MOST_WH:  # a recovered register: the rest comes in the next interval
            wh = _MOST_WH
            profile.estimated |= 1 << i
        taken[i] = wh
    record = bytearray(RECORD_BYTES)
    struct.pack_into(
        _RECORD,
        record,
        0,
        profile.n,
        end,
        minutes,
        profile.flags,
        profile.quarantined,
        profile.estimated,
        *(taken + [0]),
    )
    profile.ring.append(record)
    profile.n += 1
    for i in range(len(profile.base_wh)):
        profile.base_wh[i] += taken[i]
    profile.start = start
    profile.flags = profile.quarantined = profile.estimated = 0
    profile.elapsed_ms = 0
