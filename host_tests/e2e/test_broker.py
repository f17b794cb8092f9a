"""The embedded broker's port: kept over restarts, waited for, and refused with a sentence."""

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
