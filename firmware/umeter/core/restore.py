"""What a boot takes out of the journal."""

import struct

from micropython import const

from umeter.core import replay
from umeter.core.channel import FORMAT, RECORD, RECORD_BYTES
from umeter.core.meter import CHANNEL_KEYS, EVENTS_KEY, SETTINGS_KEY
from umeter.core.supply import BOOT

_BOOT_KEY = const("b")
_RECOVER_MS = const(62_000)  # the commit interval, and some for a tick that was late


def restore(meter):
    """Meter.restore() tells."""
    journal = meter.journal
    saved = journal.load()
    fresh = not saved
    if SETTINGS_KEY in saved:
        meter.settings.from_json(saved[SETTINGS_KEY])
    meter.configure(meter.settings)
    for channel in meter.channels:
        record = saved.get(CHANNEL_KEYS[channel.index])
        if record:
            unpack(channel, record)
    replay.window_of(journal)  # a later format is to be refused now, and not at the first command
    # Go on behind the numbers that the last boot reserved.
    events = meter.events
    events.next_n = events.reserved_n = _u32(saved.get(EVENTS_KEY)) or 1
    boot = _u32(saved.get(_BOOT_KEY)) + 1
    meter.commit({_BOOT_KEY: struct.pack("<I", boot)})
    meter.boot = boot
    meter.event("boot", 0, boot)
    if journal.damaged:
        meter.event("journal.damaged", 0, 1 if fresh else 0)
    return fresh


def unpack(channel, record):
    """Restore what Channel.pack_into wrote. ValueError for an unknown format."""
    if len(record) != RECORD_BYTES or record[0] != FORMAT:
        raise ValueError("channel record of an unknown format")
    fields = struct.unpack(RECORD, record)
    register = channel.register
    account = channel.account
    tariff = channel.tariff
    channel.claims = BOOT | fields[2]
    register.wh, register.residual, channel.ahead, count = fields[4:8]
    account.credited_hi, account.credited_lo = fields[8:10]
    account.charged_hi, account.charged_lo = fields[10:12]
    tariff.millionths, tariff.parts = fields[12:]
    if fields[1] and channel.sample.keeps_register:
        channel.delta.last = count
        channel.slack_ms = _RECOVER_MS


def _u32(record):
    """The number in a journal value; 0 for none."""
    return struct.unpack("<I", record)[0] if record else 0
