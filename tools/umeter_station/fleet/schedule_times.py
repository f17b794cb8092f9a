"""When a schedule is due: `every 15 min`, `daily 06:00`, `weekly mon 06:00`, `monthly 1 06:00`.

Every so often counts from midnight UTC of 1970, so that a restart shifts nothing. The others are
by the clock on the wall of a time zone: an hour that is left out in spring is made up for right
after the gap, one that comes twice in autumn counts the first time.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from umeter_station.errors import StationError

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EVERY = re.compile(r"every ([1-9][0-9]{0,3}) ?(min|h|d)", re.ASCII)
_AT = re.compile(
    r"(?:(daily)|weekly (mon|tue|wed|thu|fri|sat|sun)|monthly ([1-9]|1[0-9]|2[0-8]))"
    r" ([01][0-9]|2[0-3]):([0-5][0-9])",
    re.ASCII,
)
_UNITS_S = {"min": 60, "h": 3_600, "d": 86_400}
_MOST_S = 31 * 86_400


@dataclass(frozen=True)
class Times:
    """`every_s` 0: on `weekday` (from 0, Monday), `day` of the month, or each day at `minute`."""

    tz: ZoneInfo
    every_s: int = 0
    minute: int = 0
    weekday: int | None = None
    day: int | None = None

    def next(self, after_s: int) -> int:
        """The first moment later than `after_s`."""
        if self.every_s:
            return (after_s // self.every_s + 1) * self.every_s
        # One day early: its moment may lie behind a gap.
        date = datetime.fromtimestamp(after_s, self.tz).date() - timedelta(days=1)
        while True:
            if self.weekday in (None, date.weekday()) and self.day in (None, date.day):
                naive = datetime(date.year, date.month, date.day, *divmod(self.minute, 60))
                at_s = self._unix_s(naive)
                if at_s > after_s:
                    return at_s
            date += timedelta(days=1)

    def between(self, after_s: int, until_s: int, most: int = 10_000) -> int:
        """How many moments there are later than `after_s` and up to `until_s`, `most` at most."""
        if self.every_s:
            return min(most, max(0, until_s // self.every_s - after_s // self.every_s))
        number, at_s = 0, self.next(after_s)
        while at_s <= until_s and number < most:
            number, at_s = number + 1, self.next(at_s)
        return number

    def _unix_s(self, naive: datetime) -> int:
        """Of a time that the wall's clock skips, the moment at which it goes on."""
        at_s = int(naive.replace(tzinfo=self.tz).timestamp())
        if datetime.fromtimestamp(at_s, self.tz).replace(tzinfo=None) == naive:
            return at_s
        low_s, high_s = at_s - 86_400, at_s
        before = datetime.fromtimestamp(low_s, self.tz).utcoffset()
        while high_s - low_s > 1:  # where the offset changes
            middle_s = (low_s + high_s) // 2
            if datetime.fromtimestamp(middle_s, self.tz).utcoffset() == before:
                low_s = middle_s
            else:
                high_s = middle_s
        return high_s


def parse(every: str, tz: str = "UTC") -> Times:
    try:
        zone = ZoneInfo(tz)
    except (KeyError, OSError, ValueError):
        raise StationError(
            f"{tz!r} is no time zone; name one of the IANA list, as Europe/Berlin."
        ) from None
    text = " ".join(every.lower().split())
    found = _EVERY.fullmatch(text)
    if found:
        every_s = int(found[1]) * _UNITS_S[found[2]]
        if every_s > _MOST_S:
            raise StationError("A schedule comes at least once in 31 days; use monthly 1 06:00.")
        return Times(zone, every_s)
    found = _AT.fullmatch(text)
    if not found:
        raise StationError(
            f"{every!r} is no schedule; write `every 15 min`, `daily 06:00`, `weekly mon 06:00`"
            " or `monthly 1 06:00`."
        )
    return Times(
        zone,
        minute=int(found[4]) * 60 + int(found[5]),
        weekday=_DAYS.index(found[2]) if found[2] else None,
        day=int(found[3]) if found[3] else None,
    )


def due_text(at_s: int, tz: str) -> str:
    return datetime.fromtimestamp(at_s, UTC).astimezone(ZoneInfo(tz)).strftime("%a %d %b %H:%M %Z")
