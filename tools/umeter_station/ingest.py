"""MQTT on one side, the database on the other: messages are acknowledged after the commit."""

import logging
import queue
import ssl
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as mqtt
from sqlalchemy.exc import OperationalError

from umeter_station.clock import Clock
from umeter_station.config import without_password
from umeter_station.db import Database, count
from umeter_station.errors import StationError
from umeter_station.inbox import Inbox, Message
from umeter_station.outbox import Delivery, Outbox

_TOPICS = [("umeter/+/up/#", 1)]
_BATCH_MESSAGES = 50
_BATCH_S = 0.02
_IDLE_S = 0.05
_QUEUE_MESSAGES = 10_000
_RETRY_S = 1.0
_KEEPALIVE_S = 30
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Received:
    message: Message
    mid: int
    qos: int
    connection: int


class _Delivery:
    """A message handed to paho; one that it gave up (QoS 0, connection lost) is done, too."""

    def __init__(self, info: mqtt.MQTTMessageInfo) -> None:
        self._info = info

    def is_published(self) -> bool:
        return self._info.rc != mqtt.MQTT_ERR_SUCCESS or self._info.is_published()


class Ingest:
    """`start()` and `stop()`; two threads: paho's reads and writes the socket, ours the database.

    `broker_url`: mqtt://[user[:password]@]host[:port], or mqtts:// for TLS; `ca_file`: what its
    certificate is checked by then, in place of the public CAs.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        broker_url: str,
        client_id: str,
        ca_file: Path | None = None,
    ) -> None:
        self._db = db
        self._clock = clock
        self._inbox = Inbox(clock.tolerance_s)
        self._outbox = Outbox(db, clock, self._publish)
        self._received: queue.Queue[_Received] = queue.Queue(_QUEUE_MESSAGES)
        self._connection = 0  # Counts connections made and lost.
        self._ack_lock = threading.Lock()
        self._connected = threading.Event()
        self._wake_all = threading.Event()
        self._stopping = threading.Event()
        self._host, self._port, self._client = _client(broker_url, client_id, ca_file)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._thread = threading.Thread(target=self._run, name="umeter-ingest", daemon=True)

    def start(self) -> None:
        self._clock.now_s()  # An unreadable clock is said here, not in a thread.
        self._client.connect_async(self._host, self._port, _KEEPALIVE_S)
        self._client.loop_start()
        self._thread.start()

    def stop(self) -> None:
        """What was received is stored; what could not be acknowledged any more comes again."""
        self._client.disconnect()
        self._client.loop_stop()
        self._stopping.set()
        self._thread.join()

    def wait_connected(self, timeout_s: float) -> bool:
        return self._connected.wait(timeout_s)

    # On paho's thread.

    def _on_connect(self, client, _userdata, _flags, reason, _properties) -> None:
        if reason.is_failure:
            _log.warning("the broker refused the connection: %s", reason)
            return
        with self._ack_lock:
            self._connection += 1
        client.subscribe(_TOPICS)

    def _on_subscribe(self, _client, _userdata, _mid, reasons, _properties) -> None:
        # Before this the broker drops what a meter says: no order may be answered yet.
        if any(reason.is_failure for reason in reasons):
            _log.error("the broker refused the subscription; its access list must allow it")
            return
        self._wake_all.set()
        self._connected.set()

    def _on_disconnect(self, _client, _userdata, _flags, _reason, _properties) -> None:
        with self._ack_lock:
            self._connection += 1
        self._connected.clear()

    def _on_message(self, _client, _userdata, message: mqtt.MQTTMessage) -> None:
        # A full queue holds up the socket, and so the broker: nothing is dropped here.
        self._received.put(
            _Received(
                Message(message.topic, message.payload),
                message.mid,
                message.qos,
                self._connection,
            )
        )

    # On our own thread.

    def _run(self) -> None:
        while not (self._stopping.is_set() and self._received.empty()):
            try:
                batch = self._next_batch()
                if batch:
                    self._store(batch)
                if self._wake_all.is_set():
                    self._wake_all.clear()
                    self._outbox.wake()
                if self._connected.is_set():
                    self._outbox.step()
            except (OperationalError, StationError) as error:
                _log.error("the outbox waits: %s", error)
                self._stopping.wait(_RETRY_S)
            except Exception:
                _log.exception("the outbox waits")
                self._stopping.wait(_RETRY_S)

    def _next_batch(self) -> list[_Received]:
        try:
            batch = [self._received.get(timeout=_IDLE_S)]
        except queue.Empty:
            return []
        end_s = time.monotonic() + _BATCH_S
        while len(batch) < _BATCH_MESSAGES:
            try:
                batch.append(self._received.get(timeout=max(0.0, end_s - time.monotonic())))
            except queue.Empty:
                break
        return batch

    def _store(self, batch: list[_Received]) -> None:
        """Commit, then acknowledge. While the database cannot be written, nothing goes on."""
        while True:
            try:
                with self._db.write() as conn:
                    messages = [received.message for received in batch]
                    appeared = self._inbox.store(conn, messages, self._clock.now_s())
                break
            except (OperationalError, StationError) as error:
                _log.error("%d messages wait to be stored: %s", len(batch), error)
                if self._stopping.wait(_RETRY_S):
                    return
            except Exception:
                _log.exception("a message cannot be stored")
                if len(batch) > 1:
                    for received in batch:
                        self._store([received])
                    return
                # Asking the broker for it again would only end here again.
                self._count_failed()
                appeared = set()
                break
        for received in batch:
            self._acknowledge(received)
        if appeared:
            self._outbox.wake(appeared)

    def _count_failed(self) -> None:
        with self._db.write() as conn:
            count(conn, "message.failed")

    def _acknowledge(self, received: _Received) -> None:
        # On a new connection the same number may stand for another message. What is queued before
        # on_disconnect() has had the lock, paho throws away when it connects again.
        with self._ack_lock:
            if received.qos and received.connection == self._connection:
                self._client.ack(received.mid, received.qos)

    def _publish(self, topic: str, payload: bytes, qos: int) -> Delivery | None:
        if not self._connected.is_set():
            return None
        info = self._client.publish(topic, payload, qos)
        return _Delivery(info) if info.rc == mqtt.MQTT_ERR_SUCCESS else None


def _client(broker_url: str, client_id: str, ca_file: Path | None) -> tuple[str, int, mqtt.Client]:
    url = urlsplit(broker_url)
    try:
        port = url.port
    except ValueError:
        port = 0
    if url.scheme not in ("mqtt", "mqtts") or not url.hostname or port == 0:
        raise StationError(
            f"{without_password(broker_url)!r} is not a broker; write mqtt://host:port or mqtts://host:port."
        )
    client = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=False,
        protocol=mqtt.MQTTv311,
        manual_ack=True,
    )
    if url.username:
        client.username_pw_set(unquote(url.username), unquote(url.password or ""))
    if url.scheme == "mqtts":
        client.tls_set_context(_tls(ca_file))
    client.reconnect_delay_set(min_delay=1, max_delay=10)
    return url.hostname, port or (8883 if url.scheme == "mqtts" else 1883), client


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # An ssl.SSLError is one.
        raise StationError(
            f"{ca_file} cannot be read as a CA's certificate in PEM ({error.strerror or error});"
            " correct ca_file in config.toml."
        ) from None
