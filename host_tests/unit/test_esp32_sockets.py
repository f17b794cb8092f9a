"""The ESP32's socket rules: umqtt.simple on them by itself, and with the patient socket.

The first half shows that the fake has the traps; without it the second half would prove nothing.
"""

import itertools

import pytest

from esp32_socket import NEWLIB, Esp32Network, Hang
from umeter.net import transport
from umeter.net.transport import PatientSocket
from umeter_sim import fake_net
from umeter_sim.fake_mqtt import Broker, load_umqtt
from umeter_sim.fake_net import VirtualClock


@pytest.fixture(autouse=True)
def newlib(monkeypatch):
    monkeypatch.setattr(transport, "errno", NEWLIB)
    monkeypatch.setattr(fake_net, "errno", NEWLIB)


@pytest.fixture
def network():
    network = Esp32Network(VirtualClock())
    network.broker = Broker(network)
    return network


def stock_client(network):
    """umqtt.simple as it is, on the port's own sockets."""
    umqtt = load_umqtt(newer=True)
    umqtt.socket = network
    client = umqtt.MQTTClient(b"m1", "broker", 1883)
    client.set_callback(lambda topic, message: None)
    return client


def a_socket(network):
    sock = network.socket()
    sock.connect(network.address)
    return sock


def test_setblocking_erases_the_timeout(network):
    sock = a_socket(network)
    sock.settimeout(2)
    begun_ms = network.clock.now_ms
    with pytest.raises(OSError) as caught:
        sock.read(1)
    assert caught.value.args[0] == NEWLIB.ETIMEDOUT
    assert network.clock.now_ms - begun_ms == 2000
    sock.setblocking(True)
    with pytest.raises(Hang):
        sock.read(1)


def test_a_timeout_begins_anew_with_every_byte(network):
    sock = a_socket(network)
    sock.settimeout(1)
    for i in range(5):
        network.wires[-1].arrive(b"x", 900 * (i + 1))
    begun_ms = network.clock.now_ms
    assert sock.read(5) == b"xxxxx"
    assert network.clock.now_ms - begun_ms >= 4500


def test_a_timeout_below_the_quantum_is_none(network):
    sock = a_socket(network)
    sock.settimeout(0.05)
    begun_ms = network.clock.now_ms
    assert sock.read(1) is None
    assert network.clock.now_ms - begun_ms == 100


def test_umqtt_simple_alone_hangs_after_its_first_look(network):
    client = stock_client(network)
    client.connect(timeout=2)
    client.check_msg()
    network.broker.acks = False
    with pytest.raises(Hang):
        client.publish(b"t", b"x", qos=1)


@pytest.mark.parametrize("newer", [False, True], ids=["1.3.4", "1.8"])
def test_with_the_patient_socket_it_ends_in_time(network, newer):
    turns = []
    clock = network.clock
    patient = PatientSocket(network, network.select, lambda: turns.append(clock.now_ms), clock)
    umqtt = load_umqtt(newer)
    umqtt.socket = patient
    client = umqtt.MQTTClient(b"m1", "broker", 1883)
    client.set_callback(lambda topic, message: None)
    patient.begin()
    client.connect()
    client.check_msg()
    network.broker.acks = False
    patient.begin()
    begun_ms = clock.now_ms
    with pytest.raises(OSError) as caught:
        client.publish(b"t", b"x", qos=1)
    assert caught.value.args[0] == NEWLIB.ETIMEDOUT
    assert clock.now_ms - begun_ms <= 10_040
    moments = [begun_ms, *(t for t in turns if t > begun_ms), clock.now_ms]
    assert max(b - a for a, b in itertools.pairwise(moments)) <= 20


@pytest.mark.parametrize(
    ("change", "number"),
    [
        ({"unreachable": True}, NEWLIB.EHOSTUNREACH),
        ({"refusing": True}, NEWLIB.ECONNRESET),
        ({"connect_ms": None}, NEWLIB.ETIMEDOUT),
    ],
    ids=["unreachable", "refused", "unanswered"],
)
def test_connects_fail_with_the_ports_own_numbers(network, change, number):
    vars(network).update(change)
    patient = PatientSocket(network, network.select, lambda: None, network.clock)
    sock = patient.socket()
    patient.begin()
    with pytest.raises(OSError) as caught:
        sock.connect(network.address)
    assert caught.value.args[0] == number
