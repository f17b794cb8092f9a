"""Who is fed: contacts moved by claims.

A contact is closed only while nobody claims it open. Each claim has its own rule of release, so
that no cause can undo another's.
"""

from micropython import const

BOOT = const(1)  # until the journal is restored and the account evaluated
CREDIT = const(2)  # until the account is no longer out
OPERATOR = const(4)  # until the operator closes
USER = const(8)  # until the user closes, or the day's budget is new
OVERLOAD = const(16)  # until its time is over; after too many tries, until the operator releases
SCHEDULE = const(32)  # until the slot of the day is over
TAMPER = const(64)  # until the operator releases
FAULT = const(128)  # until the front end reads again

MOVED = const(1)  # in the news of a channel: its contact has moved

_LONG_MS = const(0x1FFFFFFF)


class Supply:
    """Moves the contacts of all channels as their claims say.

    relays: `set(index, closed)`. Opening is immediate. Closings follow each other by `stagger_ms`
    (inrush), and come only after the contact has been open for `dwell_ms` (compressors, relay
    wear).
    """

    def __init__(self, relays, channels):
        self.relays = relays
        self._channels = channels
        self._since_close_ms = _LONG_MS
        self.stagger_ms = 500
        self.dwell_ms = 3000
        for channel in channels:
            relays.set(channel.index, False)

    def tick(self, dt_ms):
        """Open what is claimed; close at most one contact that nobody claims."""
        if self._since_close_ms < _LONG_MS:
            self._since_close_ms += dt_ms
        for channel in self._channels:
            if channel.contact:
                if channel.claims:
                    self._move(channel, 0)
                continue
            if channel.open_ms < _LONG_MS:
                channel.open_ms += dt_ms
            if (
                not channel.claims
                and channel.open_ms >= self.dwell_ms
                and self._since_close_ms >= self.stagger_ms
            ):
                self._since_close_ms = 0
                self._move(channel, 1)

    def _move(self, channel, contact):
        self.relays.set(channel.index, contact == 1)
        channel.contact = contact
        channel.open_ms = 0
        channel.news |= MOVED
