"""Who is told of which findings, and when: subscriptions, causes, quiet hours, digests."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from alert_kit import (
    ANNA,
    note,
    open_books,
    send,
    smtp_server,
    target,
)
from station_kit import NOW_S
from umeter_station.errors import StationError
from umeter_station.watch import findings, outbox, targets


@pytest.fixture
def books(db, tmp_path):
    books = open_books(tmp_path)
    yield books
    books.close()


# Who, what and when


@pytest.mark.parametrize(
    ("wishes", "wanted"),
    [
        ({}, True),
        ({"severity": "critical"}, False),
        ({"rules": ("A08",)}, True),
        ({"rules": ("A09",)}, False),
        ({"meters": ("m*",)}, True),
        ({"meters": ("x*",)}, False),
        ({"sites": ("North",)}, False),
    ],
)
def test_each_hears_what_he_asked_for(books, wishes, wanted):
    target(books, **wishes)
    note(books)
    with books.db.write() as conn:
        assert outbox.collect(conn, NOW_S) == wanted
        assert outbox.collect(conn, NOW_S) == 0


def test_nobody_hears_of_what_was_before_him_or_while_he_was_off(books):
    note(books, ch=1)
    made, _ = target(books)
    with books.db.write() as conn:
        targets.switch(conn, made.id, False, ANNA, NOW_S)
    note(books, ch=2)
    with books.db.write() as conn:
        targets.switch(conn, made.id, True, ANNA, NOW_S)
    note(books, ch=3)
    with books.db.write() as conn:
        assert outbox.collect(conn, NOW_S) == 1
        (parcel,) = outbox.claim(conn, NOW_S)
    assert [item.ch for item in parcel.items] == [3]


def test_children_are_told_of_only_when_their_cause_is_gone(books):
    target(books, severity="warn")
    cause, child = note(books, "A02", 0), note(books, "A01", 0, "warn")
    with books.db.write() as conn:
        findings.explain(conn, child, cause, NOW_S)
        assert outbox.collect(conn, NOW_S) == 1
        findings.over(conn, cause, NOW_S + 1)
        findings.explain(conn, child, None, NOW_S + 1)
        outbox.collect(conn, NOW_S + 1)
        (parcel,) = outbox.claim(conn, NOW_S + 1)
    told = [(item.rule, item.what) for item in parcel.items]
    assert told == [("A02", "opened"), ("A02", "closed"), ("A01", "released")]


def test_that_it_is_over_is_told_to_who_knew(books):
    number = note(books)
    target(books)
    with books.db.write() as conn:
        findings.over(conn, number, NOW_S)
        assert outbox.collect(conn, NOW_S) == 0


def quiet(**wishes):
    more = {"rules": (), "sites": (), "meters": ()}
    made = {"quiet_from": 22 * 60, "quiet_to": 390, "tz": "Europe/Berlin", "digest_min": 0}
    return targets.Target(
        1, "x", "email", "a@b.c", "info", **more, **{**made, **wishes}, enabled=True, told_id=0
    )


def berlin(*when):
    return int(datetime(*when, tzinfo=ZoneInfo("Europe/Berlin")).timestamp())


@pytest.mark.parametrize(
    ("at", "due"),
    [
        ((2027, 1, 15, 21, 59), (2027, 1, 15, 21, 59)),
        ((2027, 1, 15, 22, 0), (2027, 1, 16, 6, 30)),
        ((2027, 1, 16, 6, 29), (2027, 1, 16, 6, 30)),
        ((2027, 1, 16, 6, 30), (2027, 1, 16, 6, 30)),
        # The nights in which the clock is changed.
        ((2027, 3, 27, 23, 0), (2027, 3, 28, 6, 30)),
        ((2027, 10, 30, 23, 0), (2027, 10, 31, 6, 30)),
    ],
)
def test_quiet_hours(at, due):
    assert outbox.due_at(quiet(), berlin(*at)) == berlin(*due)


def test_a_digest_comes_in_its_pace_and_not_at_night():
    hourly = quiet(digest_min=60)
    assert outbox.due_at(hourly, berlin(2027, 1, 15, 12, 1)) == berlin(2027, 1, 15, 13, 0)
    assert outbox.due_at(hourly, berlin(2027, 1, 15, 21, 30)) == berlin(2027, 1, 16, 6, 30)


def test_what_is_critical_does_not_wait(books):
    at_s = berlin(2027, 1, 15, 23, 0)
    target(books, tz="Europe/Berlin", quiet_from=1320, quiet_to=390)
    note(books, ch=1, now_s=at_s)
    note(books, ch=2, severity="critical", now_s=at_s)
    with books.db.write() as conn:
        outbox.collect(conn, at_s)
        (parcel,) = outbox.claim(conn, at_s)
        assert [item.ch for item in parcel.items] == [2]
        (parcel,) = outbox.claim(conn, at_s + 7 * 3600 + 1800)
        assert {item.ch for item in parcel.items} >= {1}


def test_many_findings_are_one_message(books):
    target(books, "email", "anna@example.org", digest_min=30)
    for ch in (1, 2, 3):
        note(books, ch=ch)
    with smtp_server() as inbox:
        more = {"host": "127.0.0.1", "port": inbox.port}
        assert send(books, **more).sent == 0 or NOW_S % 1800 == 0
        books.clock.unix_s += 1800
        send(books, **more)
    (came,) = inbox.mails
    assert "and 2 more" in came.content.decode()


@pytest.mark.parametrize(
    "wishes",
    [
        {"severity": "bad"},
        {"rules": ("A99",)},
        {"quiet_from": 1440},
        {"tz": "Mars/Base"},
        {"tz": "../etc/passwd"},
        {"digest_min": -1},
        {"name": "a\nb"},
    ],
)
def test_wishes_that_cannot_be(books, wishes):
    with pytest.raises(StationError):
        target(books, **wishes)
