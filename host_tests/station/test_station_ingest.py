"""What is acknowledged, and when: the ingest without its threads and without a broker."""

import sqlite3
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from station_kit import FixedClock, counted, new_database, uplink
from umeter_station import queries
from umeter_station.bulk_client import BulkClient
from umeter_station.ingest import Ingest
from umeter_station.link import Received


@pytest.fixture
def db(tmp_path):
    return new_database(tmp_path)


@pytest.fixture
def acked(monkeypatch):
    numbers = []
    monkeypatch.setattr(BulkClient, "acknowledge", lambda _self, mids: numbers.extend(mids))
    monkeypatch.setattr("umeter_station.ingest._RETRY_S", 0.001)
    return numbers


@pytest.fixture
def ingest(db):
    ingest = Ingest(db, FixedClock(), "mqtt://127.0.0.1:1", "station")
    _connect(ingest)
    return ingest


def _connect(ingest):
    client = SimpleNamespace(subscribe=lambda topics: None)
    ingest._link._on_connect(client, None, None, SimpleNamespace(is_failure=False), None)


def _event(ingest, n, qos=1):
    message = uplink("event", {"n": n, "code": "tick"})
    connection = ingest._link._connection
    ingest._mailbox.put([Received(message.topic, message.payload, 100 + n, qos, connection)])


def _batch(ingest, most=50):
    return ingest._mailbox.take(most, 0, 0)


def _events(db):
    with db.read() as conn:
        return [event["n"] for event in queries.latest_events(conn, "m1", 99)]


def test_a_batch_is_stored_then_acknowledged(db, ingest, acked):
    for n in range(1, 61):
        _event(ingest, n, qos=n % 2)
    first = _batch(ingest)
    assert len(first) == 50
    ingest._store(first)
    assert acked == list(range(101, 150, 2))
    assert len(_events(db)) == 50
    ingest._store(_batch(ingest))
    assert len(_events(db)) == 60


def test_a_number_of_a_lost_connection_is_not_acknowledged_on_the_next(db, ingest, acked):
    _event(ingest, 1)
    ingest._link._on_disconnect(None, None, None, None, None)
    ingest._store(_batch(ingest))
    _event(ingest, 2)
    _connect(ingest)
    ingest._store(_batch(ingest))
    assert acked == []
    assert _events(db) == [1, 2]
    _event(ingest, 3)
    ingest._store(_batch(ingest))
    assert acked == [103]


def test_while_the_database_cannot_be_written_nothing_is_acknowledged(
    db, ingest, acked, monkeypatch
):
    _event(ingest, 1)
    failures = []
    genuine = ingest._intake.store

    def store(*args):
        if len(failures) < 3:
            assert acked == []
            failures.append(1)
            raise sa.exc.OperationalError("", {}, sqlite3.OperationalError("disk is full"))
        return genuine(*args)

    monkeypatch.setattr(ingest._intake, "store", store)
    ingest._store(_batch(ingest))
    assert (len(failures), acked, _events(db)) == (3, [101], [1])


def test_a_message_that_nothing_can_be_done_about_does_not_stop_the_others(
    db, ingest, acked, monkeypatch
):
    genuine = ingest._intake.store

    def store(batch, now_s, is_behind):
        if any(b'"n": 2,' in message.payload for message in batch):
            raise ZeroDivisionError
        return genuine(batch, now_s, is_behind)

    monkeypatch.setattr(ingest._intake, "store", store)
    for n in (1, 2, 3):
        _event(ingest, n)
    ingest._store(_batch(ingest))
    assert _events(db) == [1, 3]
    assert acked == [101, 102, 103]
    assert counted(db) == {"message.failed": 1}
