"""Events and intervals on their rings, over three boots: what the flash holds in the end."""

import json
from binascii import hexlify

from stand_ins import Flash

from umeter.core import profile_close, ring_read
from umeter.core.audit import Audit
from umeter.core.events import Events
from umeter.core.profile import Profile

_WHEN = 200_016_000
_SECTORS = 4


class _Register:
    wh = 0


class _Channel:
    def __init__(self, index):
        self.index = index
        self.register = _Register()


class _Meter:
    """As much of a meter as the profile knows."""

    def __init__(self, flash, channels, journal):
        self.channels = channels
        self.journal = journal
        self.later = {}
        self.when = 0
        self.profile = Profile(flash, _SECTORS, _SECTORS)
        profile_close.resume(self)

    def commit(self):
        self.journal.update(self.later)
        self.later.clear()


def _all(ring):
    records, further = ring_read.copy(ring, 1, 1000)
    return [ring_read.oldest(ring), further, hexlify(records).decode()]


def run(_):
    """JSON: of each ring the oldest number, the next, and the records in hexadecimal."""
    flash = Flash(2 * _SECTORS, 1024)
    channels = [_Channel(i) for i in range(8)]
    journal = {}
    when = _WHEN
    for boot in range(1, 4):
        events = Events(4, Audit(flash, 0, _SECTORS))
        events.resume(1, boot)
        meter = _Meter(flash, channels, journal)
        for i in range(50):
            events.put(when, "contact.open" if i % 2 else "set.fault_s", i % 9, -i, (1 << 40) + i)
            when += 313
            for channel in channels:
                channel.register.wh += 1000 * channel.index + i
            if meter.profile.due(313_000, when):
                meter.when = when
                profile_close.turn(meter)
        meter.commit()
    return json.dumps([_all(events.audit.ring), _all(meter.profile.ring)])
