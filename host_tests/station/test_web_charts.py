"""Charts' numbers: sums are kept, gaps are gaps, days are as long as the clock makes them."""

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chart_kit import BERLIN, DAY_S, drawn, put, quarters, report
from station_kit import NOW_S, new_database
from umeter_station import meters
from umeter_station.desk import tariffs
from umeter_station.errors import StationError
from umeter_station.models import events
from umeter_station.web.charts import buckets, figures, rates
from umeter_station.web.charts.energy import Source
from umeter_station.web.charts.figures import Asked

SPRING_S = int(datetime(2027, 3, 28, tzinfo=BERLIN).timestamp())
AUTUMN_S = int(datetime(2026, 10, 25, tzinfo=BERLIN).timestamp())


@pytest.fixture
def db(tmp_path):
    db = new_database(tmp_path, "m1", "m2")
    yield db
    db.close()


_ZONES = [ZoneInfo(name) for name in ("Europe/Berlin", "Asia/Kolkata", "America/Havana")] + [UTC]


@settings(max_examples=60, deadline=None)
@given(
    where=st.sampled_from(_ZONES),
    start=st.sampled_from([SPRING_S, AUTUMN_S, NOW_S // 900 * 900]),
    shift=st.integers(-300, 300),
    rows=st.lists(
        st.one_of(st.none(), st.tuples(st.integers(0, 65_535), st.booleans())), max_size=300
    ),
    step=st.sampled_from(["", "quarter", "hour", "day", "month"]),
    ends=st.tuples(st.integers(-50, 200), st.integers(1, 400)),
)
def test_what_is_drawn_is_what_the_intervals_say(
    tmp_path_factory, where, start, shift, rows, step, ends
):
    """Against a count one by one, with the calendar asked for each interval."""
    first_s = start + 900 * shift
    kept = [(first_s + 900 * i, *row) for i, row in enumerate(rows) if row is not None]
    from_s = first_s + 900 * ends[0]
    until_s = from_s + 900 * ends[1]
    db = _shared(tmp_path_factory)
    with db.write() as conn:
        conn.exec_driver_sql("DROP TRIGGER IF EXISTS intervals_no_delete")
        conn.exec_driver_sql("DELETE FROM intervals")
        put(conn, [(at_s + 900, 15, wh, estimated) for at_s, wh, estimated in kept])
        data = drawn(conn, from_s, until_s, where, step=step)
    sums, guessed = {}, set()
    for at_s, wh, estimated in kept:
        if from_s <= at_s and at_s + 900 <= until_s:
            piece = _piece(at_s, data["step"], where)
            sums[piece] = sums.get(piece, 0) + wh
            guessed |= {piece} if estimated else set()
    pieces = [_piece(max(t, from_s), data["step"], where) for t in data["t"]]
    assert len(set(pieces)) == len(pieces)
    told = {p: wh for p, wh in zip(pieces, data["wh"], strict=True) if wh is not None}
    assert told == sums
    assert {pieces[i] for i in data["estimated"]} == guessed
    assert data["t"] == sorted(data["t"]) and data["end"] >= until_s


_databases = {}


def _shared(tmp_path_factory):
    if "db" not in _databases:
        _databases["db"] = new_database(tmp_path_factory.mktemp("charts"), "m1")
    return _databases["db"]


def _piece(at_s, step, where):
    local = datetime.fromtimestamp(at_s, UTC).astimezone(where)
    if step == "month":
        return local.year, local.month
    if step == "day":
        return local.date()
    return at_s // 900 if step == "quarter" else (local.date(), local.hour, local.fold)


@pytest.mark.parametrize(("start_s", "hours"), [(SPRING_S, 23), (AUTUMN_S, 25)])
def test_a_day_has_the_hours_that_the_clock_gives_it(db, start_s, hours):
    end_s = buckets.midnight_s(start_s, BERLIN, 1)
    assert end_s - start_s == hours * 3600
    with db.write() as conn:
        put(conn, quarters(start_s - DAY_S, 3 * 96))
        days = drawn(conn, start_s, end_s, step="day")
        each = drawn(conn, start_s, end_s, step="hour")
    assert days["wh"] == [hours * 400] and days["t"] == [start_s] and days["end"] == end_s
    assert each["wh"] == [400] * hours


def test_what_is_missing_is_a_gap_or_told_of(db):
    rows = quarters(SPRING_S - 2 * DAY_S, 96)
    lacking = rows[:40] + rows[44:60]  # an hour, and the evening
    with db.write() as conn:
        put(conn, lacking)
        data = drawn(conn, SPRING_S - 2 * DAY_S, SPRING_S, step="hour")
    assert data["wh"] == [400] * 10 + [None] + [400] * 4 + [None] * 33
    assert data["partial"] == []
    with db.write() as conn:
        data = drawn(conn, SPRING_S - 2 * DAY_S, SPRING_S, step="day")
    # What is to come yet is not missing; the hour is.
    assert data["wh"] == [5600, None] and data["partial"] == [0]


def test_intervals_of_no_known_time_and_of_before_are_not_drawn(db):
    with db.write() as conn:
        put(conn, [(0, 15, 7, False), *quarters(SPRING_S, 8)])
        data = drawn(conn, SPRING_S - 900, SPRING_S + DAY_S, step="month", since_s=SPRING_S + 1000)
    # The interval that somebody moved in during is not all theirs.
    assert [wh for wh in data["wh"] if wh is not None] == [600]


def _year(conn, wh=250):
    start_s = int(datetime(2026, 1, 1, tzinfo=BERLIN).timestamp())
    end_s = int(datetime(2027, 1, 1, tzinfo=BERLIN).timestamp())
    put(conn, quarters(start_s, (end_s - start_s) // 900, wh))
    return start_s, end_s


TARIFF = {
    "prices": [[300_000, 200_000], [450_000, 350_000]],
    "blocks_kwh": [100],
    "tables": [[[[0, 2], [700, 1], [2200, 2]]]],
    "seasons": [101],
}


def test_a_year_is_small(db):
    with db.write() as conn:
        start_s, end_s = _year(conn)
        report(conn, tariff=TARIFF, tz="CET-1CEST,M3.5.0,M10.5.0/3")
        happened = [
            {"meter": "m1", "n": n, "boot": 1, "ch": 1, "a": 1 << n % 8, "b": 0}
            | {"t": start_s + n * 9_000, "received_at": start_s, "code": code}
            for n, code in enumerate(["contact.open", "contact.close"] * 600, start=1)
        ]
        conn.execute(events.insert(), happened)
        data = drawn(conn, start_s, end_s)
    assert len(data["t"]) == 365 and data["step"] == "day" and len(data["rates"]) == 2
    assert sum(data["wh"]) == 250 * (end_s - start_s) // 900
    assert len(json.dumps(data, separators=(",", ":")).encode()) <= 40_960


def test_energy_costs_what_its_hour_and_the_month_say(db):
    start_s = int(datetime(2026, 10, 1, tzinfo=BERLIN).timestamp())
    end_s = int(datetime(2026, 11, 1, tzinfo=BERLIN).timestamp())
    with db.write() as conn:
        report(conn, tariff=TARIFF, tz="CET-1CEST,M3.5.0,M10.5.0/3")
        put(conn, quarters(start_s, (end_s - start_s) // 900, 50))
        data = drawn(conn, start_s, end_s)
        later = drawn(conn, end_s - DAY_S, end_s, step="day")
    used_wh, cost_mu, by_rate = 0, 0, [0, 0]
    for at_s in range(start_s, end_s, 900):
        rate = 0 if 7 <= datetime.fromtimestamp(at_s, BERLIN).hour < 22 else 1
        for _ in range(50):
            cost_mu += TARIFF["prices"][used_wh >= 100_000][rate]
            used_wh += 1
        by_rate[rate] += 50
    assert [sum(rate) for rate in data["rates"]] == by_rate
    assert 0 <= cost_mu // 1000 - sum(data["cost_u"]) <= 31  # each day is rounded down
    # A later part of the month knows in which block it is.
    assert later["cost_u"] == data["cost_u"][-1:]


def test_a_tariff_counts_from_when_the_channel_was_given_it(db):
    day_s = SPRING_S - 10 * DAY_S
    with db.write() as conn:
        report(conn, price_u_per_kwh=100_000)
        known = meters.get(conn, "m1")
        old = tariffs.save(conn, "old", {"price_u_per_kwh": 200_000}, "system", day_s)
        new = tariffs.save(conn, "new", {"price_u_per_kwh": 300_000}, "system", day_s)
        tariffs.assign(conn, known.meter, 0, old, day_s, "system", day_s)
        tariffs.assign(conn, known.meter, 1, new, day_s + DAY_S, "system", day_s)
        tariffs.assign(conn, known.meter, 0, old, day_s + 2 * DAY_S, "system", day_s)
        put(conn, quarters(day_s - DAY_S, 4 * 96, 1000))
        data = drawn(conn, day_s - DAY_S, day_s + 3 * DAY_S, UTC, step="day")
        found, _ = rates.pieces(conn, "m1", 1, day_s)
    assert [piece.from_s for piece in found] == [0, day_s, day_s + DAY_S]
    starts = dict(zip(data["t"], data["cost_u"], strict=True))
    assert sum(starts.values()) == 96 * (100_000 + 200_000 + 300_000 + 300_000)


def test_pieces_are_no_shorter_than_the_meters_intervals(db):
    with db.write() as conn:
        report(conn, profile_min=60)
        put(conn, [(SPRING_S + 3600 * (i + 1), 60, 100, False) for i in range(5)])
        data = drawn(conn, SPRING_S, SPRING_S + 6 * 3600)
    assert data["step"] == "hour" and data["wh"] == [100] * 5 + [None]


def test_without_a_price_there_is_no_cost(db):
    with db.write() as conn:
        put(conn, quarters(SPRING_S, 8))
        assert drawn(conn, SPRING_S, SPRING_S + DAY_S)["cost_u"] is None
        report(conn, unit="kwh", price_u_per_kwh=1_000_000)
        assert drawn(conn, SPRING_S, SPRING_S + DAY_S)["cost_u"] is None


def test_several_channels_are_added_up(db):
    with db.write() as conn:
        put(conn, quarters(SPRING_S, 96))
        put(conn, quarters(SPRING_S, 48), "m2")
        both = (Source("m1", 1), Source("m2", 1))
        data = figures.columns(conn, Asked(both, SPRING_S, SPRING_S + 86_400), BERLIN, NOW_S)
        assert data["wh"][:48] == [200] * 48 and data["wh"][48:96] == [100] * 48
        assert data["rates"] == []
        # Of the afternoon only one is known.
        assert data["partial"] == list(range(48, 96))
        with pytest.raises(StationError, match="is of one channel"):
            figures.columns(conn, Asked(both, 1, 900, "power"), BERLIN, NOW_S)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ((100, 100, "energy", ""), "an end after it"),
        ((-1, 100, "energy", ""), "an end after it"),
        ((1, 2**41, "energy", ""), "within 20 years"),
        ((1, DAY_S * 300, "energy", "hour"), "up to 1000 pieces"),
        ((1, DAY_S, "energy", "week"), "'week' is none of them"),
        ((1, DAY_S, "heat", ""), "'heat' is none"),
        ((1, DAY_S * 30, "voltage", ""), "up to 3 days"),
    ],
)
def test_a_chart_that_cannot_be_is_refused_in_a_sentence(db, asked, sentence):
    from_s, until_s, kind, step = asked
    with db.read() as conn, pytest.raises(StationError, match=sentence):
        drawn(conn, from_s, until_s, kind=kind, step=step)
