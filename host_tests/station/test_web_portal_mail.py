"""Warnings of a low credit by mail: once, to who wants them, of their own time alone."""

import email
from dataclasses import replace
from email.policy import default

import pytest

from alert_kit import smtp_server
from station_kit import NOW_S
from umeter_station.config_keys import Mail
from umeter_station.errors import StationError
from umeter_station.people import privacy
from umeter_station.web.portal import warning_mail, warning_notices
from warning_kit import happen, open_households


@pytest.fixture
def books(tmp_path):
    books = open_households(tmp_path)
    yield books
    books.close()


def use(books, inbox):
    books.config = replace(
        books.config, mail=Mail("127.0.0.1", inbox.port, "off", sender="a@example.org")
    )


def due(conn, now_s):
    return warning_notices.due(conn, warning_mail.WAY, now_s)


def subjects(inbox):
    return sorted(
        (m.rcpt_tos[0], str(email.message_from_bytes(m.content, policy=default)["Subject"]))
        for m in inbox.mails
    )


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
        (english,) = (m.content for m in inbox.mails if m.rcpt_tos == ["t1@example.org"])
        assert b"2.99" in english and b"<umeter.warning.m1.1@example.org>" in english
        happen(books, 5, 1, "credit.low2", 900_000)
        warning_mail.send_due(books)
        assert len(inbox.mails) == 3


def test_nobody_is_told_of_before_their_time_nor_of_long_ago(books):
    happen(books, 1, 1, at_s=NOW_S - 2000)
    books.clock.unix_s = NOW_S + 90_000
    happen(books, 2, 1, at_s=NOW_S)
    with books.db.write() as conn:
        assert due(conn, NOW_S + 90_000) == []
        assert len(due(conn, NOW_S + 60)) == 1
        privacy.withdraw(conn, 1, "alerts.email", "system", NOW_S)
        assert due(conn, NOW_S + 60) == []


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
        assert len(due(conn, NOW_S)) == 1
