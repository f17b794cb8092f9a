"""One process of the station: it starts its role, says so when it is ready, and stops in time.

A supervisor above it (supervise.py) holds the other end of a socket pair: a line is sent there
when the role is ready, and a mark every few seconds. When that end closes, the supervisor is dead,
and a process without one would be in the way of its successor.
"""

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from typing import Protocol

import sqlalchemy as sa

from umeter_station.clock import SystemClock
from umeter_station.db import Database
from umeter_station.errors import StationError
from umeter_station.ops import health, notify

STOP_S = 9.0
# Lines to the supervisor: a mark, or this and what is told of the role.
MARK = b"."
READY = b"ready "
_TURN_S = 0.5
_log = logging.getLogger(__name__)


class Role(Protocol):
    """`name` is one of health.ROLES, `worker` its number among those of the same name."""

    name: str
    worker: int

    def start(self) -> str:
        """Returns what is to be told of it, as "web at http://...". Raises StationError."""
        ...

    def is_well(self) -> bool:
        """False: it has come to an end, or to a halt."""
        ...

    def stop(self, within_s: float) -> None:
        """Finish what is begun and let go of everything."""
        ...


class Process:
    """Runs one role until a signal, or until it is not well; `run()` returns the exit code."""

    def __init__(
        self,
        role: Role,
        database: Database,
        upward: socket.socket | None = None,
        say: Callable[[str], None] = lambda words: None,
    ) -> None:
        self._role = role
        self._db = database
        self._upward = upward
        self._say = say
        self._stop = threading.Event()
        self._clock = SystemClock()
        self._started_at = self._clock.now_s()
        self._beat_due_s = 0.0

    def run(self) -> int:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._stop.set())
        if self._upward is not None:
            threading.Thread(target=self._watch_supervisor, daemon=True).start()
        told = self._role.start()
        self._beat()
        self._say(told)
        self._send(READY + told.encode())
        notify.ready(told)
        ended_well = self._live()
        notify.stopping()
        begun_s = time.monotonic()
        self._role.stop(STOP_S)
        self._leave()
        _log.info("stopped after %.1f s", time.monotonic() - begun_s)
        return 0 if ended_well else 1

    def _live(self) -> bool:
        while not self._stop.wait(_TURN_S):
            if not self._role.is_well():
                _log.critical("the %s role has come to an end by itself", self._role.name)
                return False
            self._beat()
        return True

    def _beat(self) -> None:
        """The supervisor is told that the process is well even while the database is away."""
        if time.monotonic() < self._beat_due_s:
            return
        self._beat_due_s = time.monotonic() + health.BEAT_S
        self._send(MARK)
        notify.watchdog()
        role, now_s = self._role, self._clock.now_s()
        try:
            with self._db.write() as conn:
                health.beat(conn, role.name, role.worker, self._started_at, now_s)
        except (StationError, sa.exc.SQLAlchemyError) as error:
            _log.warning("the mark of this process cannot be left: %s", error)

    def _leave(self) -> None:
        try:
            with self._db.write() as conn:
                now_s = self._clock.now_s()
                health.ended(conn, self._role.name, self._role.worker, now_s)
        except (StationError, sa.exc.SQLAlchemyError) as error:
            _log.warning("the mark of this process cannot be taken back: %s", error)

    def _send(self, what: bytes) -> None:
        if self._upward is not None:
            try:
                self._upward.sendall(what + b"\n")
            except OSError:
                pass  # The thread that watches it ends this process.

    def _watch_supervisor(self) -> None:
        """Nothing is ever sent down: whatever recv returns, the supervisor is gone."""
        try:
            self._upward.recv(1)
        except OSError:
            pass
        if not self._stop.is_set():
            os._exit(1)


def upward(number: int | None) -> socket.socket | None:
    """The socket to the supervisor, from the number of its descriptor."""
    return None if number is None else socket.socket(fileno=number)
