"""Logs that lost records, answers that make no sense, stations that die: noted, and passed."""

import pytest
import sqlalchemy as sa

from log_kit import Link, audit_raw, chain, findings, numbers, open_histories
from station_kit import NOW_S, Killed, counted, killed_at_statement, new_database, store
from umeter_station import models


@pytest.fixture
def db(tmp_path):
    return new_database(tmp_path)


def test_what_the_meter_no_longer_holds_is_noted_once(db, link, logs):
    link.read()
    link.pull()
    logs.held = 10
    logs.append("events", chain(100, 41))
    for _ in range(3):
        link.read()
        link.pull()
    assert numbers(db) == [*range(1, 41), *range(131, 141)]
    assert findings(db) == [("events", "lost", 41, 130)]
    assert counted(db)["history.lost"] == 1
    assert link.asked[-1] == ("events", 41)


def test_records_that_cannot_be_read_any_more_are_noted_and_passed(db, link, logs):
    logs.torn = {1, 7, 16, 17, 20, 40}
    link.read()
    link.pull()
    link.read()
    assert open_histories(db) == []
    lost = [(first, last) for kind, _, first, last in findings(db) if kind == "events"]
    assert sorted(lost) == [(1, 1), (7, 7), (16, 16), (17, 17), (20, 20), (40, 40)]
    assert numbers(db) == [n for n in range(1, 41) if n not in logs.torn]


def test_a_record_with_a_wrong_checksum_is_not_stored(db, link, logs):
    logs.rings["events"][4] = logs.rings["events"][4][:-1] + b"\x55"
    link.read()
    link.pull()
    assert 5 not in numbers(db) and len(numbers(db)) == 39
    assert ("events", "lost", 5, 5) in findings(db)
    assert counted(db)["history.bad_record"] == 2, "asked for once more"


def test_another_record_under_a_known_number_is_noted_not_stored(db, link, logs):
    link.read()
    order = open_histories(db, "events")[0]
    genuine = link.result(order)
    logs.rings["events"][2] = audit_raw(3, a=666)
    store(db, genuine, link.result(order))
    assert findings(db) == [("events", "contradicts", 3, 3)]
    with db.read() as conn:
        table = models.audit_records
        assert conn.execute(sa.select(table.c.a).where(table.c.n == 3)).scalar() == 3


def test_a_log_that_began_anew_is_noted_once_and_not_mixed_in(db, link, logs):
    link.read()
    link.pull()
    logs.rings["events"] = chain(5)
    for _ in range(3):
        link.read(boot=2)
    assert findings(db) == [("events", "restarted", 41, 41)]
    assert open_histories(db) == [] and len(numbers(db)) == 40


@pytest.mark.parametrize(
    "changes",
    [
        {"records": "?"},
        {"records": "AAAA"},
        {"records": 7},
        {"records": "\u0661"},
        {"next": 42},
        {"next": "17"},
        {"next": 0},
        {"next": 5},
        {"newest": -1},
        {"newest": 2**33, "next": 2**33},
        {"newest": None},
        {"next": 1, "records": ""},
    ],
)
def test_a_senseless_answer_ends_the_asking_for_this_boot(db, link, changes):
    link.read()
    link.answer(open_histories(db, "events")[0], **changes)
    link.read()
    assert open_histories(db, "events") == [] and numbers(db) == []
    assert counted(db)["history.refused"] == 1
    link.read(boot=2, now_s=NOW_S + 900)
    link.pull()
    assert numbers(db) == list(range(1, 41))


def test_an_unsigned_reading_cannot_send_it_on_an_endless_errand(db, link):
    link.read(event=10**12, interval=10**12)
    assert link.pull() == 6
    for now_s, questions in ((0, 1), (60, 0), (120, 0), (900, 1), (901, 0)):
        link.read(now_s=NOW_S + now_s, event=10**12)
        assert link.pull() == questions
    assert findings(db) == []
    link.logs.append("events", chain(1, 41))
    link.read(now_s=NOW_S + 1800)
    link.pull()
    assert numbers(db) == list(range(1, 42))


def test_killed_at_any_statement_it_takes_up_where_it_was(tmp_path, logs):
    number = 0
    while True:
        (tmp_path / str(number)).mkdir()
        db = new_database(tmp_path / str(number))
        link = Link(db, logs)
        link.read()
        order = open_histories(db, "events")[0]
        try:
            with killed_at_statement(db, number):
                link.answer(order)
        except Killed:
            assert numbers(db) == []
            link.answer(order)
        else:
            break
        finally:
            link.pull()
            assert numbers(db) == list(range(1, 41)) and findings(db) == []
            db.close()
        number += 9
    assert number > 20


@pytest.mark.parametrize("table", ["audit_records", "intervals"])
def test_what_is_stored_stays_as_it_is(db, link, table):
    link.read()
    link.pull()
    for statement in (
        f"UPDATE {table} SET raw = raw",
        f"DELETE FROM {table} WHERE n = 1",
        f"REPLACE INTO {table} SELECT * FROM {table} WHERE n = 1",
    ):
        with pytest.raises(sa.exc.IntegrityError, match="append-only"), db.write() as conn:
            conn.exec_driver_sql(statement)
