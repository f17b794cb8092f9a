"""The time that certificates are judged by while nobody has set the clock, and TLS itself."""

import struct
import sys
import types

import pytest

from umeter.net.ntp import lend
from umeter_sim.fake_net import VirtualClock

UNIX_2020 = 1_577_836_800
MADE_T = 1_790_000_000
FLOOR = MADE_T - UNIX_2020
DAY_S = 86_400


class LentClock(VirtualClock):
    def __init__(self):
        super().__init__()
        self.lent = None

    def lend(self, when):
        self.lent = when


class Server:
    """An NTP server, and the patient socket between it and the meter."""

    AF_INET, SOCK_DGRAM, POLLIN = 2, 2, 1

    def __init__(self, clock, t, after_ms=40, **changes):
        self.clock = clock
        self.t = t
        self.after_ms = after_ms
        self.changes = changes
        self.answer_at_ms = None
        self.turns = self.closed = 0
        self.port = self
        self.select = types.SimpleNamespace(poll=lambda: self, POLLIN=1)

    def getaddrinfo(self, host, port):
        if self.t is None:
            raise OSError(-2)
        assert (host, port) == ("time", 123)
        return [(2, 2, 0, "", ("192.0.2.3", 123))]

    def turn(self):
        self.turns += 1

    def socket(self, family, kind):
        return self

    def setblocking(self, blocking):
        assert not blocking

    def sendto(self, request, address):
        assert len(request) == 48 and request[0] == 0x23
        self.cookie = request[40:]
        self.answer_at_ms = self.clock.now_ms + self.after_ms

    def register(self, sock, mask):
        pass

    def poll(self, ms):
        self.clock.now_ms += ms
        return [(self, 1)] if self.clock.now_ms >= self.answer_at_ms else []

    def recv(self, size):
        seconds = (self.t + 2_208_988_800) & 0xFFFFFFFF
        head = bytes((self.changes.get("mode", 0x24), self.changes.get("stratum", 2)))
        told = head + bytes(22) + self.changes.get("cookie", self.cookie)
        told += bytes(8) + struct.pack(">II", seconds, 77)
        return told[: self.changes.get("size", 48)]

    def close(self):
        self.closed += 1


def lent(t=MADE_T + 5 * DAY_S, last_when=0, tries=0, **server):
    clock = LentClock()
    far = Server(clock, t, **server)
    site = {"ntp": "time", "made_t": MADE_T}
    source = lend(far, clock, site, last_when, tries, lambda n: n - 1)
    assert clock.when == 0, "nobody has vouched for it"
    assert far.closed == (t is not None)
    return source, clock.lent, far


def test_the_servers_time_is_lent():
    assert lent()[:2] == ("ntp", FLOOR + 5 * DAY_S)


def test_the_meter_works_while_it_is_asked():
    source, _, far = lent(after_ms=4000)
    assert source == "ntp" and far.turns >= 190


@pytest.mark.parametrize("t", [2_085_978_495, 2_085_978_496, 2_650_838_399])
def test_the_seconds_since_1900_begin_anew_in_2036(t):
    assert lent(t)[:2] == ("ntp", t - UNIX_2020)


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": 0x23},
        {"stratum": 0},
        {"cookie": b"otherone"},
        {"size": 47},
        {"after_ms": 6000},
        {"t": MADE_T - DAY_S},
        {"t": 2_650_838_400},
        {"t": None},
    ],
    ids=[
        "a client",
        "kiss of death",
        "blind",
        "short",
        "late",
        "before the floor",
        "2054",
        "name",
    ],
)
def test_without_a_good_answer_there_is_a_floor(wrong):
    assert lent(**wrong)[:2] == ("floor", FLOOR)


def test_the_floor_is_the_last_that_the_meter_knew():
    assert lent(None, last_when=FLOOR + DAY_S)[:2] == ("floor", FLOOR + DAY_S)
    assert lent(None, last_when=FLOOR - DAY_S)[:2] == ("floor", FLOOR)


def test_each_try_supposes_a_month_more_for_three_years():
    times = [lent(None, tries=n)[1] for n in range(38)]
    assert times[:37] == [FLOOR + n * 30 * DAY_S for n in range(37)]
    assert times[37] == FLOOR


class Context:
    made = []

    def __init__(self, protocol):
        assert protocol == "client"
        self.verify_mode = None
        self.cas = []
        self.chain = None
        self.made.append(self)

    def load_verify_locations(self, der):
        self.cas.append(der)

    def load_cert_chain(self, cert, key):
        self.chain = (cert, key)

    def wrap_socket(self, raw, server_hostname, do_handshake_on_connect):
        assert self.verify_mode == "required", "before the socket takes it over"
        assert not do_handshake_on_connect, "it could not be waited for with patience"
        return (raw, server_hostname)


@pytest.mark.parametrize("client", [0, 1])
def test_tls_requires_the_brokers_certificate(monkeypatch, tmp_path, client):
    module = types.ModuleType("tls")
    module.SSLContext = Context
    module.PROTOCOL_TLS_CLIENT, module.CERT_REQUIRED = "client", "required"
    monkeypatch.setitem(sys.modules, "tls", module)
    monkeypatch.chdir(tmp_path)
    for name in ("ca0", "ca1", "client", "client_key"):
        (tmp_path / (name + ".der")).write_bytes(name.encode())
    from umeter.net.tls import wrap

    assert wrap("raw", {"ca": 2, "client": client}, "broker.example") == ("raw", "broker.example")
    context = Context.made.pop()
    assert context.cas == [b"ca0", b"ca1"]
    assert context.chain == ((b"client", b"client_key") if client else None)
