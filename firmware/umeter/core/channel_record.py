"""What must survive a power cut of a channel: its record, and what was booked since one.

A record is RECORD_BYTES long, little-endian; restore.py reads it.
"""

import struct

from micropython import const

from umeter.core.energy import UNITS_PER_WH
from umeter.core.tariff import UNITS_PER_MWH

FORMAT = const(2)
RECORD = const("<BBBB12I")  # format, count is valid, claims, armed, then see pack
RECORD_BYTES = const(52)
SINCE = const("<IH")  # units and counts since a record
SINCE_BYTES = const(6)

_NOT_KEPT = const(33)  # the claims BOOT and SCHEDULE: a boot finds these anew
_PARTS_PER_U = const(36_000_000_000)  # of the tariff's remainder in a micro-unit
_MOST_UNITS = const(0x7FFFFFFF)
_MOST_COUNTS = const(0xFFFF)


def pack(channel, buf):
    """Write a channel's record."""
    account = channel.account
    # A counter in the board starts anew: its count means nothing to the next boot.
    known = channel.sample.keeps_register and channel.delta.last >= 0
    struct.pack_into(
        RECORD,
        buf,
        0,
        FORMAT,
        1 if known else 0,
        channel.claims & ~_NOT_KEPT,
        channel.armed,
        channel.register.wh,
        channel.register.residual,
        channel.ahead,
        channel.delta.last if known else 0,
        account.credited_hi,
        account.credited_lo,
        account.charged_hi,
        account.charged_lo,
        channel.tariff.millionths,
        channel.tariff.parts,
        channel.tariff.price_u_per_kwh,
        channel.quarantined,
    )


def pack_since(channel, record, buf, at):
    """Write what was booked since a record of `pack`, SINCE_BYTES long. True if the record and
    this together are exactly what `pack` would write now; else the channel needs a new record.
    """
    if record is None or len(record) != RECORD_BYTES:
        return False
    sample = channel.sample
    account = channel.account
    tariff = channel.tariff
    old = struct.unpack(RECORD, record)
    units = (channel.register.wh - old[4]) * UNITS_PER_WH + channel.register.residual - old[5]
    counts, odd = divmod(units + old[6] - channel.ahead, sample.units_per_count)
    due, rest = divmod(units * old[14] + old[12] * UNITS_PER_MWH + old[13], _PARTS_PER_U)
    known = sample.keeps_register and channel.delta.last >= 0
    if (
        odd
        or not 0 <= units <= _MOST_UNITS
        or not 0 <= counts <= _MOST_COUNTS
        or old[1] != known
        or old[2] != channel.claims & ~_NOT_KEPT
        or old[3] != channel.armed
        or known
        and sample.counted(old[7], counts) != channel.delta.last
        or old[8] != account.credited_hi
        or old[9] != account.credited_lo
        or old[10] * 1_000_000 + old[11] + due != account.charged_total_u
        or tariff.millionths * UNITS_PER_MWH + tariff.parts != rest
        or tariff.price_u_per_kwh != old[14]
        or channel.quarantined != old[15]
    ):
        return False
    struct.pack_into(SINCE, buf, at, units, counts)
    return True
