"""The runner of a real Mosquitto: its port, its memory, its complaints."""

import contextlib
import queue
import socket

import paho.mqtt.client as mqtt
import pytest

from umeter_sim import mosquitto
from umeter_sim.mosquitto import Mosquitto, any_broker
from umeter_station.broker import EmbeddedBroker
from umeter_station.errors import StationError

pytestmark = pytest.mark.skipif(
    not mosquitto.installed(), reason="Mosquitto is not installed here"
)


@pytest.fixture
def broker(tmp_path):
    broker = Mosquitto(tmp_path)
    broker.start()
    yield broker
    broker.stop()


@contextlib.contextmanager
def client_of(broker, name="c"):
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=name)
    client.connect(broker.host, broker.port)
    client.loop_start()
    yield client
    client.disconnect()
    client.loop_stop()


def retained(broker, topic="t", timeout_s=0.3):
    """What a new subscriber is greeted with, None for nothing."""
    heard = queue.Queue()
    with client_of(broker, "reader") as client:
        client.on_message = lambda *args: heard.put(args[-1].payload)
        client.subscribe(topic, 1)
        try:
            return heard.get(timeout=timeout_s)
        except queue.Empty:
            return None


def publish(broker):
    with client_of(broker) as client:
        client.publish("t", b"kept", qos=1, retain=True).wait_for_publish(5)


def test_its_port_is_free_for_clients_and_stays(broker):
    port = broker.port
    assert 15_000 <= port < 32_000
    assert broker.url == f"mqtt://127.0.0.1:{port}" and broker.is_running
    broker.start()
    broker.stop()
    assert not broker.is_running
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((broker.host, port), 1)
    broker.start()
    assert broker.port == port


def test_what_it_holds_outlives_a_stop(broker):
    publish(broker)
    broker.stop()
    broker.start()
    assert retained(broker, timeout_s=60) == b"kept"


def test_it_may_be_made_to_forget(broker):
    publish(broker)
    broker.stop(keep=False)
    broker.start()
    assert retained(broker) is None


def test_killed_it_leaves_its_port(broker):
    publish(broker)
    broker.kill(keep=False)
    assert not broker.is_running
    broker.start()
    assert retained(broker) is None


def test_a_port_that_is_taken_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(mosquitto, "_START_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as holder:
        broker = Mosquitto(tmp_path, holder.getsockname()[1])
        with pytest.raises(StationError, match="does not start on port"):
            broker.start()
    assert not broker.is_running


def test_what_is_wrong_in_its_configuration_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(mosquitto, "_START_S", 0.5)
    broker = Mosquitto(tmp_path, lines=["no_such_thing 1"])
    with pytest.raises(StationError, match=r"no_such_thing|configuration"):
        broker.start()


def test_a_configuration_of_somebody_else_is_taken_as_it_is(tmp_path):
    port = mosquitto.unused_port("127.0.0.1")
    text = f"listener {port} 127.0.0.1\nallow_anonymous true\n"
    broker = Mosquitto(tmp_path, port, config=text)
    broker.start()
    publish(broker)
    assert retained(broker, timeout_s=60) == b"kept"
    broker.stop()
    assert (tmp_path / "mosquitto.conf").read_text() == text
    assert not (tmp_path / "mosquitto.db").exists()


def test_where_it_is_not_installed_the_embedded_broker_is_taken(monkeypatch):
    assert isinstance(any_broker(), Mosquitto)
    monkeypatch.setattr(mosquitto, "installed", lambda: None)
    assert isinstance(any_broker(), EmbeddedBroker)
    with pytest.raises(StationError, match="not installed"):
        Mosquitto().start()
