"""Processes that take in what a broker brings: our ingest, and what it is compared with."""

import multiprocessing
import os
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import paho.mqtt.client as mqtt

from umeter_station import broker_url
from umeter_station import db as databases
from umeter_station.clock import SystemClock
from umeter_station.config_keys import Ingest as Settings
from umeter_station.ingest import Ingest, own_the_process
from umeter_station.link import Link, Received
from umeter_station.secrets import Safe

KEY = bytes(range(32))  # the station's, and each meter's
_SPAWN = multiprocessing.get_context("spawn")
_TIMEOUT_S = 60.0
_ACK_S = 0.3
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Used(NamedTuple):
    """Of a process, since its start: seconds of a processor, and bytes of memory now."""

    cpu_s: float
    rss_bytes: int


def shared_counter() -> Any:
    """`value` is the same in two processes."""
    return _SPAWN.RawValue("Q", 0)


class Worker:
    """A process that answers what it is asked; the answer to a failure is raised here."""

    def __init__(self, serve: Any, *arguments: Any) -> None:
        self._ours, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_serve, args=(theirs, serve, *arguments))
        self._process.start()
        self.pid = self._process.pid
        self._ask()  # until it stands

    def tell(self, what: str, *arguments: Any) -> None:
        self._ours.send((what, arguments))

    def hear(self) -> Any:
        return self._ask()

    def ask(self, what: str, *arguments: Any) -> Any:
        self.tell(what, *arguments)
        return self._ask()

    def _ask(self) -> Any:
        answer = self._ours.recv()
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def kill(self) -> None:
        """As a power cut does."""
        self._process.kill()
        self._process.join()

    def close(self) -> None:
        """It ends what it has, then itself."""
        try:
            self.ask("close")
        except (EOFError, OSError):
            pass
        self._process.join(_TIMEOUT_S)
        self._process.kill()


def _serve(pipe: Any, make: Any, *arguments: Any) -> None:
    try:
        it = make(*arguments)
        pipe.send(None)
        what = ""
        while what != "close":
            what, given = pipe.recv()
            pipe.send(getattr(it, what)(*given))
    except EOFError:
        pass
    except Exception as error:
        pipe.send(RuntimeError(f"{make.__name__}: {error!r}"))


class _Measured:
    def used(self) -> Used:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return Used(time.process_time(), pages * _PAGE_BYTES)


class Bare(_Measured):
    """A plain client that acknowledges what it gets, and does nothing with it."""

    def __init__(self, url: str, client_id: str, counter: Any) -> None:
        self._client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=False
        )
        stands = threading.Event()
        self._client.on_subscribe = lambda *_: stands.set()
        self._client.on_connect = lambda client, *_: client.subscribe("umeter/+/up/#", 1)
        self._counter = counter
        self._client.on_message = self._count
        where = broker_url.parse(url)
        self._client.connect(where.host, where.port)
        self._client.loop_start()
        _check(stands.wait(_TIMEOUT_S))

    def _count(self, *_: Any) -> None:
        self._counter.value += 1

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Sink(_Measured):
    """Our own link, and nobody who stores."""

    def __init__(self, url: str, client_id: str, counter: Any) -> None:
        self._counter = counter
        own_the_process()
        self._link = Link(url, client_id, self._take)
        self._link.start()
        _check(self._link.wait_up(_TIMEOUT_S))

    def _take(self, burst: list[Received]) -> None:
        self._counter.value += len(burst)
        self._link.acknowledge(burst)

    def close(self) -> None:
        self._link.stop()


class Storing(_Measured):
    """The ingest, as its process in the station runs it; `batch`: most messages in one
    transaction."""

    def __init__(
        self, url: str, client_id: str, path: Path, batch: int, worker: int = 0, workers: int = 1
    ) -> None:
        own_the_process()
        self._db = databases.open_database(path)
        self._db.unlock(Safe(KEY))
        settings = Settings(batch=batch)
        self._ingest = Ingest(
            self._db,
            SystemClock(),
            url,
            client_id,
            settings=settings,
            worker=worker,
            workers=workers,
        )
        self._ingest.start()
        _check(self._ingest.wait_connected(_TIMEOUT_S))

    def close(self) -> None:
        time.sleep(_ACK_S)  # what was seen to be stored is acknowledged a moment later
        self._ingest.stop()
        self._db.close()


def _check(stands: bool) -> None:
    if not stands:
        raise TimeoutError("the broker did not answer")
