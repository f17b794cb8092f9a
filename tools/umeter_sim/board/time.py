"""`time` on the virtual clock, with the ESP32's epoch (2000-01-01) and its settable, forgetful
RTC.
"""

import world as _world
from micropython import const

_MASK = const(0x3FFFFFFF)
_HALF = const(0x1FFFFFFF)
_UNIX_OF_EPOCH = const(946684800)
_DAY_S = const(86400)


def ticks_ms():
    w = _world.world
    w.check()
    return w.ticks


def ticks_us():
    w = _world.world
    w.check()
    return (
        w.ticks % 1000000
    ) * 1000  # the world's grain is 1 ms; the period is shorter than the real one


def ticks_add(ticks, delta):
    return (ticks + delta) & _MASK


def ticks_diff(end, start):
    d = (end - start) & _MASK
    if d > _HALF:
        d = d - _MASK - 1
    return d


def sleep_ms(ms):
    _world.world.advance(ms if ms > 0 else 0)


def sleep_us(us):
    _world.world.advance((us + 999) // 1000)


def sleep(seconds):
    sleep_ms(int(seconds * 1000))


def time():
    """Seconds since 2000-01-01 by the board's RTC, right or wrong."""
    import machine

    return machine.rtc_seconds()


def time_ns():
    return time() * 1000000000


def gmtime(seconds=None):
    """(year, month, day, hour, minute, second, weekday 0 = Monday, day of the year) as on the
    ESP32.
    """
    if seconds is None:
        seconds = time()
    days, rest = seconds // _DAY_S, seconds % _DAY_S
    year = 2000
    while True:
        length = 366 if _leap(year) else 365
        if days < length:
            break
        days -= length
        year += 1
    yearday = days + 1
    month = 1
    while days >= _month_days(year, month):
        days -= _month_days(year, month)
        month += 1
    weekday = (seconds // _DAY_S + 5) % 7
    return (year, month, days + 1, rest // 3600, rest // 60 % 60, rest % 60, weekday, yearday)


localtime = gmtime


def mktime(fields):
    """Seconds since 2000-01-01 of a gmtime tuple."""
    year, month, day, hour, minute, second = fields[:6]
    days = day - 1
    for y in range(2000, year):
        days += 366 if _leap(y) else 365
    for m in range(1, month):
        days += _month_days(year, m)
    return ((days * 24 + hour) * 60 + minute) * 60 + second


def _leap(year):
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _month_days(year, month):
    if month == 2:
        return 29 if _leap(year) else 28
    return 30 if month in (4, 6, 9, 11) else 31
