"""Warnings of a low credit by mail: once, to who wants them, of their own time alone."""

import email
from dataclasses import replace
from email.policy import default

import pytest

from alert_kit import open_books, smtp_server
from station_kit import NOW_S, new_database
from umeter_station.config_keys import Mail
from umeter_station.errors import StationError
from umeter_station.models import events
from umeter_station.people import privacy, tenants
from umeter_station.web.portal import warning_mail


@pytest.fixture
def books(tmp_path):
    new_database(tmp_path).close()
    books = open_books(tmp_path)
    with books.db.write() as conn:
        for ch, language in ((1, "en"), (2, "zh"), (3, "en")):
            address = f"t{ch}@example.org"
            tenant_id = tenants.add(
                conn, f"T{ch}", "system", NOW_S, email=address, language=language
            )
            tenants.move_in(conn, tenant_id, "m1", ch, NOW_S - 1000, "system", NOW_S)
            if ch != 3:
                privacy.agree(conn, tenant_id, "alerts.email", "system", NOW_S)
    yield books
    books.close()


def use(books, inbox):
    books.config = replace(
        books.config, mail=Mail("127.0.0.1", inbox.port, "off", sender="a@example.org")
    )


def happen(books, n, ch, code="credit.low", a=2_999_999, at_s=NOW_S):
    row = {"meter": "m1", "n": n, "boot": 1, "t": at_s, "code": code, "ch": ch, "a": a, "b": 0}
    with books.db.write() as conn:
        conn.execute(events.insert().values(**row, received_at=at_s))


def subjects(inbox):
    return [
        (m.rcpt_tos[0], str(email.message_from_bytes(m.content, policy=default)["Subject"]))
        for m in inbox.mails
    ]


def test_a_warning_is_told_once_in_the_households_language(books):
    happen(books, 1, 1)
    happen(books, 2, 2, "credit.out", -10)
    happen(books, 3, 3)
    happen(books, 4, 1, "contact.open", 2)
    with smtp_server() as inbox:
        use(books, inbox)
        for _ in range(3):
            warning_mail.send_due(books)
        assert subjects(inbox) == [
            ("t1@example.org", "Your electricity credit is low"),
            ("t2@example.org", "您的电费余额已用完"),
        ]
        assert b"2.99" in inbox.mails[0].content
        happen(books, 5, 1, "credit.low2", 900_000)
        warning_mail.send_due(books)
        assert len(inbox.mails) == 3


def test_nobody_is_told_of_before_their_time_nor_of_long_ago(books):
    happen(books, 1, 1, at_s=NOW_S - 2000)
    books.clock.unix_s = NOW_S + 90_000
    happen(books, 2, 1, at_s=NOW_S)
    with books.db.write() as conn:
        assert warning_mail.due(conn, NOW_S + 90_000) == []
        assert len(warning_mail.due(conn, NOW_S + 60)) == 1
        privacy.withdraw(conn, 1, "alerts.email", "system", NOW_S)
        assert warning_mail.due(conn, NOW_S + 60) == []


def test_what_could_not_be_sent_is_tried_again_and_what_is_refused_is_not(books):
    happen(books, 1, 1)
    with smtp_server() as inbox:
        use(books, inbox)
        inbox.status = "451 later"
        with pytest.raises(StationError, match="could not be sent"):
            warning_mail.send_due(books)
        inbox.status = "250 OK"
        warning_mail.send_due(books)
        assert len(inbox.mails) == 1
        happen(books, 2, 1, "credit.out")
        inbox.status = "554 never"
        warning_mail.send_due(books)
        inbox.status = "250 OK"
        warning_mail.send_due(books)
        assert len(inbox.mails) == 1


def test_without_a_mail_server_nothing_is_tried(books):
    happen(books, 1, 1)
    warning_mail.send_due(books)
    with books.db.read() as conn:
        assert len(warning_mail.due(conn, NOW_S)) == 1
