"""Numbers that an answer left out are asked for once more; lost is what that leaves out, too."""

import tempfile
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from log_kit import Link, Logs, chain, findings, numbers, open_histories
from station_kit import NOW_S, new_database, store
from umeter_station import audit, gaps, history, models, orders, pulling


@pytest.fixture
def db(tmp_path):
    return new_database(tmp_path)


def gap_runs(db):
    with db.read() as conn:
        rows = conn.execute(sa.select(models.history_gaps))
        return [(row.kind, row.first_n, row.last_n) for row in rows]


def lost_events(db):
    return [(a, b) for kind, what, a, b in findings(db) if (kind, what) == ("events", "lost")]


def progress(db):
    with db.read() as conn:
        return {log.kind: log for log in pulling.progress(conn, "m1")}


def asked_for(link, kind):
    return [first for what, first in link.asked if what == kind]


def skip(db, kind, next_n):
    """As if an older station had left out what is before."""
    with db.write() as conn:
        conn.execute(
            sa.update(models.histories)
            .where(models.histories.c.kind == kind)
            .values(next_n=next_n)
        )


def test_what_could_not_be_read_for_a_moment_comes_with_the_second_answer(db, link, logs):
    logs.torn = {7, 20}
    link.read()
    for _ in range(3):
        link.answer(open_histories(db, "events")[0])
    assert gap_runs(db) == [("events", 7, 7), ("events", 20, 20)]
    assert progress(db)["events"].missing == 2
    with db.read() as conn:
        assert audit.verify(conn, "m1").reason == "record 7 is missing, the meter is asked again"
    logs.torn = {20}
    link.pull()
    assert numbers(db) == [n for n in range(1, 41) if n != 20]
    assert lost_events(db) == [(20, 20)] and gap_runs(db) == []
    assert asked_for(link, "events") == [1, 17, 33, 7]


def test_one_order_asks_for_all_gaps_that_it_can_hold(db, link, logs):
    logs.torn = {1, 7, 16, 17, 20, 40}
    link.read()
    for _ in range(3):
        link.answer(open_histories(db, "events")[0])
    windows = []
    while open_histories(db, "events"):
        order = open_histories(db, "events")[0]
        windows.append((order.args["from"], order.args["count"]))
        logs.torn = set()
        link.answer(order)
    assert windows == [(1, 16), (17, 4), (40, 1)]
    assert numbers(db) == list(range(1, 41)) and findings(db) == []


def test_a_gap_longer_than_an_order_takes_several(db, link):
    skip_to = 66
    link.read()
    order = open_histories(db, "profile")[0]
    skip(db, "profile", skip_to)
    link.answer(order)
    assert numbers(db, models.intervals) == list(range(1, 33))
    with db.write() as conn:
        history.resume(conn, "m1", NOW_S)
    link.pull()
    assert numbers(db, models.intervals) == list(range(1, 71)) and findings(db) == []
    assert asked_for(link, "profile") == [1, 66, 33, 65]


def test_numbers_missing_in_the_middle_are_found_at_the_meters_next_boot(db, link, logs):
    link.read()
    skip(db, "events", 21)
    link.pull()
    assert numbers(db) == [*range(1, 17), *range(21, 41)]
    logs.append("events", chain(3, 41))
    answer = logs.answer
    logs.answer = lambda order: answer(order) | {"boot": 2}
    link.read(boot=2)
    link.pull()
    assert numbers(db) == list(range(1, 44)) and findings(db) == []


def test_what_is_lost_is_not_asked_for_at_every_boot(db, link, logs):
    logs.torn = {7}
    link.read()
    link.pull()
    logs.append("events", chain(3, 41))
    link.read(boot=2)
    link.answer(open_histories(db, "events")[0], boot=2)
    assert open_histories(db) == [] and lost_events(db) == [(7, 7)]


def test_a_late_answer_of_before_does_not_give_up_a_gap(db, link, logs):
    logs.torn = {7}
    link.read()
    for _ in range(3):
        link.answer(open_histories(db, "events")[0])
    late = open_histories(db, "events")[0]
    logs.torn = set()
    answer = link.result(late)
    with db.write() as conn:
        orders.give_up(conn, late.id)
    logs.append("events", chain(3, 41))
    link.read()
    link.answer(open_histories(db, "events")[0])
    store(db, answer)
    assert numbers(db) == list(range(1, 44)) and lost_events(db) == []


def test_what_the_meter_holds_no_more_is_lost_without_asking_again(db, link, logs):
    logs.held = 10
    logs.append("events", chain(100, 41))
    link.read()
    link.pull()
    assert findings(db) == [("events", "lost", 1, 130)] and gap_runs(db) == []
    assert asked_for(link, "events") == [1]


def test_a_gap_that_the_meter_dropped_meanwhile_is_lost(db, link, logs):
    logs.torn = {7}
    link.read()
    for _ in range(3):
        link.answer(open_histories(db, "events")[0])
    logs.held, logs.torn = 10, set()
    logs.append("events", [])
    link.pull()
    assert findings(db) == [("events", "lost", 7, 7)] and gap_runs(db) == []


def test_a_log_that_began_anew_does_not_fill_a_gap(db, link, logs):
    logs.torn = {7}
    link.read()
    for _ in range(3):
        link.answer(open_histories(db, "events")[0])
    logs.rings["events"], logs.torn = chain(9), set()
    link.answer(open_histories(db, "events")[0], boot=2)
    link.pull()
    assert 7 not in numbers(db) and len(numbers(db)) == 39
    assert findings(db) == [("events", "lost", 7, 7)] and gap_runs(db) == []


def test_a_repeated_answer_is_not_a_second_one(db, link, logs):
    logs.torn = {40}
    link.read()
    for _ in range(2):
        link.answer(open_histories(db, "events")[0])
    last = open_histories(db, "events")[0]
    for _ in range(3):
        link.answer(last)
    assert gap_runs(db) == [("events", 40, 40)] and findings(db) == []
    logs.torn = set()
    link.pull()
    assert numbers(db) == list(range(1, 41))


def test_a_gap_whose_order_nobody_answered_is_asked_for_again(db, link, logs):
    logs.torn = {7}
    link.read()
    for _ in range(3):
        link.answer(open_histories(db, "events")[0])
    lost = open_histories(db, "events")[0]
    with db.write() as conn:
        orders.give_up(conn, lost.id)
    link.read()
    assert [order.args["from"] for order in open_histories(db, "events")] == [7]
    link.pull()
    assert lost_events(db) == [(7, 7)]


def test_newer_records_come_before_gaps(db, link, logs):
    logs.torn = {7}
    link.read()
    link.answer(open_histories(db, "events")[0])
    assert open_histories(db, "events")[0].args == {"what": "events", "from": 17, "count": 16}


@settings(max_examples=6)
@given(st.sets(st.integers(1, 40)), st.sets(st.integers(1, 40)))
def test_every_number_is_here_or_lost(first, second):
    with tempfile.TemporaryDirectory() as home:
        db = new_database(Path(home))
        logs = Logs()
        logs.append("events", chain(40))
        link = Link(db, logs)
        logs.torn = first
        link.read()
        for _ in range(3):
            link.answer(open_histories(db, "events")[0])
        logs.torn = second
        link.pull()
        lost = {n for _, _, a, b in findings(db) for n in range(a, b + 1)}
        assert lost == first & second and set(numbers(db)) == set(range(1, 41)) - lost
        assert gap_runs(db) == []
        db.close()


def test_known_runs_are_taken_out_of_missing_ones():
    known = [(3, 4), (8, 8), (12, 20)]
    assert gaps._without([(1, 9), (11, 15)], known) == [(1, 2), (5, 7), (9, 9), (11, 11)]
