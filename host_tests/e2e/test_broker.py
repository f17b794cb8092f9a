"""The embedded broker's port: kept over restarts, waited for, and refused with a sentence."""

import asyncio
import socket
import threading
import time

import pytest

from umeter_station import broker as broker_module
from umeter_station.broker import EmbeddedBroker
from umeter_station.errors import StationError


def _hold(port):
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", port))
    holder.listen()
    return holder


def test_the_port_stays_and_is_none_that_clients_are_given():
    broker = EmbeddedBroker()
    broker.start()
    port = broker.port
    broker.stop()
    broker.start()
    broker.stop()
    assert broker.port == port
    assert 15_000 <= port < 32_000


def test_a_port_that_is_held_for_a_moment_is_waited_for():
    broker = EmbeddedBroker()
    broker.start()
    broker.stop()
    holder = _hold(broker.port)
    threading.Timer(0.5, holder.close).start()
    begun_s = time.monotonic()
    broker.start()
    assert time.monotonic() - begun_s >= 0.4
    broker.stop()


def test_a_port_that_is_held_on_is_told(monkeypatch):
    monkeypatch.setattr(broker_module, "_PORT_TIMEOUT_S", 0.3)
    broker = EmbeddedBroker()
    broker.start()
    broker.stop()
    with _hold(broker.port), pytest.raises(StationError, match="choose another port"):
        broker.start()
    assert not broker.is_running


def test_a_host_that_is_not_this_machine_is_told():
    with pytest.raises(StationError, match=r"cannot listen on 192\.0\.2\.1"):
        EmbeddedBroker(host="192.0.2.1").start()


def test_it_ends_though_clients_come_back_all_the_time():
    broker = EmbeddedBroker()
    broker.start()
    done = threading.Event()
    # MQTT 3.1.1, clean session, keepalive 60 s, client identifier "c0".
    hello = bytes.fromhex("100e00044d5154540402003c00026330")

    def come_back(number):
        while not done.is_set():
            try:
                with socket.create_connection((broker.host, broker.port), 1) as client:
                    client.sendall(hello[:-1] + bytes((hello[-1] + number,)))
                    client.settimeout(0.05)
                    client.recv(4)
                    client.recv(4)
            except OSError:
                done.wait(0.001)

    clients = [threading.Thread(target=come_back, args=(n,)) for n in range(4)]
    for client in clients:
        client.start()
    try:
        for _ in range(6):
            time.sleep(0.2)
            begun_s = time.monotonic()
            broker.stop()
            assert time.monotonic() - begun_s < 6
            with pytest.raises(OSError):
                socket.create_connection((broker.host, broker.port), 1)
            broker.start()
    finally:
        done.set()
        for client in clients:
            client.join()
        broker.stop()


def test_it_ends_though_its_sessions_do_not(monkeypatch):
    async def never(_broker):
        await asyncio.sleep(3600)

    monkeypatch.setattr("amqtt.broker.Broker.shutdown", never)
    monkeypatch.setattr(broker_module, "_SHUTDOWN_S", 0.3)
    broker = EmbeddedBroker()
    broker.start()
    client = socket.create_connection((broker.host, broker.port), 5)
    client.sendall(bytes.fromhex("100e00044d5154540402003c00026330"))
    assert client.recv(4) == bytes.fromhex("20020000")
    begun_s = time.monotonic()
    broker.stop()
    assert time.monotonic() - begun_s < 5
    client.settimeout(5)
    try:
        assert client.recv(1) == b"", "connections are closed"
    except ConnectionResetError:
        pass
    client.close()
    broker.start()
    broker.stop()
