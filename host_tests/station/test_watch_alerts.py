"""Alerts: who is told of what and when, once, by servers that refuse, stall, and die."""

import hashlib
import hmac
import json
import socket
import ssl
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from station_kit import NOW_S, FixedClock
from tls_kit import Authority
from umeter_station import config
from umeter_station.config_keys import Mail, Secret
from umeter_station.errors import StationError
from umeter_station.models_watch import alert_outbox
from umeter_station.station import Books
from umeter_station.watch import alerts, findings, hook, mail, outbox, targets

ANNA = "operator:anna"
PASSWORD = "open sesame 42"


@pytest.fixture
def books(db, tmp_path):
    config.create_home(tmp_path, "mqtt://127.0.0.1:1")
    books = Books(tmp_path, FixedClock())
    yield books
    books.close()


class Inbox:
    """`status` is what it answers to DATA."""

    def __init__(self):
        self.mails = []
        self.status = "250 OK"

    async def handle_DATA(self, _server, _session, envelope):
        if self.status.startswith("250"):
            self.mails.append(envelope)
        return self.status


@contextmanager
def smtp_server(authenticator=None, **more):
    inbox = Inbox()
    if authenticator:
        more |= {"authenticator": authenticator, "auth_required": True}
    with socket.create_server(("127.0.0.1", 0)) as free:
        inbox.port = free.getsockname()[1]
    server = Controller(inbox, "127.0.0.1", inbox.port, auth_require_tls=False, **more)
    server.start()
    try:
        yield inbox
    finally:
        server.stop()


@contextmanager
def http_server(answer=lambda: 200):
    """Yields (its URL, list of (headers, body) that came)."""
    came = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            came.append((dict(self.headers), body))
            status = answer()
            self.send_response(status)
            if status in (302, 307):
                self.send_header("Location", "/elsewhere")
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/alerts", came
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def target(books, kind="webhook", address="http://127.0.0.1:9/x", name="ops", **wishes):
    with books.db.write() as conn:
        return targets.add(conn, name, kind, address, ANNA, NOW_S, **wishes)


def note(books, rule="A08", ch=2, severity="alarm", meter="m1", now_s=None, **more):
    with books.db.write() as conn:
        at_s = books.clock.now_s() if now_s is None else now_s
        return findings.note(conn, rule, meter, ch, {"power_dw": 900}, severity, at_s, **more)


def send(books, **more):
    books.config = replace(books.config, mail=Mail(**{"tls": "off", **more}))
    return alerts.send_due(books)


def states(books):
    with books.db.read() as conn:
        return list(
            conn.execute(sa.select(alert_outbox.c.state).order_by(alert_outbox.c.id)).scalars()
        )


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
    ["ftp://x/y", "http://", "http://a:b@c/d", "http://x/ y", "file:///etc/passwd", "http://x:0/"],
)
def test_what_is_no_webhook(books, address):
    with pytest.raises(StationError):
        target(books, address=address)


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
