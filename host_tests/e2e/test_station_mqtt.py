"""The station against a real broker and a meter that follows a script."""

import json
import time

import pytest

from ingest_kit import TIMEOUT_S, ingest_process, until
from scripted_meter import ScriptedMeter
from station_kit import KEY, FixedClock, reading
from umeter_station import envelope
from umeter_station.broker import EmbeddedBroker
from umeter_station.errors import StationError
from umeter_station.station import Books, Station


def _money(station, ch=3):
    (balance,) = [b for b in station.balances("m1") if b.ch == ch]
    return balance.in_transit_u, balance.credited_u, balance.credited_total_u


def test_a_sale_is_applied_once_though_every_answer_is_tripled(station, meter):
    meter.copies = 3
    purchase = station.sell("m1", 3, 5_000_000, "k1")
    again = station.sell("m1", 3, 5_000_000, "k1")
    assert again.command_id == purchase.command_id
    assert station.wait_result(purchase.command_id, TIMEOUT_S).state == "applied"
    until(lambda: station.counters().get("result.repeated") == 2)
    assert _money(station) == (0, 5_000_000, 5_000_000)
    assert station.reconcile() == []


def test_lost_answers_are_asked_for_again(station, meter):
    meter.mute = 2
    purchase = station.sell("m1", 3, 5_000_000)
    assert station.wait_result(purchase.command_id, TIMEOUT_S).state == "applied"
    assert set(meter.heard) == {1} and len(meter.heard) >= 3
    assert meter.credited_u == {3: 5_000_000}
    assert _money(station)[:2] == (0, 5_000_000)


def test_a_fresh_reading_through_another_process_books(station, meter):
    other = Books(station.config.home)
    command = other.wait_result(other.order_read("m1"), TIMEOUT_S)
    assert command.state == "applied"
    assert other.latest_reading("m1").channels[0]["power_dw"] == 1234
    other.close()


def test_a_sale_waits_while_the_broker_is_gone(station, meter, broker):
    port = broker.port
    broker.stop()
    purchase = station.sell("m1", 3, 5_000_000)
    assert station.wait_result(purchase.command_id, 0.3).is_open
    assert _money(station) == (5_000_000, 0, 0)
    broker.start()
    assert broker.port == port
    assert station.wait_result(purchase.command_id, TIMEOUT_S).state == "applied"
    assert _money(station) == (0, 5_000_000, 5_000_000)
    assert meter.credited_u == {3: 5_000_000}


def test_what_came_while_the_station_was_down_is_not_lost(broker, tmp_path, meter):
    station = Station(tmp_path / "home", broker.url)
    station.add_meter("m1", KEY)
    assert station.start(connect_timeout_s=TIMEOUT_S)
    until(lambda: station.meter("m1").presence == "online")
    station.stop()
    for number in range(1, 121):
        meter.publish("event", {"n": number, "code": "tick", "t": 1, "boot": 1})
    meter.publish("event", {"n": 121, "code": "last"}).wait_for_publish(TIMEOUT_S)
    assert station.start(connect_timeout_s=TIMEOUT_S)
    until(lambda: len(station.events("m1", 200)) == 121)
    assert [event["n"] for event in station.events("m1", 200)] == list(range(1, 122))
    station.close()


def test_nothing_is_acknowledged_before_it_is_on_disk(station, meter, monkeypatch):
    acked = []
    link = station._ingest._link
    acknowledge = link.acknowledge
    until(lambda: station.meter("m1").presence == "online")

    def ack(batch):
        acked.append([event["n"] for event in station.events("m1")])
        acknowledge(batch)

    monkeypatch.setattr(link, "acknowledge", ack)
    with station.db.write():  # Somebody else is writing: no commit is possible.
        meter.publish("event", {"n": 1, "code": "boot"}).wait_for_publish(TIMEOUT_S)
        time.sleep(0.5)
        assert acked == []
    until(lambda: acked)
    assert acked == [[1]]


def test_presence_follows_the_last_will(station, meter):
    until(lambda: station.meter("m1").presence == "online")
    meter.leave()
    until(lambda: station.meter("m1").presence == "offline")
    purchase = station.sell("m1", 3, 5_000_000)
    assert station.wait_result(purchase.command_id, 0.5).state == "created"


def test_a_forger_on_the_broker_gets_nothing(station, meter, broker):
    meter.mute = 10**6
    purchase = station.sell("m1", 3, 5_000_000)
    until(lambda: meter.heard)
    forged = json.dumps({"n": 1, "code": "applied"}).encode()
    for key in (bytes(32), KEY[::-1]):
        meter.publish("result", envelope.sign(key, forged))
    until(lambda: station.counters().get("result.forged") == 2)
    assert station.command(purchase.command_id).is_open
    assert _money(station)[:2] == (5_000_000, 0)


def test_a_home_has_one_ingest(station, broker):
    second = Station(station.config.home, broker.url)
    with pytest.raises(StationError, match="running already"):
        second.start()
    second.close()


def test_a_wrong_clock_is_set(broker, tmp_path, meter):
    station = Station(tmp_path / "home", broker.url, FixedClock(1_800_000_000))
    station.add_meter("m1", KEY)
    assert station.start(connect_timeout_s=TIMEOUT_S)
    meter.publish("reading", reading(clock=0, t=0))
    until(lambda: meter.outcomes.get(1) == "applied")
    station.close()


def test_without_any_broker_it_starts_and_stops(tmp_path):
    unused = EmbeddedBroker()
    unused.start()
    unused.stop()
    station = Station(tmp_path / "home", unused.url)
    assert station.start(connect_timeout_s=0.2) is False
    begun_s = time.monotonic()
    station.close()
    assert time.monotonic() - begun_s < 5


@pytest.mark.slow
def test_an_ingest_that_is_killed_again_and_again_books_each_sale_once(broker, tmp_path):
    meter = ScriptedMeter(broker)
    meter.copies = 2
    home = tmp_path / "home"
    books = Station(home, broker.url)
    books.add_meter("m1", KEY)
    sold = []
    cut_short = 0
    for _ in range(5):
        before = _applied(books)
        sold += [books.sell("m1", 1 + number % 4, 1_000_000 + number) for number in range(25)]
        with ingest_process(home) as process:
            until(lambda wanted=before: _applied(books) > wanted)
            process.kill()
        cut_short += _applied(books) < len(sold)
    assert cut_short, "no kill came between a sale and its answer"
    with ingest_process(home) as process:
        until(lambda: _applied(books) == len(sold))
        time.sleep(1.1)  # A reading of a later second than the last credit can be held against it.
        totals_u = [meter.credited_u[ch] for ch in (1, 2, 3, 4)]
        columns = {"credited_total_u": totals_u, "balance_u": totals_u}
        meter.publish("reading", reading(channels=4, **columns))
        until(lambda: all(balance.is_current for balance in books.balances("m1")))
        process.terminate()
        assert process.wait(TIMEOUT_S) == 0
    meter.stop()
    total_u = sum(purchase.amount_u for purchase in sold)
    assert sum(meter.credited_u.values()) == total_u
    assert sum(balance.credited_u for balance in books.balances("m1")) == total_u
    assert all(balance.in_transit_u == 0 for balance in books.balances("m1"))
    assert books.reconcile() == []
    books.close()


def _applied(books):
    with books.db.read() as conn:
        query = "SELECT count(*) FROM commands WHERE state = 'applied'"
        return conn.exec_driver_sql(query).scalar()
