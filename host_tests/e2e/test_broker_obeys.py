"""A real Mosquitto with the station's files: a meter reaches its own subtree, and nothing else."""

import os
import threading
import time
from contextlib import contextmanager

import paho.mqtt.client as mqtt
import pytest

from tls_kit import Authority
from umeter_deploy import files
from umeter_sim.mosquitto import Mosquitto, installed
from umeter_station import config
from umeter_station.broker import unused_port
from umeter_station.broker_config import STATION_USER, Tls, contents, hashed
from umeter_station.errors import StationError
from umeter_station.station import Station

pytestmark = pytest.mark.skipif(
    not installed(), reason="no Mosquitto is installed: its package is called mosquitto"
)
PASSWORDS = {"m1": "one", "m2": "two", STATION_USER: "three"}
HASHES = {user: hashed(password) for user, password in PASSWORDS.items()}


def mosquitto(folder, made, port):
    """Runs with these files, in a context."""
    files.write(folder, made)
    (folder / "data").mkdir(exist_ok=True)
    conf = made["mosquitto.conf"]
    if os.geteuid() == 0:  # it would become another user, who cannot read them
        conf += "user root\n"
    return running(Mosquitto(folder, port, config=conf))


@contextmanager
def running(broker):
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


class Client:
    """Connected as a user; `heard`: (topic, payload) of what was brought."""

    def __init__(self, port, user, password=None, tls=None, client_id=None):
        self.heard, self._answers = [], {}
        self._news = threading.Condition()
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=client_id or user)
        if user:
            self.client.username_pw_set(user, password or PASSWORDS.get(user, "wrong"))
        if tls:
            self.client.tls_set(**tls)
        self.client.on_connect = lambda c, u, f, reason, p: self._say("in", reason)
        self.client.on_disconnect = lambda c, u, f, reason, p: self._say("out", reason)
        self.client.on_subscribe = lambda c, u, mid, reasons, p: self._say(mid, reasons[0])
        self.client.on_publish = lambda c, u, mid, reason, p: self._say(mid, reason)
        self.client.on_message = lambda c, u, m: self.heard.append((m.topic, m.payload))
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.is_in = not self.answer("in").is_failure

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.disconnect()
        self.client.loop_stop()

    def _say(self, what, reason):
        with self._news:
            self._answers[what] = reason
            self._news.notify_all()

    def answer(self, what):
        with self._news:
            assert self._news.wait_for(lambda: what in self._answers, 60), what
            return self._answers[what]

    def subscribe(self, topic):
        """May it?"""
        return not self.answer(self.client.subscribe(topic, 1)[1]).is_failure

    def publish(self, topic, payload=b"x", retain=False):
        """Sent, and acknowledged: which says nothing about whether it is passed on."""
        self.answer(self.client.publish(topic, payload, 1, retain).mid)


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mosquitto")
    port = unused_port("127.0.0.1")
    made = contents(folder, HASHES, port=port, data=folder / "data")
    with mosquitto(folder, made, port):
        yield port


def test_a_meter_reaches_its_own_subtree_only(port):
    with Client(port, STATION_USER) as station, Client(port, "m1") as m1, Client(port, "m2") as m2:
        assert station.subscribe("umeter/+/up/#")
        for client in m1, m2:
            for topic in ("umeter/m1/down/command", "umeter/m1/up/#", "#", "umeter/+/up/#"):
                client.subscribe(topic)
        m2.subscribe("umeter/m2/down/command")
        m2.publish("umeter/m1/up/reading", b"forged reading")
        m2.publish("umeter/m1/down/command", b"forged order")
        m2.publish("umeter/m2/down/command", b"forged order")
        m2.publish("other", b"foreign")
        m1.publish("umeter/m1/up/reading", b"reading")
        station.publish("umeter/m1/down/command", b"order")
        station.publish("umeter/m2/down/command", b"last")
        m2.publish("umeter/m2/up/reading", b"last")
        until(lambda: len(station.heard) == 2 and len(m2.heard) == 1 and len(m1.heard) == 1)
        assert station.heard == [
            ("umeter/m1/up/reading", b"reading"),
            ("umeter/m2/up/reading", b"last"),
        ]
        assert m1.heard == [("umeter/m1/down/command", b"order")]
        assert m2.heard == [("umeter/m2/down/command", b"last")]


def until(condition):
    end_s = time.monotonic() + 60
    while not condition() and time.monotonic() < end_s:
        time.sleep(0.01)


@pytest.mark.parametrize("user", ["m1", "m3", None, STATION_USER])
def test_nobody_else_gets_in(port, user):
    with Client(port, user, "wrong", client_id="somebody") as client:
        assert not client.is_in


def test_a_meter_cannot_take_another_ones_session(port):
    with Client(port, "m1") as m1, Client(port, "m2", client_id="m1") as m2:
        assert m2.is_in and m1.subscribe("umeter/m1/down/command")
        m1.publish("umeter/m1/up/reading")
        assert "out" not in m1._answers


def test_the_longest_answer_passes_and_no_longer_one(port):
    with Client(port, STATION_USER) as station, Client(port, "m1") as m1:
        station.subscribe("umeter/+/up/#")
        m1.publish("umeter/m1/up/result", bytes(8192))
        m1.client.publish("umeter/m1/up/result", bytes(8193), 1)
        m1.client.publish("umeter/m1/up/result", b"last", 1)
        until(lambda: station.heard and station.heard[-1][1] == b"last")
        assert [len(payload) for _, payload in station.heard] == [8192, 4]


def test_tls_with_certificates_of_both_sides(tmp_path):
    authority = Authority("test CA")
    server = authority.issue("127.0.0.1").write(tmp_path, "server")
    client = authority.issue("m1", client=True).write(tmp_path, "client")
    ca = authority.write(tmp_path, "ca")[0]
    port, local = unused_port("127.0.0.1"), unused_port("127.0.0.1")
    made = contents(tmp_path, HASHES, Tls(*server, ca), port, local, tmp_path / "data")
    with mosquitto(tmp_path, made, local):
        with Client(local, STATION_USER) as station:
            assert station.is_in
        tls = {"ca_certs": str(ca), "certfile": str(client[0]), "keyfile": str(client[1])}
        with Client(port, "m1", tls=tls) as m1:
            assert m1.is_in


def test_the_station_itself_by_tls(tmp_path):
    authority = Authority("test CA")
    server = authority.issue("localhost").write(tmp_path, "server")
    authority.write(tmp_path, "ca")
    port = unused_port("127.0.0.1")
    user = f"{STATION_USER}:{PASSWORDS[STATION_USER]}"
    home = config.create_home(tmp_path / "home", f"mqtts://{user}@localhost:{port}").home
    made = contents(tmp_path, HASHES, Tls(*server), port, data=tmp_path / "data")
    with mosquitto(tmp_path, made, port):
        assert not connects(home)
        with open(home / "config.toml", "a") as file:
            file.write('ca_file = "../ca.crt"\n')
        assert connects(home)
    (tmp_path / "ca.crt").write_text("none")
    with pytest.raises(StationError, match=r"ca.crt cannot be read as a CA's certificate in PEM"):
        connects(home)


def connects(home):
    station = Station(home)
    try:
        return station.start(connect_timeout_s=1)
    finally:
        station.close()
