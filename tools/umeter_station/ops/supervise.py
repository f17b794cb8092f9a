"""The processes of `umeter-station run`: started, watched, started anew, and stopped together.

A process that ends is started again after a pause that doubles. One that ends at once, time after
time, is a fault that no restart mends: then all are stopped, and the exit code says so. So is one
that does not say that it is alive any more; it is killed first.
"""

import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from umeter_station.ops import health, life, notify

_READY_S = 180.0  # to be ready after it was started, on a slow machine
_SILENT_S = 60.0  # without a mark
_LIVED_S = 30.0  # whoever lived so long did not end at once
_MOST_DEATHS = 6
_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_STOP_S = life.STOP_S + 0.5
_TURN_S = 0.2
_PROGRAM = (sys.executable, "-m", "umeter_station.ops.child")
_log = logging.getLogger(__name__)


@dataclass
class Child:
    """`due_s`: not to be started before this."""

    role: str
    worker: int
    process: subprocess.Popen | None = None
    link: socket.socket | None = None
    told: str | None = None
    started_s: float = 0.0
    marked_s: float = 0.0
    due_s: float = 0.0
    deaths: int = 0
    heard: bytes = field(default=b"", repr=False)

    @property
    def name(self) -> str:
        return f"{self.role} {self.worker}"


class Supervisor:
    """`run()` until SIGTERM or SIGINT; returns the exit code."""

    def __init__(
        self,
        home: Path,
        roles: list[tuple[str, int]],
        say: Callable[[str], None],
        program: tuple[str, ...] = _PROGRAM,
    ) -> None:
        self._home = home
        self._say = say
        self._program = program
        self._children = [Child(role, worker) for role, worker in roles]
        # Only this process speaks to the service manager.
        self._environ = {k: v for k, v in os.environ.items() if k != "NOTIFY_SOCKET"}
        self._selector = selectors.DefaultSelector()
        self._stopping = False
        self._announced = False
        self._notified_s = 0.0

    def run(self) -> int:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        gave_up = False
        while not self._stopping and not gave_up:
            for child in self._children:
                if child.process is None and time.monotonic() >= child.due_s:
                    self._start(child)
            self._listen(_TURN_S)
            gave_up = any([self._look_after(child) for child in self._children])
            self._tell()
        notify.stopping()
        in_time = self._stop_all()
        return 0 if in_time and not gave_up else 1

    def _on_signal(self, *_) -> None:
        self._stopping = True

    def _start(self, child: Child) -> None:
        ours, theirs = socket.socketpair()
        os.set_inheritable(theirs.fileno(), True)
        alike = sum(other.role == child.role for other in self._children)
        words = ["--home", str(self._home)]
        words += ["--worker", str(child.worker), "--workers", str(alike)]
        words += ["--upward", str(theirs.fileno()), child.role]
        child.process = subprocess.Popen(
            [*self._program, *words], env=self._environ, pass_fds=[theirs.fileno()]
        )
        theirs.close()
        ours.setblocking(False)
        child.link, child.told, child.heard = ours, None, b""
        child.started_s = child.marked_s = time.monotonic()
        self._selector.register(ours, selectors.EVENT_READ, child)

    def _listen(self, wait_s: float) -> None:
        for key, _ in self._selector.select(wait_s):
            child: Child = key.data
            try:
                heard = child.link.recv(4096)
            except OSError:
                heard = b""
            if not heard:
                self._selector.unregister(child.link)
                child.link.close()
                child.link = None
                continue
            child.marked_s = time.monotonic()
            *lines, child.heard = (child.heard + heard).split(b"\n")
            for line in lines:
                if line.startswith(life.READY):
                    child.told = line.removeprefix(life.READY).decode(errors="replace")

    def _look_after(self, child: Child) -> bool:
        """True if there is no hope left for this one."""
        if child.process is None:
            return False
        now_s = time.monotonic()
        patience_s = _SILENT_S if child.told is not None else _READY_S
        if child.process.poll() is None:
            if now_s - child.marked_s > patience_s:
                _log.error("%s does not answer; it is killed", child.name)
                child.process.kill()
                child.process.wait()
            else:
                return False
        return self._ended(child, child.process.returncode)

    def _ended(self, child: Child, code: int) -> bool:
        self._let_go(child)
        if time.monotonic() - child.started_s >= _LIVED_S:
            child.deaths = 0
        child.deaths += 1
        if child.deaths >= _MOST_DEATHS:
            _log.critical(
                "%s has ended %d times in a row (the last time with %d); the station stops",
                child.name,
                child.deaths,
                code,
            )
            return True
        pause_s = min(_LONGEST_PAUSE_S, _PAUSE_S * 2 ** (child.deaths - 1))
        child.due_s = time.monotonic() + pause_s
        _log.error("%s has ended (%d); it is started again in %.1f s", child.name, code, pause_s)
        return False

    def _let_go(self, child: Child) -> None:
        child.process = None
        if child.link is not None:
            self._selector.unregister(child.link)
            child.link.close()
            child.link = None

    def _tell(self) -> None:
        all_ready = all(child.process and child.told is not None for child in self._children)
        if all_ready and not self._announced:
            self._announced = True
            told = "; ".join(str(child.told) for child in self._children)
            self._say(f"Ready: {told}.")
            notify.ready(told)
        # A child that is being started again is looked after: that is no reason for a restart of
        # the whole. While the first ones start, the service manager has its own patience.
        if time.monotonic() - self._notified_s >= health.BEAT_S:
            self._notified_s = time.monotonic()
            notify.watchdog()

    def _stop_all(self) -> bool:
        """False if one had to be killed."""
        for child in self._children:
            if child.process is not None and child.process.poll() is None:
                child.process.send_signal(signal.SIGTERM)
        end_s = time.monotonic() + _STOP_S
        in_time = True
        for child in self._children:
            if child.process is None:
                continue
            try:
                child.process.wait(max(0.0, end_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                _log.error("%s did not stop in time; it is killed", child.name)
                child.process.kill()
                child.process.wait()
                in_time = False
            self._let_go(child)
        self._selector.close()
        return in_time
