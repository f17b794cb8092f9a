"""A station's books, a mail server and a web server, for the tests of alerts."""

import socket
import threading
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import sqlalchemy as sa
from aiosmtpd.controller import Controller

from station_kit import NOW_S, FixedClock
from umeter_station import config
from umeter_station.config_keys import Mail
from umeter_station.models_watch import alert_outbox
from umeter_station.station import Books
from umeter_station.watch import alerts, findings, targets

ANNA = "operator:anna"
PASSWORD = "open sesame 42"


def open_books(home):
    """Of the station whose database is there."""
    config.create_home(home, "mqtt://127.0.0.1:1")
    return Books(home, FixedClock())


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
