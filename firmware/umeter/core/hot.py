"""What the journal does not hold yet, in memory that outlives a watchdog or soft reset.

On the ESP32 that is the RTC's (2 KiB, no checksum of its own; a power cut clears it). The image is
magic, number of channels u16, sequence of the journal's newest batch u32, the channel records,
CRC-32; little-endian. The magic is another one while nobody has set the clock. With another batch
than the journal's newest it is old, and not looked at.
"""

import struct
from binascii import crc32

from micropython import const

from umeter.core.channel_record import RECORD_BYTES, pack

_HEAD = const("<2sHI")
_HEAD_BYTES = const(8)
_MAGIC = const(b"uH")
_NO_CLOCK = const(b"uh")


def vouched(image):
    """Was the clock set when this was kept? If not, the RTC was at most lent a time."""
    return image[:2] == _MAGIC


class Hot:
    """memory(): what is kept, bytes. memory(image): keep this."""

    def __init__(self, memory, channels):
        self._memory = memory
        self._channels = channels
        self._image = bytearray(_HEAD_BYTES + channels * RECORD_BYTES + 4)

    def save(self, meter):
        """Keep what all channels of the meter have booked. Allocates: not for the tick."""
        if not meter.is_safe:  # the records would tell of charges whose books are not durable yet
            return
        image = memoryview(self._image)
        magic = _MAGIC if meter.when else _NO_CLOCK
        struct.pack_into(_HEAD, image, 0, magic, self._channels, meter.journal.sequence)
        at = _HEAD_BYTES
        for channel in meter.channels:
            pack(channel, image[at : at + RECORD_BYTES])
            at += RECORD_BYTES
        struct.pack_into("<I", image, at, crc32(image[:at]))
        self._memory(image)

    def records(self, sequence):
        """The channel records kept since this batch of the journal; none if there is no such."""
        image = memoryview(self._memory())
        end = len(self._image) - 4
        if len(image) != end + 4 or struct.unpack_from("<I", image, end)[0] != crc32(image[:end]):
            return []
        if struct.unpack_from(_HEAD, image)[1:] != (self._channels, sequence):
            return []
        return [
            bytes(image[at : at + RECORD_BYTES]) for at in range(_HEAD_BYTES, end, RECORD_BYTES)
        ]
