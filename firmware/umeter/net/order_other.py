"""Orders of the operator about the meter itself: settings, clock, what is in quarantine."""

import json
from binascii import crc32

from micropython import const

from umeter.core import transient
from umeter.core.energy import UNITS_PER_WH
from umeter.core.meter import SETTINGS_KEY
from umeter.core.undo import remember
from umeter.net import reports
from umeter.net.order_kit import (
    APPLIED,
    LARGEST_N,
    MALFORMED,
    NOT_NOW,
    OUTDATED,
    PARTLY,
    RANGE,
    Refused,
    integer,
    word,
)

_UNTRUSTED = const(1)  # core/profile.py has it; not every board has that
# What hal/clock.py can keep and believe after a reset: 2026-01-01 to the end of 2053.
_EARLIEST_T = const(1_767_225_600)
_LATEST_T = const(2_650_838_399)
_CLOCK_JUMP_S = const(10)
_MOST_KEYS = const(16)  # each comes back with a sentence
_SMALL = const(0x3FFFFFFF)


def _told(value):
    """A setting's value as an event has it: what is no number, by its CRC-32."""
    return value if type(value) is int else crc32(json.dumps(value).encode()) & _SMALL


def set(run):
    """Change settings. Some may be refused while others are applied."""
    meter = run.meter
    settings = meter.settings
    answer = run.answer
    changes = run.order.get("set")
    if type(changes) is not dict or not changes:
        raise Refused(MALFORMED, "set must be an object of settings")
    if len(changes) > _MOST_KEYS:
        raise Refused(RANGE, "set may hold %d settings at once" % _MOST_KEYS)
    old = settings.version
    answer["version"] = old
    version = integer(run.order, "version", 0, LARGEST_N)
    if version < old:  # overtaken on the way
        raise Refused(OUTDATED, "version %d is in force" % old)
    accepted, answer["keys"] = settings.check(changes)
    if not accepted:
        return RANGE
    text = settings.text
    before = settings.open()

    def undo():
        settings.text = text
        settings.version = old

    run.undo = undo
    settings.apply(accepted, version)
    run.batch[SETTINGS_KEY] = settings.to_json()

    def then():
        when = run.clock.when
        after = settings.open()
        meter.configure(settings)
        answer["version"] = settings.version
        meter.events.put(when, "settings", 0, settings.version)
        for key in accepted:
            answer["keys"].setdefault(key, "applied")
            name = key
            index = None
            ch = 0
            if key.startswith("ch."):
                _, ch, name = key.split(".")
                ch = int(ch)
                index = ch - 1
            value = before.get(name, index)
            if value != after.get(name, index):
                told = _told(after.get(name, index))
                meter.events.put(when, "set." + name, ch, _told(value), told)

    run.then = then
    return PARTLY if answer["keys"] else APPLIED


def time(run):
    """Set the clock."""
    meter = run.meter
    clock = run.clock
    integer(run.order, "t", _EARLIEST_T, _LATEST_T)
    if integer(run.order, "boot", 0, LARGEST_N) != meter.boot:
        raise Refused(NOT_NOW, "meant for another boot")
    before = clock.when
    when = run.order["t"] - reports.EPOCH_OFFSET_S
    jumps = before and abs(when - before) > _CLOCK_JUMP_S
    if jumps:
        # In the same batch: the books must never take the step for time that has passed.
        undos = [remember(meter, channel) for channel in meter.channels]

        def undo():
            meter.when = before  # first: each takes up the terms of now
            for each in undos:
                each()

        run.undo = undo
        transient.run("core.turn", "stepped", meter, before, when)

    def then():
        clock.set(when)
        if jumps and meter.profile is not None:
            meter.profile.flags |= _UNTRUSTED
        meter.events.put(clock.when, "clock.set", 0, before, when)

    run.then = then
    return APPLIED


def quarantine(run):
    """The operator decides about energy that no load can have drawn."""
    meter = run.meter
    channel = run.channel
    accepted = word(run.order, "action", ("accept", "refuse")) == "accept"
    counts = channel.quarantined
    wh = counts * channel.sample.units_per_count // UNITS_PER_WH
    if not wh:
        raise Refused(NOT_NOW, "nothing is in quarantine on this channel")
    run.answer["wh"] = wh
    run.undo = remember(meter, channel)
    channel.quarantined = 0
    if accepted:
        channel.book(counts * channel.sample.units_per_count)
        if channel.late:  # it passed the end of a block
            meter.turn(channel)

    def then():
        event = "quarantine.accepted" if accepted else "quarantine.refused"
        meter.events.put(run.clock.when, event, channel.index + 1, wh)
        if accepted and meter.profile is not None:  # drawn nobody knows when
            meter.profile.estimated |= 1 << channel.index
        meter.turn(channel)

    run.then = then
    return APPLIED
