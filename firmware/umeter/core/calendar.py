"""Local time: what the clock on the wall shows, and what the calendar makes of it.

The zone is a POSIX TZ text (IEEE 1003.1, chapter 8) whose rules have the form
Mmonth.week.weekday/time. Transient: imported for the work of a turn, and forgotten.
"""

from micropython import const

# Days count from 2020-01-01. Inside, years begin in March, so that the odd day is the last one of
# its year: 2016-03-01 lies this many days before.
_SHIFT = const(1401)
_LONG_AGO = const(-0x20000000)
_LATER = const(100_000)  # minutes; a change that is farther off is found when it is nearer


def day_of(year, month, dom):
    """Days since 2020-01-01 of a date, 2016-03-01 .. 2100-02-28. Month 13 is the next January."""
    year -= 2017 if month < 3 else 2016
    return 365 * year + year // 4 + (153 * ((month - 3) % 12) + 2) // 5 + dom - (1 + _SHIFT)


def date(day):
    """(year, month, day of the month) of days since 2020-01-01."""
    cycle, day = divmod(day + _SHIFT, 1461)
    year = min(day // 365, 3)
    day -= 365 * year
    month = (5 * day + 2) // 153
    dom = day - (153 * month + 2) // 5 + 1
    return 2016 + 4 * cycle + year + month // 10, (month + 2) % 12 + 1, dom


def zone(text):
    """(minutes east of UTC in winter, the same in summer, rules) of a TZ text.

    rules: none or those of summer's start and end, each (month, week, weekday from Sunday 0,
    minute of that day by the time that ends then). ValueError with a sentence for people.
    """
    try:
        head, *rules = text.split(",")
        offset, rest = _named(head)
        winter = summer = -_minutes(offset, 24)
        if rest or rules:
            offset, rest = _named(rest)
            summer = -_minutes(offset, 24) if offset else winter + 60
            if rest:
                raise ValueError
            start, end = rules
            rules = (_rule(start), _rule(end))
        return winter, summer, rules
    except (ValueError, IndexError):
        raise ValueError("must be a POSIX zone, as GMT0BST,M3.5.0/1,M10.5.0/2")


def _named(text):
    """(offset, what follows) of a text that begins with a zone's name: letters, or <+0330>."""
    end = 0
    least = 3
    if text[0] == "<":
        end = text.index(">") + 1
        least = 5
    else:
        while text[end : end + 1].isalpha():
            end += 1
    if end < least:
        raise ValueError
    rest = text[end:].lstrip("+-:0123456789")
    return text[end : len(text) - len(rest)], rest


def _rule(text):
    day, slash, time = text.partition("/")
    month, week, weekday = day[1:].split(".")
    if text[0] != "M":
        raise ValueError
    return (
        _number(month, 1, 12),
        _number(week, 1, 5),
        _number(weekday, 0, 6),
        _minutes(time, 167) if slash else 120,
    )


def _minutes(text, hours):
    """Minutes of [+-]hh[:mm], at most so many hours."""
    sign = text[0]
    if sign in "+-":
        text = text[1:]
    hour, colon, minute = text.partition(":")
    minutes = _number(hour, 0, hours) * 60
    if colon:
        minutes += _number(minute, 0, 59)
    return -minutes if sign == "-" else minutes


def _number(text, low, high):
    number = int(text) if text.isdigit() else -1
    if not low <= number <= high:
        raise ValueError
    return number


class Now:
    """A moment in local time.

    day: since 2020-01-01. minute: of the day. weekday: 1 Monday .. 7. week: 1 is that of
    2020-01-01, from Monday. month: year * 12 + 0 .. 11. mmdd: date in the year. special: one of
    the special days. kind: 0 workday, 1 weekend, 2 special day.
    """

    def __init__(self, doc, when):
        winter, summer, rules = zone(doc.get("tz"))
        self._utc = utc = when // 60
        shift = winter
        since = _LONG_AGO
        until = utc + _LATER
        year = date(utc // 1440)[0]
        # A rule's time may reach into the next year or the last.
        for y in (year - 1, year, year + 1):
            ends, begins = winter, summer
            for month, week, weekday, minute in rules:
                day = day_of(y, month, 1)
                day += (weekday - day - 3) % 7 + 7 * week - 7
                if day >= day_of(y, month + 1, 1):  # week 5 is the last, which may be the fourth
                    day -= 7
                change = day * 1440 + minute - ends
                if change > utc:
                    until = min(until, change)
                elif change > since:
                    since = change
                    shift = begins
                ends, begins = begins, ends
        self._until = until
        self.day, self.minute = divmod(utc + shift, 1440)
        year, month, dom = date(self.day)
        self.weekday = (self.day + 2) % 7 + 1
        self.week = (self.day + 2) // 7 + 1
        self.month = year * 12 + month - 1
        self.mmdd = month * 100 + dom
        days = doc.get("special_days")
        self.special = self.mmdd in days or year * 10_000 + self.mmdd in days
        self.kind = 2 if self.special else 1 if self.weekday in doc.get("weekend") else 0

    def at(self, minute):
        """`when` of a minute to come of this day, 1440 being midnight; or that of the change to
        or from summer time, if that comes first.
        """
        return min(self._utc + minute - self.minute, self._until) * 60


def now(doc, when):
    """The Now of `when` (seconds since 2020); None while that is not trusted, which is 0."""
    return Now(doc, when) if when else None


def spans(rows, now):
    """(the first row [days, from, to, ..] in force or None, the next minute of the day, at most
    1440, at which that may change). Times are HHMM. A special day follows the rows with an 8 in
    their days and no others.
    """
    digit = "8" if now.special else str(now.weekday)
    time = now.minute // 60 * 100 + now.minute % 60
    found = None
    until = 2400
    for row in rows:
        if digit in row[0]:
            if row[1] > time:
                until = min(until, row[1])
            elif row[2] > time:
                until = min(until, row[2])
                found = found or row
    return found, until // 100 * 60 + until % 100
