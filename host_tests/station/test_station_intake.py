"""Batches of readings: what is stored together, what is held up, what a storm looks like after."""

import pytest

from api_kit import Api
from station_kit import KEY, NOW_S, counted, reading, store, uplink
from umeter_station import db as databases
from umeter_station import meters, orders, readings
from umeter_station.intake import Intake
from umeter_station.watch import engine, findings, traffic


@pytest.fixture
def intake(any_db):
    """Meters m1 and m2 have reported once."""
    with any_db.write() as conn:
        meters.add(conn, "m2", KEY, NOW_S)
    for meter in ("m1", "m2"):
        store(any_db, uplink("reading", reading(seq=0), meter))
    return Intake(any_db, tolerance_s=10, burst=50, per_minute=60)


def _batch(first, count, meter="m1"):
    return [uplink("reading", reading(seq=first + n), meter) for n in range(count)]


def _vain(db):
    with db.read() as conn:
        return traffic.lately(conn, NOW_S + 1)


def _stored(db):
    with db.read() as conn:
        count = databases.read_counters(conn)["reading.stored"]
        assert count == len(
            [r for m in ("m1", "m2") for r in readings.between(conn, m, 0, 2 * NOW_S)]
        )
    return count


def test_readings_are_stored_once_and_counted(any_db, intake):
    batch = _batch(1, 20) + _batch(1, 20, "m2")
    for _ in range(2):
        intake.store(batch, NOW_S)
    assert _stored(any_db) == 42
    assert counted(any_db) == {"reading.repeated": 40}
    assert _vain(any_db) == {"m1": 20, "m2": 20}


def test_what_a_bucket_holds_up_is_told_of_known_meters(any_db, intake):
    intake.store(_batch(1, 60) + _batch(1, 70, "nobody") + _batch(1, 5, "m2"), NOW_S)
    assert _stored(any_db) == 2 + 50 + 5
    assert counted(any_db) == {"reading.too_many": 30, "message.unknown_meter": 50}
    assert _vain(any_db) == {"m1": 10}


def test_an_event_that_comes_again_and_again_is_in_vain(any_db, intake):
    event = uplink("event", {"n": 1, "code": "boot", "boot": 1, "t": NOW_S})
    for _ in range(4):
        intake.store([event], NOW_S)
    assert _vain(any_db) == {"m1": 3}


def _time_orders(db):
    with db.read() as conn:
        return [m for m in ("m1", "m2") if orders.latest(conn, m, "time") is not None]


def test_what_waited_is_not_taken_for_a_slow_clock(any_db, intake):
    late = [uplink("reading", reading(seq=n, t=NOW_S + n), "m1") for n in (1, 2)]
    fast = uplink("reading", reading(seq=1, t=NOW_S + 700), "m2")
    intake.store([*late, fast], NOW_S + 600, is_behind=True)
    assert _time_orders(any_db) == ["m2"]
    intake.store([uplink("reading", reading(seq=3, t=NOW_S + 3), "m1")], NOW_S + 600)
    assert _time_orders(any_db) == ["m1", "m2"]
    assert _stored(any_db) == 6


@pytest.mark.parametrize("storm", ["the same again", "far too many"])
def test_a_storm_becomes_a_finding(any_db, intake, storm):
    calm = [(now_s, _batch(1 + n, 1, "m2")) for n, now_s in enumerate(range(NOW_S, NOW_S + 5))]
    for now_s, batch in calm:
        intake.store(batch, now_s)
    if storm == "the same again":
        for _ in range(30):
            intake.store(_batch(1, 1), NOW_S + 5)
    else:
        intake.store(_batch(1, 400), NOW_S + 5)
    with any_db.write() as conn:
        engine.run_once(conn, NOW_S + 10)
    with any_db.read() as conn:
        found = {(f.meter, f.rule) for f in findings.list_(conn, state="current")}
    assert ("m1", "A22") in found
    assert ("m2", "A22") not in found


def test_a_scraper_is_told_how_many_came_in(tmp_path):
    api = Api(tmp_path)
    store(api.books.db, *_batch(1, 3))
    text = api.as_key("metrics:read").get("/metrics").text
    assert "umeter_readings_ingested_total 3.0" in text.splitlines()
    assert 'umeter_ingest_lag_seconds_bucket{le="1"} 1.0' in text.splitlines()
    api.close()
