"""What a tick has to tell: a channel's news as events, an interval of the load profile."""

from array import array

from micropython import const

from umeter.core.channel import ENERGY_OPEN, JUMP, NEWS, URGENT_NEWS
from umeter.core.energy import UNITS_PER_WH
from umeter.core.supply import MOVED

_QUARANTINES = const(6)  # news that mark an interval of the load profile
_FROZEN = const(8)
_RETRY_MS = const(60_000)
_MOVES_KEY = const("o")  # of the journal: how often each contact has moved, eight u32


def tell(meter, channel):
    """Put an event for each bit of `channel.news`."""
    ch = channel.index + 1
    news = channel.news
    channel.news = 0
    if news & URGENT_NEWS:  # a claim that outlives a power cut, or what to recover from
        meter.urgent()
    profile = meter.profile
    if profile is not None and news & (_QUARANTINES | _FROZEN):
        if news & _QUARANTINES:
            profile.quarantined |= 1 << channel.index
        if news & _FROZEN:
            profile.estimated |= 1 << channel.index
        _try(meter, "save")
    bit = 1
    for code in NEWS:
        bit <<= 1
        if news & bit and code:
            counts = 0
            if bit <= JUMP:
                counts = channel.delta.refused_counts
            elif bit == ENERGY_OPEN:
                counts = channel.open_counts
                channel.open_counts = 0
            meter.event(code, ch, counts * channel.sample.units_per_count // UNITS_PER_WH)
    if news & MOVED:
        meter.event("contact.close" if channel.contact else "contact.open", ch, channel.claims)
        try:
            counts = moves(meter)
            counts[ch - 1] += 1
            meter.later[_MOVES_KEY] = bytes(counts)
        except OSError:  # the flash has lost them
            pass


def moves(meter):
    """How often each contact has moved, by channel index. OSError if the flash has lost it."""
    return array("I", meter.get(_MOVES_KEY) or bytes(32))


def close(meter):
    """The interval of the load profile is over."""
    if _try(meter, "turn"):
        meter.profile.failing = False


def _try(meter, what):
    from umeter.core import profile_close

    profile = meter.profile
    try:
        getattr(profile_close, what)(meter)
        return True
    except (OSError, ValueError):
        profile.hold_ms = _RETRY_MS
        if not profile.failing:
            profile.failing = True
            meter.event("log.failed", 0, 0, 1)  # 1: the profile
        return False
