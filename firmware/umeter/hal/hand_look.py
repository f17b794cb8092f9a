"""How all accounts stand, for LED and buzzer. Transient."""

from micropython import const

from umeter.core import calendar
from umeter.core.book import Book

_OUT = const(4)  # level of a book
_FROM = const(360)  # minutes of the day in which a buzzer may be heard
_TO = const(1320)


def run(hand, remind):
    """Set hand.levels. Returns the level that the buzzer is to tell, 0 for none: the worst that
    was newly reached, or with `remind` the worst of those who still have supply. None by night,
    if the time is known.
    """
    meter = hand.meter
    level = 0
    for channel in meter.channels:
        index = channel.index
        now = Book(meter, channel).level
        if now > hand.levels[index] or (remind and now < _OUT):
            level = max(level, now)
        hand.levels[index] = now
    if not level:
        return 0
    time = calendar.now(meter.settings.open(), meter.when)
    return level if time is None or _FROM <= time.minute < _TO else 0
