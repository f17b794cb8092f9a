"""The connection to the broker: paho's client on a thread of ours.

What has arrived is read from the socket at once (bulk_client.py), and handed on in bursts.
"""

import contextlib
import logging
import select
import socket
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from umeter_station import broker_url as broker_urls
from umeter_station.bulk_client import BulkClient

# Retained messages do not come to who shares a subscription: who leads hears these by himself.
PLAIN_TOPICS = ("umeter/+/up/status", "umeter/+/up/settings")
_ALL_TOPICS = ("umeter/+/up/#",)
_SHARED_TOPICS = tuple(
    f"$share/umeter/umeter/+/up/{kind}" for kind in ("reading", "result", "event")
)
_KEEPALIVE_S = 30
_TURN_S = 1.0
_BURST = 500
_GOODBYE_S = 2.0
_PAUSE_S = (1.0, 10.0)  # before the next try to connect: the first, and the longest
# Of a worker that shares: what may be on its way to it, and how long its session outlives it.
_WINDOW_MESSAGES = 1000
_SESSION_S = 300
_log = logging.getLogger(__name__)


class Received(NamedTuple):
    """`connection` counts connections: a number `mid` is worth something in its own only."""

    topic: str
    payload: bytes
    mid: int
    qos: int
    connection: int


class Sent:
    """A message handed to paho; one that it gave up (QoS 0, connection lost) is done, too."""

    def __init__(self, info: mqtt.MQTTMessageInfo) -> None:
        self._info = info

    def is_published(self) -> bool:
        return self._info.rc != mqtt.MQTT_ERR_SUCCESS or self._info.is_published()


class Link:
    """`start()` and `stop()`. `take` gets what arrives, in bursts, on the link's thread, and may
    hold it up; `on_up` is called when the subscriptions stand.

    `broker_url`: mqtt://[user[:password]@]host[:port], or mqtts:// for TLS; `ca_file`: what its
    certificate is checked by then, in place of the public CAs. `is_shared`: other workers have
    the same subscription, and each message comes to one of them.
    """

    def __init__(
        self,
        broker_url: str,
        client_id: str,
        take: Callable[[list[Received]], None],
        on_up: Callable[[], None] = lambda: None,
        ca_file: Path | None = None,
        is_shared: bool = False,
    ) -> None:
        self._take = take
        self._on_up = on_up
        self._is_shared = is_shared
        self._leads = not is_shared
        self._connection = 0  # Counts connections made and lost.
        self._ack_lock = threading.Lock()
        self._connected = threading.Event()
        self._stopping = threading.Event()
        self._ours, self._theirs = socket.socketpair()
        for end in (self._ours, self._theirs):
            end.setblocking(False)
        self._host, self._port, self._client = _client(broker_url, client_id, ca_file, is_shared)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        # Given this, paho leaves the writing to our loop.
        self._client.on_socket_register_write = lambda *_: self._wake()
        self._thread = threading.Thread(target=self._run, name="umeter-link", daemon=True)

    @property
    def is_up(self) -> bool:
        return self._connected.is_set()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._wake()
        self._thread.join()
        for end in (self._ours, self._theirs):
            end.close()

    def wait_up(self, timeout_s: float) -> bool:
        return self._connected.wait(timeout_s)

    def lead(self) -> None:
        """Hear what is retained, too."""
        if not self._leads:
            self._leads = True
            self._client.subscribe([(topic, 1) for topic in PLAIN_TOPICS])
            self._wake()

    def follow(self) -> None:
        """Another worker leads now."""
        if self._is_shared and self._leads:
            self._leads = False
            self._client.unsubscribe(list(PLAIN_TOPICS))
            self._wake()

    def publish(self, topic: str, payload: bytes, qos: int) -> Sent | None:
        """None if there is no connection."""
        if not self._connected.is_set():
            return None
        info = self._client.publish(topic, payload, qos)
        self._wake()
        return Sent(info) if info.rc == mqtt.MQTT_ERR_SUCCESS else None

    def acknowledge(self, batch: Iterable[Received]) -> None:
        # On a new connection the same number may stand for another message. What is queued before
        # on_disconnect() has had the lock, paho throws away when it connects again.
        with self._ack_lock:
            self._client.acknowledge(
                received.mid
                for received in batch
                if received.qos and received.connection == self._connection
            )
        self._wake()

    # On the link's thread.

    def _run(self) -> None:
        pause_s = _PAUSE_S[0]
        while not self._stopping.is_set():
            before = self._connection
            try:
                self._connect()
                self._serve()
            except (OSError, ValueError) as error:
                _log.debug("the broker cannot be reached: %s", error)
            self._connected.clear()
            self._client.forget()
            pause_s = _PAUSE_S[0] if self._connection > before else min(2 * pause_s, _PAUSE_S[1])
            self._stopping.wait(pause_s)

    def _connect(self) -> None:
        if not self._is_shared:
            self._client.connect(self._host, self._port, _KEEPALIVE_S)
            return
        wanted = Properties(PacketTypes.CONNECT)
        wanted.ReceiveMaximum = _WINDOW_MESSAGES
        wanted.SessionExpiryInterval = _SESSION_S
        self._client.connect(
            self._host, self._port, _KEEPALIVE_S, clean_start=False, properties=wanted
        )

    def _serve(self) -> None:
        """Until the connection is lost or ended."""
        client, end_s = self._client, None
        client.is_dry = True
        while (connection := client.socket()) is not None:
            if self._stopping.is_set():
                if end_s is None:
                    client.disconnect()
                    end_s = time.monotonic() + _GOODBYE_S
                if time.monotonic() > end_s:
                    return
            writing = [connection] if client.want_write() else []
            timeout_s = _TURN_S if client.is_dry else 0.0
            readable, _, _ = select.select([connection, self._theirs], writing, [], timeout_s)
            if self._theirs in readable:
                with contextlib.suppress(BlockingIOError):
                    self._theirs.recv(4096)
            if connection in readable or not client.is_dry:
                self._read()
            if client.want_write():
                client.loop_write()
            client.loop_misc()

    def _read(self) -> None:
        client, burst = self._client, []
        while len(burst) < _BURST and client.socket() is not None:
            came = client.take(_BURST - len(burst))
            burst += [Received(*message, self._connection) for message in came]
            if client.is_dry:
                break
        if burst:
            self._take(burst)

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # Full: it is awake. Closed: it has ended.
            self._ours.send(b"\0")

    def _on_connect(self, client, _userdata, _flags, reason, _properties) -> None:
        if reason.is_failure:
            _log.warning("the broker refused the connection: %s", reason)
            return
        with self._ack_lock:
            self._connection += 1
        topics = _SHARED_TOPICS if self._is_shared else _ALL_TOPICS
        if self._is_shared and self._leads:
            topics += PLAIN_TOPICS
        client.subscribe([(topic, 1) for topic in topics])

    def _on_subscribe(self, _client, _userdata, _mid, reasons, _properties) -> None:
        # Before this the broker drops what a meter says: no order may be answered yet.
        if any(reason.is_failure for reason in reasons):
            _log.error("the broker refused the subscription; its access list must allow it")
            return
        self._connected.set()
        self._on_up()

    def _on_disconnect(self, _client, _userdata, _flags, _reason, _properties) -> None:
        with self._ack_lock:
            self._connection += 1
        self._connected.clear()


def _client(
    broker_url: str, client_id: str, ca_file: Path | None, is_shared: bool
) -> tuple[str, int, BulkClient]:
    broker = broker_urls.parse(broker_url)
    # Version 5 for who shares: brokers that know shared subscriptions know that, and it says how
    # much may be on its way. The embedded broker knows 3.1.1 alone.
    client = BulkClient(
        mqtt.CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=None if is_shared else False,
        protocol=mqtt.MQTTv5 if is_shared else mqtt.MQTTv311,
        manual_ack=True,
    )
    broker.prepare(client, ca_file)
    return broker.host, broker.port, client
