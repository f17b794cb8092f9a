"""A meter's logs over a real broker: all of it arrives, whatever is lost or stopped meanwhile."""

import pytest

from ingest_kit import TIMEOUT_S, ingest_process, until
from log_kit import Logs, chain, intervals
from scripted_meter import ScriptedMeter
from station_kit import KEY
from umeter_station.station import Station


@pytest.fixture
def meter(broker):
    meter = ScriptedMeter(broker)
    meter.logs = Logs()
    assert meter.ready.wait(TIMEOUT_S)
    yield meter
    meter.stop()


def _held(books):
    """How many records of each log are at the station."""
    return (
        len(books.audit_records("m1", 10_000)),
        len(books.intervals("m1", limit=10_000)),
    )


def _orders(meter):
    """Their numbers; on a slow machine one is asked again before it has answered."""
    return list(dict.fromkeys(meter.heard))


def test_one_reading_brings_all_of_both_logs_in_order(station, meter):
    meter.logs.append("events", chain(100))
    meter.logs.append("profile", intervals(150))
    meter.report()
    until(lambda: _held(station) == (100, 150))
    verdict = station.verify_audit("m1")
    assert (verdict.count, verdict.announced_n, verdict.broken_n) == (100, 100, None)
    assert [row["n"] for row in station.intervals("m1", limit=200)] == list(range(1, 151))
    assert _orders(meter) == list(range(1, 13))
    meter.logs.append("events", chain(101)[100:])
    meter.report()
    until(lambda: _held(station) == (101, 150))
    assert station.verify_audit("m1").count == 101
    assert len(_orders(meter)) == 13


def test_an_older_meter_is_left_in_peace(station, meter):
    meter.logs = None
    meter.report(event=50)
    meter.report(event=51, interval=3)  # It names one, and yet does not know the order.
    until(lambda: _orders(meter) == [1, 2])
    until(lambda: station.counters().get("history.refused") == 2)
    for _ in range(3):
        meter.report(event=52, interval=4)
    reads = station.wait_result(station.order_read("m1"), TIMEOUT_S)
    assert reads.state == "applied"
    assert _orders(meter) == [1, 2, 3]


def test_lost_and_tripled_answers_lose_and_double_nothing(station, meter):
    meter.copies = 3
    meter.mute = 2
    meter.logs.append("events", chain(40))
    meter.report()
    until(lambda: _held(station)[0] == 40, meanwhile=meter.report)
    assert station.verify_audit("m1").broken_n is None
    assert "message.failed" not in station.counters()


def test_what_happened_while_the_station_was_away_is_pulled_later(broker, tmp_path, meter):
    station = Station(tmp_path / "home", broker.url)
    station.add_meter("m1", KEY)
    for first in range(0, 120, 40):
        meter.logs.append("events", chain(120)[first : first + 40])
        assert station.start(connect_timeout_s=TIMEOUT_S)
        until(lambda wanted=first: _held(station)[0] > wanted, meanwhile=meter.report)
        station.stop()
    assert station.start(connect_timeout_s=TIMEOUT_S)
    until(lambda: _held(station)[0] == 120, meanwhile=meter.report)
    assert station.verify_audit("m1").broken_n is None
    station.close()


@pytest.mark.slow
def test_an_ingest_that_is_killed_while_it_pulls_takes_up_where_it_was(broker, tmp_path, meter):
    home = tmp_path / "home"
    books = Station(home, broker.url)
    books.add_meter("m1", KEY)
    meter.logs.append("events", chain(480))
    meter.logs.append("profile", intervals(480))
    kills = 0
    while True:
        before = _held(books)
        with ingest_process(home) as process:
            until(
                lambda: _held(books) == (480, 480) or sum(_held(books)) > sum(before) + 200,  # noqa: B023
                meanwhile=meter.report,
            )
            if _held(books) == (480, 480):
                break
            process.kill()
            kills += 1
    assert kills >= 2
    verdict = books.verify_audit("m1")
    assert (verdict.count, verdict.broken_n) == (480, None)
    assert not {"history.lost", "history.contradicts"} & set(books.counters())
    books.close()
