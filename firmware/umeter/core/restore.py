"""What a boot takes out of the journal."""

import struct

from micropython import const

from umeter.core import replay
from umeter.core.book import Book
from umeter.core.channel_record import FORMAT, RECORD, RECORD_BYTES, SINCE, SINCE_BYTES
from umeter.core.meter import (
    CHANNEL_KEYS,
    ENERGY_KEY,
    EVENTS_KEY,
    HEALTH_KEY,
    SETTINGS_KEY,
    SINCE_FROM,
)
from umeter.core.supply import BOOT

_BOOT_KEY = const("b")
_CALIBRATION_KEY = const("a")
_POWER = const(1)  # machine.PWRON_RESET
_FAILED_BOOTS = const(5)
_SAFE_MS = const(600_000)
_RECOVER_MS = const(62_000)  # the commit interval, and some for a tick that was late


def restore(meter):
    """Meter.restore() tells."""
    journal = meter.journal
    saved = journal.load()
    fresh = not saved
    if SETTINGS_KEY in saved:
        meter.settings.from_json(saved[SETTINGS_KEY])
    if _CALIBRATION_KEY in saved:  # before the channels: it says what a count is worth
        from umeter.core import calibration

        calibration.resume(meter, saved[_CALIBRATION_KEY])
    for channel in meter.channels:
        resume(channel, saved)
    if meter.hot is not None:  # newer than the journal, after a reset that was no power cut
        for channel, record in zip(meter.channels, meter.hot.records(journal.sequence)):
            unpack(channel, record)
    # A later format is to be refused now, and not when it is first looked at.
    replay.window_of(journal)
    for channel in meter.channels:
        Book(meter, channel)
    boot = _u32(saved.get(_BOOT_KEY)) + 1
    meter.events.resume(_u32(saved.get(EVENTS_KEY)) or 1, boot)
    if meter.profile is not None:
        from umeter.core import profile_close

        profile_close.resume(meter)
    since = saved.get(ENERGY_KEY, b"")
    if len(since) > SINCE_FROM:
        meter.last_when = struct.unpack_from("<I", since)[0]
    if meter.cause == _POWER:
        meter.cut_when = meter.last_when
    failed = saved.get(HEALTH_KEY, b"\x00")[0]
    started = bytes((min(failed + 1, 255),))
    meter.commit({_BOOT_KEY: struct.pack("<I", boot), HEALTH_KEY: started})
    meter.boot = boot
    meter.event("boot", 0, boot, meter.cause)
    meter.configure(meter.settings)
    if failed >= _FAILED_BOOTS:
        meter.safe_ms = _SAFE_MS
        meter.event("safe.mode", 0, failed)
    if journal.damaged:
        meter.event("journal.damaged", 0, 1 if fresh else 0)
    return fresh


def resume(channel, saved):
    """Bring a channel to where the journal's set has it: its record, and what was booked since."""
    record = saved.get(CHANNEL_KEYS[channel.index])
    if not record:
        return
    unpack(channel, record)
    since = saved.get(ENERGY_KEY, b"")
    at = SINCE_FROM + channel.index * SINCE_BYTES
    if at + SINCE_BYTES <= len(since):
        _add(channel, struct.unpack_from(SINCE, since, at), record)


def _add(channel, since, record):
    """Book (units, counts) once more, at the price of then: charges add up exactly."""
    units, counts = since
    sample = channel.sample
    tariff = channel.tariff
    channel.ahead += units - counts * sample.units_per_count
    if channel.delta.last >= 0:
        channel.delta.last = sample.counted(channel.delta.last, counts)
    channel.register.add(units)
    channel.account.charge(tariff.charge(units))


def unpack(channel, record):
    """Restore what channel_record.pack() wrote. ValueError for an unknown format."""
    if len(record) != RECORD_BYTES or record[0] != FORMAT:
        raise ValueError("channel record of an unknown format")
    fields = struct.unpack(RECORD, record)
    register = channel.register
    account = channel.account
    tariff = channel.tariff
    channel.claims = BOOT | fields[2]
    channel.armed = fields[3]
    register.wh, register.residual, channel.ahead, count = fields[4:8]
    account.credited_hi, account.credited_lo = fields[8:10]
    account.charged_hi, account.charged_lo = fields[10:12]
    tariff.millionths, tariff.parts, tariff.price_u_per_kwh = fields[12:15]
    channel.quarantined = fields[15]
    if fields[1] and channel.sample.keeps_register:
        channel.delta.last = count
        channel.slack_ms = _RECOVER_MS


def _u32(record):
    """The number in a journal value; 0 for none."""
    return struct.unpack("<I", record)[0] if record else 0
