"""A broker in a thread of this process, for the demo and the tests; it keeps nothing on disk."""

import asyncio
import logging
import random
import socket
import threading
import time

from amqtt.broker import Broker
from amqtt.errors import BrokerError
from amqtt.plugins.base import BaseAuthPlugin
from amqtt.session import Session

from umeter_station.errors import StationError

_START_TIMEOUT_S = 30.0
_PORT_TIMEOUT_S = 5.0
_SHUTDOWN_S = 3.0
# Systems give clients their own ports from 32768 (Linux) or 49152 (IANA) upwards. A client that
# tries again while the broker is away could be given the broker's port, and connect to itself.
_PORTS = range(15_000, 32_000)


_log = logging.getLogger(__name__)


class AdmitAll(BaseAuthPlugin):
    """Lets everybody in. amqtt's own plugin for that would also forget every lasting session."""

    async def authenticate(self, *, session: Session) -> bool:
        return True


class EmbeddedBroker:
    """MQTT 3.1.1 for this machine alone; anybody on it may connect.

    `port` 0 takes a free one at the first start and keeps it over later starts. Stopping forgets
    sessions and retained messages, as a power cut does to a broker without a disk.
    """

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        self.host = host
        self.port = port
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._started = threading.Event()
        self._error: BaseException | None = None

    @property
    def url(self) -> str:
        return f"mqtt://{self.host}:{self.port}"

    @property
    def is_running(self) -> bool:
        return self._thread is not None

    def start(self) -> None:
        """Returns when connections are accepted. Raises StationError if the port is taken."""
        if self._thread is not None:
            return
        for name in ("amqtt", "transitions"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._started.clear()
        self._error = None
        self._thread = threading.Thread(target=self._run, name="umeter-broker", daemon=True)
        self._thread.start()
        if not self._started.wait(_START_TIMEOUT_S) or self._error is not None:
            self._thread.join(_START_TIMEOUT_S)
            self._thread = None
            raise StationError(
                f"The broker cannot listen on {self.host}:{self.port}"
                f" ({self._error or 'it did not start in time'}); choose another port."
            ) from self._error

    def stop(self) -> None:
        """Connections are closed and the port is free when this returns."""
        if self._thread is None:
            return
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_START_TIMEOUT_S)
        self._thread = None

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except (BrokerError, OSError) as error:
            self._error = error
        finally:
            self._started.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self.port = self.port or unused_port(self.host)
        broker = await self._listening()
        self._started.set()
        await self._stop.wait()
        await self._end(broker)

    async def _end(self, broker: Broker) -> None:
        # First the listener: a client that came back while amqtt ends the sessions would keep it
        # waiting, and the port with it.
        for server in broker._servers.values():
            server.instance.close()
        try:
            await asyncio.wait_for(broker.shutdown(), _SHUTDOWN_S)
        except Exception as error:
            _log.warning("the broker did not end by itself: %r", error)
        for transport in list(getattr(self._loop, "_transports", {}).values()):
            transport.abort()
        await asyncio.sleep(0)

    async def _listening(self) -> Broker:
        end_s = time.monotonic() + _PORT_TIMEOUT_S
        while True:
            broker = Broker(
                {
                    "listeners": {"default": {"type": "tcp", "bind": f"{self.host}:{self.port}"}},
                    "plugins": {"umeter_station.broker.AdmitAll": {}},
                }
            )
            try:
                await broker.start()
                return broker
            except (BrokerError, OSError):
                # What held the port a moment ago may be on its way out.
                if time.monotonic() > end_s:
                    raise
                await asyncio.sleep(0.1)


def unused_port(host: str) -> int:
    """A port for a broker. Raises OSError if this host cannot be listened on."""
    for _ in range(100):
        with socket.socket() as probe:
            try:
                port = random.choice(_PORTS)
                probe.bind((host, port))
                return port
            except OSError as error:
                refusal = error
    raise refusal
