"""A board whose firmware does nothing but what its `Caller` asks for: TLS with somebody."""

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tls_kit import Authority
from umeter_sim import board_api
from umeter_sim.paths import BOARDS

APP = """
import machine, select, socket, time, tls
from errno import EINPROGRESS

def load(name):
    with open(name, "rb") as file:
        return file.read()

class App:
    def step(self):
        time.sleep_ms(20)

    def set_year(self, year):
        machine.RTC().datetime((year, 6, 1, 0, 12, 0, 0, 0))

    def connect(self, port):
        self.s = None
        self.raw = s = socket.socket()
        s.setblocking(False)
        try:
            s.connect(("127.0.0.1", port))
        except OSError as error:
            assert error.args[0] == EINPROGRESS
        self.poller = select.poll()
        self.poller.register(s, select.POLLOUT)
        self.wait(s, select.POLLOUT)
        self.poller.unregister(s)

    def wrap(self, name, cas, client=False, verify=True):
        context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
        context.verify_mode = tls.CERT_REQUIRED if verify else 0  # CERT_NONE
        for ca in cas:
            context.load_verify_locations(load(ca))
        if client:
            context.load_cert_chain(load("client.der"), load("client_key.der"))
        self.s = context.wrap_socket(
            self.raw, server_hostname=name, do_handshake_on_connect=False
        )
        self.poller.register(self.s, select.POLLOUT)

    def wait(self, s, mask, ms=8000):
        self.poller.modify(s, mask)
        start = time.ticks_ms()
        while time.ticks_diff(time.ticks_ms(), start) < ms:
            found = self.poller.poll(20)
            if found:
                return found[0][1]
        return 0

    def echo(self, data):
        sent = 0
        got = b""
        while len(got) < len(data):
            if sent < len(data):
                sent += self.s.write(data[sent:]) or 0
            if not self.wait(self.s, select.POLLOUT if sent < len(data) else select.POLLIN):
                return "silence"
            part = self.s.read(1000)
            if part == b"":
                return "closed"
            got += part or b""
        return "echo" if got == data else "other"

    def tried(self, work):
        try:
            return work()
        except (OSError, ValueError, TypeError) as error:
            return [type(error).__name__] + [str(each) for each in error.args]

    def call(self, port, data, *options):
        def work():
            self.connect(port)
            self.wrap(*options)
            return self.echo(data)
        return self.tried(work)

    def swapped(self):
        context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
        context.load_cert_chain(load("client_key.der"), load("client.der"))

    def not_bytes(self):
        tls.SSLContext(tls.PROTOCOL_TLS_CLIENT).load_verify_locations(bytearray(10))

    def end(self):
        if self.s:
            self.s.close()
        self.raw.close()

def build():
    return App()
"""
GOOD = ["ca0.der"]
CA = Authority("the CA")
OTHER_CA = Authority("another CA")
OLD_CA = Authority("an old CA", not_after=datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC))
SERVER = CA.issue("localhost", names=["localhost", "127.0.0.1", "*.meters.example"])
CLIENT = CA.issue("m1", client=True)
FILES = {
    "ca0.der": CA.der,
    "ca1.der": OTHER_CA.der,
    "ca2.der": OLD_CA.der,
    "client.der": CLIENT.der,
    "client_key.der": CLIENT.key_der,
    "rubbish.der": b"0\x82no certificate",
}
YEAR = 2026


class Caller:
    """Asks the board's firmware; values are what JSON makes of them."""

    def __init__(self, board: board_api.SimBoard):
        self.board = board

    def __call__(self, expression: str):
        return self.board.ask("eval", expression=expression)["value"]

    def call(self, port, name="localhost", cas=GOOD, client=False, verify=True, data=b"hello"):
        """ "echo", "closed", "silence", or the exception as [type, arguments...]."""
        options = f"{name!r}, {cas!r}, {client}, {verify}"
        answer = self(f"app.call({port}, {data!r}, {options})")
        self("app.end()")
        return answer


@contextmanager
def tls_caller(folder: Path, runtime: str) -> Iterator[Caller]:
    """The Caller of a board in this folder, whose RTC is set to YEAR."""
    with pytest.MonkeyPatch.context() as patch, _open_board(folder, runtime, patch) as board:
        caller = Caller(board)
        caller(f"app.set_year({YEAR})")
        yield caller


def _open_board(folder: Path, runtime: str, monkeypatch) -> board_api.SimBoard:
    source = folder / "firmware"
    (source / "umeter").mkdir(parents=True)
    (source / "boot.py").write_text("import sys\nsys.path.insert(0, 'a')\n")
    (source / "umeter" / "__init__.py").write_text("")
    (source / "umeter" / "app.py").write_text(APP)
    texts = {"board.json": (BOARDS / "sim8" / "board.json").read_text(), "site.json": "{}"}
    monkeypatch.setattr(board_api, "_files", lambda *_: {**texts, **FILES})
    return board_api.open_board(
        runtime=runtime, firmware=source, site={}, workdir=folder / "board", speed=60, net_speed=10
    )
