"""The station's own client on the broker for Home Assistant; two threads, as the ingest has."""

import logging
import queue
import random
import threading
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import paho.mqtt.client as mqtt
import sqlalchemy as sa

from umeter_station.clock import Clock
from umeter_station.config import Config
from umeter_station.db import Database
from umeter_station.homeassistant import asking, client, payload
from umeter_station.homeassistant.announcing import Announcer, Options
from umeter_station.models_fleet import homeassistant_topics

_POLL_S = 2.0
_RETRY_S = 5.0
_JITTER_S = 10.0  # After Home Assistant has come back, so that not all start at once.
_KEEPALIVE_S = 30
_MOST_ASKS = 100
_GOODBYE_S = 2.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Ask:
    topic: str
    payload: bytes
    retained: bool


class Bridge:
    """`start()` and `stop()`. It goes on by itself when the broker or the database comes back."""

    def __init__(self, db: Database, clock: Clock, config: Config, options: Options) -> None:
        self._db = db
        self._clock = clock
        self._options = options
        self._birth_topic = f"{options.prefix}/status"
        self._announcer = Announcer(db, options, self._publish)
        self._asks: queue.Queue[_Ask] = queue.Queue(_MOST_ASKS)
        self._connected = threading.Event()
        self._stopping = threading.Event()
        self._again_at: float | None = None
        self._host, self._port, self._client = client.make(
            config.broker, f"{config.client_id}-ha", config.ca_file
        )
        self._client.will_set(payload.STATION_TOPIC, payload.OFFLINE, 1, True)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._thread = threading.Thread(target=self._run, name="umeter-ha", daemon=True)

    def start(self) -> None:
        self._client.connect_async(self._host, self._port, _KEEPALIVE_S)
        self._client.loop_start()
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        if self._connected.is_set():  # A broker sends no will for who says goodbye.
            said = self._client.publish(payload.STATION_TOPIC, payload.OFFLINE, 1, True)
            said.wait_for_publish(_GOODBYE_S)
        self._client.disconnect()
        self._client.loop_stop()

    # On paho's thread.

    def _on_connect(self, connected, _userdata, _flags, reason, _properties) -> None:
        if reason.is_failure:
            _log.warning("the broker refused Home Assistant's bridge: %s", reason)
            return
        connected.subscribe([(self._birth_topic, 1), (payload.ASKS_FILTER, 1)])
        there = payload.ONLINE if self._options.enabled else payload.OFFLINE
        connected.publish(payload.STATION_TOPIC, there, 1, True)
        self._again_at = time.monotonic()  # The broker may have lost what it kept.
        self._connected.set()

    def _on_disconnect(self, _client, _userdata, _flags, _reason, _properties) -> None:
        self._connected.clear()

    def _on_message(self, _client, _userdata, message: mqtt.MQTTMessage) -> None:
        if message.topic == self._birth_topic:
            if message.payload == payload.ONLINE.encode() and not message.retain:
                self._again_at = time.monotonic() + random.uniform(0, _JITTER_S)
            return
        try:
            self._asks.put_nowait(_Ask(message.topic, message.payload, message.retain))
        except queue.Full:
            _log.warning("Home Assistant asks faster than the station answers")

    def _publish(self, topic: str, document: bytes) -> bool:
        if not self._connected.is_set():
            return False
        return self._client.publish(topic, document, 1, True).rc == mqtt.MQTT_ERR_SUCCESS

    # On our own.

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                busy = self.step()
            except Exception:
                _log.exception("Home Assistant's bridge waits")
                self._stopping.wait(_RETRY_S)
                continue
            if not busy:
                self._stopping.wait(_POLL_S)

    def step(self) -> bool:
        """True if there is more to do at once."""
        if not self._connected.is_set():
            return False
        if self._again_at is not None and time.monotonic() >= self._again_at:
            self._again_at = None
            self._announcer.forget()
        while not self._asks.empty():
            self._ask(self._asks.get_nowait())
        return self._announcer.step(self._clock.now_s()) > 0

    def _ask(self, ask: _Ask) -> None:
        with self._db.write() as conn:
            word = asking.ask(
                conn,
                ask.topic,
                ask.payload,
                ask.retained,
                self._options.enabled and self._options.disconnect,
                self._clock.now_s(),
            )
        _log.info("Home Assistant asked at %s: %s", ask.topic, word)
        channel = asking.channel_of(ask.topic)
        if channel is not None and word != "ordered":
            self._announcer.state_again(*channel)


def make(config: Config, db: Database, clock: Clock) -> Bridge | None:
    """None if it is switched off and nothing is left on the broker from before."""
    section = config.homeassistant
    if not section.enabled:
        with db.read() as conn:
            if conn.execute(sa.select(homeassistant_topics.c.topic).limit(1)).first() is None:
                return None
    options = Options(
        enabled=section.enabled,
        prefix=section.prefix,
        currency=section.currency,
        disconnect=section.disconnect,
        station=_version(),
    )
    return Bridge(db, clock, config, options)


def _version() -> str:
    try:
        return version("umeter")
    except PackageNotFoundError:  # It runs from its sources.
        return "0"
