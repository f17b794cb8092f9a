"""Alerts by mail and webhook: sent once, by servers that refuse, stall and die."""

import hashlib
import hmac
import json
import ssl
from itertools import pairwise

import pytest
import sqlalchemy as sa
from aiosmtpd.smtp import AuthResult

from alert_kit import (
    PASSWORD,
    http_server,
    note,
    open_books,
    send,
    smtp_server,
    states,
    target,
)
from station_kit import NOW_S
from tls_kit import Authority
from umeter_station.config_keys import Mail, Secret
from umeter_station.errors import StationError
from umeter_station.models_watch import alert_outbox
from umeter_station.watch import hook, mail, outbox, targets


@pytest.fixture
def books(db, tmp_path):
    books = open_books(tmp_path)
    yield books
    books.close()


# Mail


def test_a_finding_is_mailed_once(books):
    target(books, "email", "anna@example.org")
    number = note(books)
    with smtp_server() as inbox:
        assert send(books, host="127.0.0.1", port=inbox.port).sent == 1
        assert send(books, host="127.0.0.1", port=inbox.port).sent == 0
    (came,) = inbox.mails
    text = came.content.decode()
    assert came.rcpt_tos == ["anna@example.org"]
    assert "Subject: [alarm] m1 channel 2: register stands still under load" in text
    assert f"finding {number}" in text and "power_dw 900" in text


def test_nothing_in_a_name_becomes_a_header():
    wishes = {"rules": (), "sites": (), "meters": (), "quiet_from": 0, "quiet_to": 0, "tz": "UTC"}
    to = targets.Target(
        1,
        "x",
        "email",
        "a@b.c\r\nBcc: x@y.z",
        "info",
        **wishes,
        digest_min=0,
        enabled=True,
        told_id=0,
    )
    site = "North\r\nBcc: all@example.org\r\n\r\nbody"
    item = outbox.Item(1, 1, "opened", NOW_S, "A02", "alarm", site, "", 0, NOW_S, {})
    made = mail.compose(Mail(), outbox.Parcel(to, b"", (item,)), NOW_S)
    head = made.as_bytes().partition(b"\r\n\r\n")[0]
    assert b"\nBcc" not in head
    assert [name for name in made if name.lower() == "bcc"] == []


@pytest.mark.parametrize(
    "address",
    ["", "anna", "a@b.c, d@e.f", "a@b.c\nBcc: d@e.f", "a b@c.d", "<a@b.c>", "a@b.c\x00"],
)
def test_what_is_no_mail_address(books, address):
    with pytest.raises(StationError):
        target(books, "email", address)


def test_login(books):
    target(books, "email", "anna@example.org")
    note(books)

    def check(_server, _session, _envelope, _mechanism, login):
        good = (login.login, login.password) == (b"station", PASSWORD.encode())
        return AuthResult(success=good, handled=False)

    with smtp_server(check) as inbox:
        more = {"host": "127.0.0.1", "port": inbox.port, "user": "station"}
        assert send(books, **more, password=Secret("wrong")).failed == 1
        books.clock.unix_s += 120
        assert send(books, **more, password=Secret(PASSWORD)).sent == 1
    assert len(inbox.mails) == 1


def test_starttls_is_insisted_on(books):
    target(books, "email", "anna@example.org")
    note(books)
    with smtp_server() as inbox:
        assert send(books, host="127.0.0.1", port=inbox.port, tls="starttls").failed == 1
    assert inbox.mails == []


@pytest.mark.parametrize("tls", ["starttls", "tls"])
@pytest.mark.parametrize("trusted", [True, False])
def test_a_certificate_is_checked(books, tmp_path, monkeypatch, tls, trusted):
    ca = Authority()
    crt, key = ca.issue("localhost").write(tmp_path, "server")
    ca.write(tmp_path, "ca")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / ("ca.crt" if trusted else "none.crt")))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(crt, key)
    served = {"starttls": {"tls_context": context}, "tls": {"ssl_context": context}}[tls]
    target(books, "email", "anna@example.org")
    note(books)
    with smtp_server(**served) as inbox:
        sent = send(books, host="localhost", port=inbox.port, tls=tls).sent
    assert (sent, len(inbox.mails)) == ((1, 1) if trusted else (0, 0))


def test_failures_tell_no_secret(books, caplog):
    target(books, "email", "anna@example.org")
    note(books)
    with smtp_server() as inbox:
        inbox.status = f"451 try {PASSWORD} again"
        send(books, host="127.0.0.1", port=inbox.port, user="", password=Secret(PASSWORD))
    with books.db.read() as conn:
        error = conn.execute(sa.select(alert_outbox.c.error)).scalar()
    assert error == "the mail server said 451"
    assert PASSWORD not in caplog.text and "451" in caplog.text


def test_what_the_server_will_never_take_is_given_up(books):
    target(books, "email", "anna@example.org")
    note(books)
    with smtp_server() as inbox:
        inbox.status = "554 no"
        assert send(books, host="127.0.0.1", port=inbox.port).failed == 1
    assert states(books) == ["failed"]


def test_without_a_mail_server_it_waits(books):
    target(books, "email", "anna@example.org")
    note(books)
    assert send(books).failed == 1
    assert states(books) == ["waiting"]


# Webhooks


def test_a_webhook_is_signed(books):
    with http_server() as (url, came):
        _, secret = target(books, address=url)
        number = note(books)
        assert send(books).sent == 1
    ((headers, body),) = came
    stamp, _, signature = headers[hook.SIGNATURE].partition(",v1=")
    assert stamp == f"t={NOW_S}"
    expected = hmac.new(secret.encode(), f"{NOW_S}.".encode() + body, hashlib.sha256)
    assert hmac.compare_digest(signature, expected.hexdigest())
    (alert,) = json.loads(body)["alerts"]
    assert (alert["finding_id"], alert["rule"], alert["what"]) == (number, "A08", "opened")
    assert alert["evidence"] == {"power_dw": 900}


@pytest.mark.parametrize(("status", "then"), [(500, "waiting"), (302, "waiting"), (410, "failed")])
def test_a_webhook_that_does_not_take_it(books, status, then):
    with http_server(lambda: status) as (url, came):
        target(books, address=url)
        note(books)
        assert send(books).failed == 1
    assert len(came) == 1  # a redirect is not followed
    assert states(books) == [then]


def test_it_is_tried_again_later_and_later(books):
    target(books)
    note(books)
    tries = []
    for minute in (*range(130), *range(180, 3 * 1440, 60)):
        books.clock.unix_s = NOW_S + 60 * minute
        if send(books).failed:
            tries.append(minute)
    waits = [b - a for a, b in pairwise(tries)]
    assert waits[:6] == [1, 2, 4, 8, 16, 32]
    assert waits == sorted(waits) and len(tries) < 13


def test_a_sender_that_died_is_made_up_for_under_the_same_number(books):
    with http_server() as (url, came):
        target(books, address=url)
        note(books)
        with books.db.write() as conn:
            outbox.collect(conn, NOW_S)
            (parcel,) = outbox.claim(conn, NOW_S)
        hook.send(parcel, NOW_S)  # and then it dies
        assert send(books).sent == 0  # another one waits for it
        books.clock.unix_s += 301
        assert send(books).sent == 1
    first, second = (json.loads(body)["id"] for _, body in came)
    assert first == second


@pytest.mark.parametrize(
    "address",
    [
        *("ftp://x/y", "http://", "http://a:b@c/d", "http://@x/", "http://x/ y", "http://x:0/"),
        *("file:///etc/passwd", "http://a..b/", "http://" + 64 * "a"),
    ],
)
def test_what_is_no_webhook(books, address):
    with pytest.raises(StationError):
        target(books, address=address)
