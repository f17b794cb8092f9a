"""What a channel may draw and when: load limit, time slots, banned loads. Transient.

A trip claims OVERLOAD. It is restored by itself after a while, some times a day; then only the
operator releases it.
"""

from micropython import const

from umeter.core.calendar import spans
from umeter.core.channel import DUE_LIMIT, DUE_STEP, DUE_TIMER
from umeter.core.supply import OVERLOAD, SCHEDULE

_DAY_MIN = const(1440)


def apply(doc, channel, book, now):
    """Set the limits in force. now: of calendar, None while the clock is not trusted: then no slot
    is in force. Returns the minute of the day at which that may change.
    """
    get = doc.get
    index = channel.index
    limit_w = get("limit_w", index)
    slot = None
    minute = _DAY_MIN
    if now is not None:
        slot, minute = spans(get("slots", index), now)
    channel.claims &= ~SCHEDULE
    if slot is not None:
        if slot[3] == 0:
            channel.claims |= SCHEDULE
        else:
            limit_w = min(limit_w or slot[3], slot[3])
    channel.limit_dw = limit_w * 10
    channel.guard_ms = get("limit_guard_s", index) * 1000
    _ban(channel, get("banned", index), get("banned_pf", index))
    return minute


def _ban(channel, windows, pf):
    # Pulses tell energy alone: there is no power factor to judge by.
    if not windows or not channel.sample.measures_power:
        channel.steps = None
        return
    if channel.steps is None:
        from umeter.core.steps import Steps

        channel.steps = Steps()
    channel.steps.min_dw = min([window[0] for window in windows]) * 10
    channel.steps.pf = pf


def look(meter, doc, channel, book):
    """Judge what `channel.due` says of limit, step and timer."""
    due = channel.due
    if due & DUE_TIMER and channel.claims & ~book.locked & OVERLOAD:
        channel.clear(OVERLOAD)
        if not channel.claims & OVERLOAD:
            meter.event("limit.back", channel.index + 1)
        meter.urgent()
    if due & DUE_LIMIT:
        _trip(meter, doc, channel, book, "limit", channel.sample.power_dw, channel.limit_dw // 10)
    if due & DUE_STEP and channel.steps is not None:
        _judge_step(meter, doc, channel, book)
    book.save()


def _judge_step(meter, doc, channel, book):
    index = channel.index
    steps = channel.steps
    step_dw = steps.step_dw
    for low_w, high_w in doc.get("banned", index):
        if low_w * 10 <= step_dw <= high_w * 10:
            break
    else:
        return
    for allowed_w, tolerance_w in doc.get("banned_allow", index):
        # What was switched beside an allowed load, within the same seconds, is in the step too.
        if abs(step_dw - allowed_w * 10) <= tolerance_w * (10 if steps.clean else 20):
            return
    _trip(meter, doc, channel, book, "banned", step_dw, steps.step_pf)


def _trip(meter, doc, channel, book, what, power_dw, b):
    """Tell, and trip if the settings say so. what: "limit" or "banned"."""
    index = channel.index
    trip = doc.get(what + "_action", index) == "trip"
    if what == "limit":
        code, locked, tries = "limit.trip" if trip else "limit.over", "limit.locked", "limit_tries"
    else:
        code, locked, tries = "load.banned", "load.locked", "banned_tries"
    meter.event(code, index + 1, power_dw // 10, b)
    if not trip or channel.claims & OVERLOAD:
        return
    channel.claims |= OVERLOAD
    channel.armed &= ~OVERLOAD
    used = getattr(book, tries)
    if used < doc.get(tries, index):
        setattr(book, tries, used + 1)
        _wait(doc, channel, what)
    else:
        book.locked |= OVERLOAD
        meter.event(locked, index + 1, used)
    meter.urgent()


def _wait(doc, channel, what):
    channel.timer_ms = doc.get(what + "_restore_s", channel.index) * 1000


def midnight(book):
    """A new local day: restorations are counted anew. What is locked stays so."""
    book.limit_tries = book.banned_tries = 0


def boot(doc, channel, book):
    """After a power cut: what waited for its time waits for all of it again."""
    if channel.claims & ~channel.armed & ~book.locked & OVERLOAD:
        # The limit's own time, unless banned loads alone have tripped today.
        _wait(doc, channel, "banned" if book.banned_tries > book.limit_tries else "limit")
