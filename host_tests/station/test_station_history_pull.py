"""The pull of a meter's logs can be paused, lets people's orders pass, and tells its progress."""

import pytest

from cli_kit import clocked_home, told
from log_kit import Link, intervals, numbers, open_histories
from station_kit import NOW_S, STATION_KEY, FixedClock, new_database, sell
from umeter_station import db as databases
from umeter_station import history, models, orders, pulling
from umeter_station.outbox import Outbox
from umeter_station.secrets import Safe


@pytest.fixture
def db(tmp_path):
    return new_database(tmp_path)


def progress(db):
    with db.read() as conn:
        return {log.kind: log for log in pulling.progress(conn, "m1")}


def test_a_pause_outlasts_a_restart_and_an_answer_on_its_way_is_taken_in(db, link):
    link.read()
    waiting = open_histories(db)
    with db.write() as conn:
        assert history.pause(conn, "m1")
        assert not history.pause(conn, "m1")
    assert open_histories(db) == []
    db.close()
    link.db = db = databases.open_database(db.path)
    db.unlock(Safe(STATION_KEY))
    link.read()
    for order in waiting:
        link.answer(order)
    assert numbers(db) == list(range(1, 17)) and open_histories(db) == []
    with db.write() as conn:
        assert history.resume(conn, "m1", NOW_S)
        assert not history.resume(conn, "m1", NOW_S)
    assert {order.args["from"] for order in open_histories(db)} == {17, 33}
    link.pull()
    assert numbers(db) == list(range(1, 41))
    assert numbers(db, models.intervals) == list(range(1, 71))


def test_a_meter_that_never_told_of_a_log_can_be_paused(db, link):
    with db.write() as conn:
        history.pause(conn, "m1")
        assert history.resume(conn, "m1", NOW_S)
    assert open_histories(db) == []
    link.read()
    assert len(open_histories(db)) == 2


def test_what_people_order_is_never_behind_more_than_one_chunk_of_each_log(db, logs):
    logs.append("profile", intervals(900, 71))
    link = Link(db, logs)
    published = []

    class Sent:
        def is_published(self):
            return True

    outbox = Outbox(db, FixedClock(), lambda *message: published.append(message) or Sent())
    link.read()
    outbox.step()
    for sale in range(8):
        assert len(open_histories(db)) <= 2
        del published[:]
        sell(db, key=f"k{sale}", ch=2)
        outbox.step()
        assert len(published) == 1, "it goes out at once"
        for order in open_histories(db):
            link.answer(order)
        outbox.step()
    assert progress(db)["profile"].have == 8 * 32


@pytest.fixture
def home(tmp_path):
    return clocked_home(tmp_path)


def shown(home, *options):
    return told(home, "history", "m1", *options)


def test_the_command_tells_how_far_it_is(home, db, link, logs):
    assert "audit log 0 0 0 0 0 nothing told yet" in shown(home)
    logs.torn = {7}
    link.read()
    lines = shown(home)
    assert "log have oldest newest missing lost pull" in lines
    assert "audit log 0 0 0 40 0 asked" in lines and "load profile 0 0 0 70 0 asked" in lines
    lines = shown(home, "--pause")
    assert lines[0] == "Nothing more of the logs of m1 is pulled."
    assert "audit log 0 0 0 40 0 paused" in lines
    assert shown(home, "--pause")[0].endswith("pulled, as before.")
    assert shown(home, "--resume")[0] == "The logs of m1 are pulled again."
    link.pull()
    lines = shown(home)
    assert (
        "audit log 39 1 40 0 1 complete" in lines and "load profile 69 1 70 0 1 complete" in lines
    )


def test_what_the_meter_refuses_and_what_nobody_answers_is_told(home, db, link):
    link.read()
    for order in open_histories(db):
        with db.write() as conn:
            orders.give_up(conn, order.id)
    assert "audit log 0 0 0 40 0 waits for a reading" in shown(home)
    link.read()
    link.answer(open_histories(db, "events")[0], code="range")
    assert "audit log 0 0 0 40 0 refused in boot 1" in shown(home)
