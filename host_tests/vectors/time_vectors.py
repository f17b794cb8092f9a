"""Vectors for local time and tariffs: seeded cases, and what zoneinfo and brute force say.

`build()` gives {"cases", "expected"}, as core_vectors does. Moments are seconds since 2020. The
oracle of tariffs walks in steps of five minutes, on which all of a case's times lie.
"""

import io
import random
import struct
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
EPOCH_S = int(EPOCH.timestamp())
ZONES = {
    "Europe/London": "GMT0BST,M3.5.0/1,M10.5.0",
    "Europe/Berlin": "CET-1CEST,M3.5.0,M10.5.0/3",
    "Europe/Dublin": "IST-1GMT0,M10.5.0,M3.5.0/1",  # its winter time is the one that differs
    "America/New_York": "EST5EDT,M3.2.0,M11.1.0",
    "America/St_Johns": "NST3:30NDT,M3.2.0,M11.1.0",
    "Australia/Sydney": "AEST-10AEDT,M10.1.0,M4.1.0/3",
    "Australia/Lord_Howe": "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
    "Asia/Shanghai": "CST-8",
    "Asia/Kathmandu": "<+0545>-5:45",
    "Africa/Cairo": "EET-2EEST,M4.5.5/0,M10.5.4/24",  # a rule only since 2023
}
SLICE_S = 300
UNITS_PER_WH = 36_000_000
UNITS_PER_KWH = 36_000_000_000
DAY_S = 86_400


@cache
def zone_of(text):
    """A tzinfo of zoneinfo that follows a POSIX TZ text: a file that holds nothing else."""
    head = b"TZif2" + bytes(15) + struct.pack(">6l", 0, 0, 0, 0, 1, 4)
    part = head + struct.pack(">lbb", 0, 0, 0) + b"UTC\0"
    return ZoneInfo.from_file(io.BytesIO(part + part + b"\n" + text.encode() + b"\n"))


def local_of(zone, when):
    return (EPOCH + timedelta(seconds=when)).astimezone(zone)


@cache
def changes(text, years):
    """All moments of the first years at which the offset from UTC changes."""
    zone = zone_of(text)
    found = []
    for day in range(365 * years):
        low, high = day * DAY_S, (day + 1) * DAY_S
        offset = local_of(zone, low).utcoffset()
        if local_of(zone, high).utcoffset() == offset:
            continue
        while high - low > 1:
            middle = (low + high) // 2
            if local_of(zone, middle).utcoffset() == offset:
                low = middle
            else:
                high = middle
        found.append(high)
    return found


def day_number(local):
    """Days since 2020-01-01 of a local date."""
    return local.date().toordinal() - EPOCH.date().toordinal()


def kind_of(doc, local):
    """0 workday, 1 weekend, 2 special day."""
    days = doc.get("special_days", [])
    mmdd = local.month * 100 + local.day
    if mmdd in days or local.year * 10_000 + mmdd in days:
        return 2
    return 1 if local.isoweekday() in doc.get("weekend", [6, 7]) else 0


def fields(doc, local):
    """What calendar.Now is to tell, in the order in which the script does."""
    monday = local.date() - timedelta(days=local.isoweekday() - 1)
    return [
        day_number(local),
        local.hour * 60 + local.minute,
        local.isoweekday(),
        (monday - datetime(2019, 12, 23).date()).days // 7,
        local.year * 12 + local.month - 1,
        local.month * 100 + local.day,
        kind_of(doc, local),
    ]


def build(seed=1, moments=60, tariffs=6, days=70):
    """Deterministic for a seed; JSON types only. moments: of each zone, beside the odd ones."""
    rng = random.Random(seed)
    cases = []
    expected = []
    for text in ZONES.values():
        case, result = _moments(rng, text, moments)
        cases.append(case)
        expected.append(result)
    for _ in range(tariffs):
        case, result = _tariff(rng, days)
        cases.append(case)
        expected.append(result)
    return {"cases": cases, "expected": expected}


def _moments(rng, text, count):
    zone = zone_of(text)
    whens = [rng.randrange(1, 1 << 30) for _ in range(count)]
    ends = list(changes(text, 34))
    for year in range(2020, 2054):
        ends += [
            int((datetime(year, month, day, tzinfo=zone) - EPOCH).total_seconds())
            for month, day in ((1, 1), (3, 1), (12, 31), (rng.randrange(1, 13), 1))
        ]
    whens += [end + apart for end in rng.sample(ends, count) for apart in (-1, 0, 59, 60, 3600)]
    whens = [when for when in whens if when > 0]
    doc = {
        "tz": text,
        "weekend": rng.choice(([6, 7], [5, 6], [7], [])),
        "special_days": [101, 1225, 229, rng.choice(range(20220301, 20220331))],
    }
    result = [fields(doc, local_of(zone, when)) for when in whens]
    return {"kind": "moments", "doc": doc, "whens": whens}, result


def _price(rng):
    return rng.choice((0, 1, rng.randrange(1_000_000), rng.randrange(10**8), 99_999_999))


def _table(rng, rates):
    starts = sorted(rng.sample(range(1, 288), rng.randrange(14)))
    minutes = [0] + [5 * start for start in starts]
    return [[m // 60 * 100 + m % 60, rng.randrange(1, rates + 1)] for m in minutes]


def tariff_object(rng):
    """Any tariff that the settings allow."""
    rates = rng.randrange(1, 5)
    blocks = rng.randrange(1, 5)
    made = {"prices": [[_price(rng) for _ in range(rates)] for _ in range(blocks)]}
    if blocks > 1:
        made["blocks_kwh"] = sorted(rng.sample(range(1, 400), blocks - 1))
    if rng.random() < 0.8:
        seasons = rng.randrange(5)
        if seasons:
            dates = [100 * month + rng.randrange(1, 29) for month in range(1, 13)]
            made["seasons"] = sorted(rng.sample(dates, seasons))
        made["tables"] = [
            [_table(rng, rates) for _ in range(rng.randrange(1, 4))]
            for _ in range(max(1, seasons))
        ]
    if rng.random() < 0.5:
        made["fallback"] = rng.randrange(1, rates + 1)
    return made


def _tariff(rng, days):
    text = rng.choice(list(ZONES.values()))
    start = rng.randrange(3 * 365, 30 * 365) * DAY_S
    if changes(text, 34) and rng.random() < 0.6:
        start = rng.choice(changes(text, 34)[:-1]) - rng.randrange(1, days) * DAY_S
    start = max(SLICE_S, start // SLICE_S * SLICE_S)
    doc = {"tz": text, "price_u_per_kwh": _price(rng), "tariff": tariff_object(rng)}
    doc["special_days"] = [rng.randrange(1, 13) * 100 + d for d in rng.sample(range(1, 29), 9)]
    for level in ("", "ch.3."):
        if rng.random() < 0.6:
            at = start + rng.randrange(days * DAY_S) // SLICE_S * SLICE_S
            doc[level + "next_tariff"] = dict(tariff_object(rng), **{"from": EPOCH_S + at})
    if rng.random() < 0.3:
        doc["ch.3." + rng.choice(("price_u_per_kwh", "tariff"))] = None
    if rng.random() < 0.3:
        doc["ch.3.price_u_per_kwh"] = _price(rng)
    steps = []
    left = days * DAY_S // SLICE_S
    while left > 0:
        slices = min(left, rng.choice((1, 7, 50, rng.randrange(1, 600))))
        left -= slices
        power_dw = rng.choice((0, 3, rng.randrange(1, 20_000), rng.randrange(1, 250_000)))
        steps.append([slices * SLICE_S, power_dw, int(rng.random() < 0.9)])
    steps[0][2] = 1
    register = [rng.randrange(10**6), rng.randrange(UNITS_PER_WH)]
    case = {
        "kind": "tariff",
        "doc": {key: value for key, value in doc.items() if value is not None},
        "when": start,
        "register": register,
        "steps": steps,
    }
    return case, Bill(case).run()


class Bill:
    """What channel 3 pays in a case, slice by slice, in exact arithmetic."""

    def __init__(self, case):
        self._case = case
        self._doc = case["doc"]
        self._zone = zone_of(self._doc["tz"])
        self._register = case["register"][0] * UNITS_PER_WH + case["register"][1]
        self._rates = [self._register, 0, 0, 0]  # units; what was before is the first rate's
        self._due = 0  # units times price
        self._month = self._month_wh = 0

    def run(self):
        """After each step: charged micro-units, rate registers as [wh, rest]."""
        told = []
        when = known = self._case["when"]
        for seconds, power_dw, trusted in self._case["steps"]:
            for start in range(when, when + seconds, SLICE_S):
                local = local_of(self._zone, start) if trusted else None
                self._use(power_dw * SLICE_S * 1000, start if trusted else known, local)
            when += seconds
            if trusted:
                known = when
            rates = [list(divmod(units, UNITS_PER_WH)) for units in self._rates]
            told.append([self._due // UNITS_PER_KWH, rates])
        return told

    def _use(self, units, when, local):
        if local is not None and self._month != (local.year, local.month):
            self._month = (local.year, local.month)
            self._month_wh = self._register // UNITS_PER_WH
        tariff = self._in_force(when)
        rate = self._rate(tariff, local)
        self._rates[rate] += units
        ends = [
            (self._month_wh + kwh * 1000) * UNITS_PER_WH for kwh in tariff.get("blocks_kwh", [])
        ]
        begin, end = self._register, self._register + units
        edges = [0, *ends, 1 << 80]
        for block, row in enumerate(tariff["prices"]):
            low, high = max(begin, edges[block]), min(end, edges[block + 1])
            self._due += max(0, high - low) * row[rate]
        self._register = end

    def _in_force(self, when):
        for level in ("ch.3.", ""):
            follows = self._doc.get(level + "next_tariff")
            if follows and when + EPOCH_S >= follows["from"]:
                return follows
            if level + "tariff" in self._doc:
                return self._doc[level + "tariff"]
            if level + "price_u_per_kwh" in self._doc:
                return {"prices": [[self._doc[level + "price_u_per_kwh"]]]}
        raise AssertionError("all have a price")

    def _rate(self, tariff, local):
        tables = tariff.get("tables")
        if local is None or not tables:
            return tariff.get("fallback", 1) - 1
        mmdd = local.month * 100 + local.day
        seasons = tariff.get("seasons", [0])
        begun = [number for number, start in enumerate(seasons) if start <= mmdd]
        kinds = tables[begun[-1] if begun else len(seasons) - 1]
        kind = kind_of(self._doc, local)
        table = kinds[kind] if kind < len(kinds) else kinds[-1]
        return [rate for hhmm, rate in table if hhmm <= local.hour * 100 + local.minute][-1] - 1
