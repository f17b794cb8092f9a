"""Local time against zoneinfo: named zones, hops from change to change, and slots of a day."""

import importlib.util
import json
import random
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from thoroughness import share
from umeter.core import calendar
from umeter.core.settings_table import Document
from vectors import time_vectors
from vectors.time_vectors import DAY_S, EPOCH, ZONES, changes, day_number, local_of, zone_of

SCRIPT = Path(__file__).resolve().parents[1] / "micropython" / "scripts" / "time_vectors.py"
YEARS_S = 34 * 365 * DAY_S


def load_script():
    spec = importlib.util.spec_from_file_location("time_vectors_script", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def document(text="UTC0", **changed):
    return Document(dict(changed, tz=text))


def when_of(*fields, tz="UTC0"):
    local = datetime(*fields, tzinfo=zone_of(tz))
    return int((local - EPOCH).total_seconds())


@pytest.mark.parametrize("seed", share([1, 2, 3], [1]))
def test_time_and_tariffs_are_what_zoneinfo_and_brute_force_say(seed):
    vectors = time_vectors.build(seed)
    results = json.loads(load_script().run(json.dumps(vectors["cases"])))
    for case, result, expected in zip(vectors["cases"], results, vectors["expected"], strict=True):
        assert result == expected, case["doc"]


def test_vectors_are_repeatable_and_differ_by_seed():
    few = {"moments": 5, "tariffs": 1, "days": 3}
    assert time_vectors.build(7, **few) == time_vectors.build(7, **few)
    assert time_vectors.build(7, **few) != time_vectors.build(8, **few)


@pytest.mark.parametrize("name", [name for name in ZONES if name != "Africa/Cairo"])
def test_the_texts_are_those_of_the_named_zones(name):
    try:
        zone = ZoneInfo(name)
    except KeyError:
        pytest.skip("this machine has no time zone database")
    doc = document(ZONES[name])
    for when in range(1, when_of(2037, 12, 31), 27 * 3600 + 1):
        local = local_of(zone, when)
        now = calendar.now(doc, when)
        assert (now.day, now.minute) == (day_number(local), local.hour * 60 + local.minute)


@pytest.mark.parametrize("text", ZONES.values())
def test_at_is_that_minute_or_the_change_of_the_clock_before_it(text):
    rng = random.Random(text)
    zone = zone_of(text)
    doc = document(text)
    near = [change - rng.randrange(1, DAY_S) for change in changes(text, 34)]
    for when in near + [rng.randrange(1, YEARS_S) for _ in range(100)]:
        now = calendar.now(doc, when)
        change = next((c for c in changes(text, 34) if c > when), YEARS_S * 2)
        for minute in (now.minute + 1, rng.randrange(now.minute + 1, 1441), 1440):
            at = now.at(minute)
            assert when < at <= change
            if at < change:
                midnight = datetime.combine(local_of(zone, when).date(), datetime.min.time())
                aimed = midnight + timedelta(minutes=minute)
                assert local_of(zone, at).replace(tzinfo=None) == aimed


@pytest.mark.parametrize("text", ZONES.values())
def test_who_follows_at_meets_every_midnight_and_every_change(text):
    doc = document(text)
    zone = zone_of(text)
    start = when = when_of(2027, 12, 30)
    met = []
    while when < when_of(2029, 1, 3):
        when = calendar.now(doc, when).at(1440)
        met.append(when)
    first, *days = [day_number(local_of(zone, at)) for at in (start, *met)]
    assert sorted(set(days)) == list(range(first + 1, days[-1] + 1))
    odd = {at for at, day, last in zip(met, days, [first, *days], strict=False) if day == last}
    clock = {change for change in changes(text, 10) if start < change < when}
    assert odd <= clock <= set(met)


def test_the_night_without_midnight_and_the_day_with_25_hours():
    """Cairo's summer begins at the midnight that Friday lacks, and ends with a second 23:00."""
    text = ZONES["Africa/Cairo"]
    doc = document(text)
    spring = when_of(2024, 4, 25, 22)
    now = calendar.now(doc, spring - 1)
    assert (now.mmdd, now.minute, now.at(1440)) == (425, 1439, spring)
    now = calendar.now(doc, spring)
    assert (now.mmdd, now.minute) == (426, 60)
    autumn = when_of(2024, 10, 31, 21)
    now = calendar.now(doc, autumn - 1)
    assert (now.mmdd, now.minute, now.at(1440)) == (1031, 1439, autumn)
    now = calendar.now(doc, autumn)
    assert (now.mmdd, now.minute, now.at(1440)) == (1031, 1380, autumn + 3600)


def test_a_rule_may_reach_into_the_next_year_and_the_last():
    """So many hours after December's last Friday, and before January's first."""
    doc = document("AAA0BBB,M6.1.0,M12.5.5/167")
    assert calendar.now(doc, when_of(2028, 1, 5)).minute == 60
    assert calendar.now(doc, when_of(2027, 1, 5)).minute == 0
    doc = document("AAA0BBB,M1.1.5/-160,M6.1.0")
    for day in ((2027, 12, 31), (2025, 12, 26)):
        assert calendar.now(doc, when_of(*day, 7, 59)).minute == 479
        assert calendar.now(doc, when_of(*day, 8)).minute == 540


def test_dates_and_day_numbers_are_inverse_to_2100():
    first = EPOCH.date()
    for day in range((datetime(2100, 2, 28).date() - first).days + 1):
        known = first + timedelta(days=day)
        assert calendar.date(day) == (known.year, known.month, known.day)
        assert calendar.day_of(known.year, known.month, known.day) == day
    assert calendar.day_of(2027, 13, 1) == calendar.day_of(2028, 1, 1)


def test_without_a_clock_there_is_no_now():
    assert calendar.now(document(), 0) is None


def test_special_days_are_of_one_year_or_of_every():
    doc = document(special_days=[1225, 20280229])
    special = [
        calendar.now(doc, when_of(*date)).kind
        for date in ((2027, 12, 25), (2028, 12, 25), (2028, 2, 29), (2032, 2, 29), (2028, 2, 28))
    ]
    assert special == [2, 2, 2, 1, 0]


@pytest.mark.parametrize(
    "text, zone",
    [
        ("UTC0", (0, 0)),
        ("CST-8", (480, 480)),
        ("<-03>+3", (-180, -180)),
        ("<+0545>-5:45", (345, 345)),
        ("EST5EDT,M3.2.0,M11.1.0", (-300, -240, (3, 2, 0, 120), (11, 1, 0, 120))),
        ("AAA0BBB-0:30,M1.1.6/-2:05,M12.5.0/+24", (0, 30, (1, 1, 6, -125), (12, 5, 0, 1440))),
    ],
)
def test_zone_reads_a_posix_text(text, zone):
    winter, summer, rules = calendar.zone(text)
    assert (winter, summer, *rules) == zone


@pytest.mark.parametrize(
    "text",
    [
        "",
        "UTC",
        "UT0",
        "<+1>0",
        "<+010",
        "Europe/London",
        "UTC0,",
        "UTC25",
        "UTC+-1",
        "UTC1:60",
        "UTC1:",
        "UTC1:00:00",
        "UTC 0",
        "GMT0BST",
        "GMT0<BST,M3.5.0,M10.5.0",
        "GMT0,M3.5.0,M10.5.0",
        "GMT0BST,M3.5.0",
        "GMT0BST,M3.5.0,M10.5.0,M11.1.0",
        "GMT0BST1x,M3.5.0,M10.5.0",
        "GMT0BST,J60,J300",
        "GMT0BST,60,300",
        "GMT0BST,N3.5.0,M10.5.0",
        "GMT0BST,M3.5,M10.5.0",
        "GMT0BST,M0.5.0,M10.5.0",
        "GMT0BST,M3.5.0,M13.5.0",
        "GMT0BST,M3.6.0,M10.5.0",
        "GMT0BST,M3.0.0,M10.5.0",
        "GMT0BST,M3.5.7,M10.5.0",
        "GMT0BST,M3.5.0/,M10.5.0",
        "GMT0BST,M3.5.0/168,M10.5.0",
        "GMT0BST,M3.-5.0,M10.5.0",
    ],
)
def test_zone_refuses_with_a_sentence(text):
    with pytest.raises(ValueError, match=r"must be a POSIX zone, as GMT0BST,M3\.5\.0/1,M10\.5\.0"):
        calendar.zone(text)


def spans_by_hand(rows, now, minute):
    day = "8" if now.special else str(now.weekday)
    hhmm = minute // 60 * 100 + minute % 60
    return next((row for row in rows if day in row[0] and row[1] <= hhmm < row[2]), None)


def test_spans_are_what_each_minute_of_the_day_says():
    rng = random.Random(5)
    for _ in range(12):
        times = [0, 2400] + [m // 60 * 100 + m % 60 for m in rng.sample(range(1, 1440), 8)]
        rows = [
            [
                "".join(rng.sample("12345678", rng.randrange(1, 9))),
                *sorted(rng.sample(times, 2)),
                n,
            ]
            for n in range(rng.randrange(7))
        ]
        day = when_of(2028, 1, 1) + rng.randrange(14) * DAY_S
        doc = document(special_days=[101])
        minute = hops = 0
        while minute < 1440:
            now = calendar.now(doc, day + minute * 60)
            row, until = calendar.spans(rows, now)
            assert minute < until <= 1440
            assert all(spans_by_hand(rows, now, m) == row for m in range(minute, until))
            minute = until
            hops += 1
        assert hops <= 2 * len(rows) + 1


def test_a_special_day_has_its_own_slots_and_no_others():
    rows = [["1234567", 900, 1700], ["8", 1100, 2400]]
    doc = document(special_days=[1225])
    workday = calendar.now(doc, when_of(2028, 12, 26, 9, 30))
    assert calendar.spans(rows, workday) == (rows[0], 17 * 60)
    christmas = calendar.now(doc, when_of(2028, 12, 25, 9, 30))
    assert calendar.spans(rows, christmas) == (None, 11 * 60)
    evening = calendar.now(doc, when_of(2028, 12, 25, 23, 59))
    assert calendar.spans(rows, evening) == (rows[1], 1440)
    assert calendar.spans([], workday) == (None, 1440)
