"""TLS between board and a real Mosquitto: what is not the broker is never told anything, and the
meter goes on all the same.
"""

import datetime
import json
from contextlib import contextmanager

import pytest

from thoroughness import one_in
from tls_kit import Authority
from umeter_sim import mosquitto
from umeter_sim.link_scene import LinkScene
from umeter_sim.scene import METER, wait_until
from umeter_station.broker import unused_port

pytestmark = pytest.mark.skipif(
    not mosquitto.installed(), reason="Mosquitto is not installed here"
)
CA = Authority("umeter CA")
THIS_YEAR = 2026  # on the boards' clocks


def year(number):
    return datetime.datetime(number, 1, 1, tzinfo=datetime.UTC)


class TlsBroker(mosquitto.Mosquitto):
    """Plain TCP for the station, TLS for the board, with a certificate that can be changed."""

    def __init__(self, folder, client_ca=None):
        self.tls_port = unused_port("127.0.0.1")
        CA.write(folder, "ca")
        self.certify(folder, CA.issue("localhost"))
        lines = [
            f"listener {self.tls_port} 127.0.0.1",
            f"cafile {folder / 'ca.crt'}",
            f"certfile {folder / 'server.crt'}",
            f"keyfile {folder / 'server.key'}",
            "tls_version tlsv1.2",
            f"require_certificate {'true' if client_ca else 'false'}",
        ]
        super().__init__(folder, lines=lines)

    def certify(self, folder, issued):
        issued.write(folder, "server")


def tls_scene(folder, runtime, client=False):
    broker = TlsBroker(folder / "broker", client)
    site = {"brokers": [{"tls": True}], "ca": str(folder / "broker" / "ca.crt")}
    if client:
        paths = CA.issue(METER, client=True).write(folder, "client")
        site["client"] = {"cert": str(paths[0]), "key": str(paths[1])}
    return LinkScene(
        folder,
        runtime,
        host="localhost",
        target=("127.0.0.1", broker.tls_port),
        site=site,
        broker=broker,
        loads=[5000] * 8,
    )


@pytest.fixture(scope="module", params=one_in(2, ["micropython", "cpython"]))
def scene(request, tmp_path_factory):
    with tls_scene(tmp_path_factory.mktemp("scene"), request.param) as scene:
        scene.settle()
        yield scene


def certified(issued, words):
    """A fault: for a while the broker shows another certificate, which the board calls so."""

    @contextmanager
    def fault(scene):
        broker = scene.broker
        sessions = scene.value("app.session.sessions")
        broker.stop()
        broker.certify(broker.folder, issued)
        broker.start()
        scene.run_for(30, net_speed=10)
        assert scene.value("app.session.sessions") == sessions, "it has spoken to a stranger"
        assert words in scene.value("app.session.last_error")
        yield
        broker.stop()
        broker.certify(broker.folder, CA.issue("localhost"))
        broker.start()

    return fault


@contextmanager
def no_tls_at_all(scene):
    for garbage in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00" * 100, b"\x16\x03\x03\xff\xff"):
        scene.proxy.answer(garbage)
        scene.run_for(10, net_speed=10)
    yield
    scene.proxy.heal()


@contextmanager
def handshake_never_ends(scene):
    scene.proxy.black_hole()
    scene.run_for(60)
    yield
    scene.proxy.heal()


@contextmanager
def handshake_byte_by_byte(scene):
    scene.proxy.dribble()
    scene.proxy.reset()
    scene.run_for(60, net_speed=60)
    yield
    scene.proxy.heal()


FAULTS = {
    "wrong CA": certified(Authority("umeter CA").issue("localhost"), "trusted CA"),
    "wrong name": certified(CA.issue("elsewhere"), "Common Name"),
    "expired": certified(CA.issue("localhost", not_after=year(THIS_YEAR)), "expired"),
    "not yet": certified(CA.issue("localhost", not_before=year(THIS_YEAR + 10)), "future"),
    "garbage": no_tls_at_all,
    "black hole": handshake_never_ends,
    "dribble": handshake_byte_by_byte,
}


def status(scene):
    return json.loads(scene.station.meter(METER).status)


def test_the_status_says_that_it_is_tls_and_by_what_clock(scene):
    told = status(scene)
    assert told["tls"] == 1
    assert told["time"] in ("ntp", "station")


@pytest.mark.parametrize("name", one_in(2, FAULTS))
def test_lived_through(name, scene):
    assert scene.survives(FAULTS[name]) == []
    assert scene.station.reconcile() == []


def test_without_a_time_server_the_dates_are_judged_by_the_floor(tmp_path):
    with tls_scene(tmp_path, "cpython") as scene:
        scene.sim.ask("net", ntp_down=True)
        scene.settle()
        assert scene.sell(1, 1_000_000).state == "applied"
        assert status(scene)["time"] == "floor"


def test_a_broker_that_asks_for_it_gets_the_boards_own_certificate(tmp_path):
    with tls_scene(tmp_path, "cpython", client=True) as scene:
        scene.settle()
        assert scene.sell(1, 1_000_000).state == "applied"


def test_a_broker_that_asks_for_a_certificate_turns_away_who_has_none(tmp_path):
    with tls_scene(tmp_path, "cpython", client=True) as scene:
        scene.sim.ask("eval", expression="app.session._site.update(client=0)")
        scene.sim.start()
        wait_until(lambda: scene.value("app.session.failures") > 2, "some tries")
        assert scene.value("app.session.sessions") == 0
