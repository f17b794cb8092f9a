"""`umeter-station run` as real processes: started, asked, killed, stopped."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from umeter_sim.mosquitto import any_broker
from umeter_station import config
from umeter_station.clock import SystemClock
from umeter_station.ops import health, leases
from umeter_station.station import Books

_TOOLS = Path(__file__).resolve().parents[2] / "tools"


# Five processes are started, perhaps beside other tests on the same cores.
_PATIENCE_S = 120.0


def until(condition):
    end_s = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < end_s, "it did not happen in time"
        time.sleep(0.02)


class Running:
    """`umeter-station run` with what it says."""

    def __init__(self, home, *words, **environ):
        self.out, self.log = [], []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "umeter_station.cli", "--home", str(home), "run", *words],
            env={
                **os.environ,
                "PYTHONPATH": str(_TOOLS),
                "UMETER_STATION_WEB_PORT": "0",
                "UMETER_STATION_LOG_FORMAT": "json",
                **environ,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for pipe, lines in ((self.process.stdout, self.out), (self.process.stderr, self.log)):
            threading.Thread(target=lambda p=pipe, li=lines: li.extend(p), daemon=True).start()

    def until_ready(self):
        until(lambda: any("Ready" in line for line in self.out) or self._ended())
        return " ".join(self.out)

    def _ended(self):
        assert self.process.poll() is None, "".join(self.log)

    @property
    def url(self):
        told = " ".join(self.out)
        return told[told.index("http://") :].split(";")[0].strip(" .\n")

    def stop(self, number=signal.SIGTERM):
        """(exit code, seconds it took)"""
        began_s = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(_PATIENCE_S)
        return code, time.monotonic() - began_s


@contextmanager
def running(home, *words, **environ):
    run = Running(home, *words, **environ)
    try:
        yield run
    finally:
        run.process.kill()
        run.process.wait()


@pytest.fixture
def broker():
    broker = any_broker()
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def books(tmp_path, broker):
    books = Books(config.create_home(tmp_path / "home", broker.url).home)
    yield books
    books.close()


def _alive(books):
    with books.db.read() as conn:
        found = health.processes(conn, SystemClock().now_s())
    return {(each.role, each.worker): each.pid for each in found if each.is_alive}


def _ask(url):
    try:
        with urllib.request.urlopen(url, timeout=_PATIENCE_S) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_all_roles_are_started_asked_killed_and_stopped(books):
    home = books.config.home
    with running(home, "--workers", "2") as run:
        told = run.until_ready()
        assert "connected to mqtt://127.0.0.1" in told and "jobs" in told
        assert _ask(run.url + "/readyz")[0] == 200
        first = _alive(books)
        assert set(first) == {("ingest", 0), ("ingest", 1), ("web", 0), ("jobs", 0)}
        os.kill(first["web", 0], signal.SIGKILL)
        os.kill(first["ingest", 0], signal.SIGKILL)
        until(lambda: not {first["web", 0], first["ingest", 0]} & set(_alive(books).values()))
        second = _alive(books)
        assert all(second[one] == first[one] for one in (("jobs", 0), ("ingest", 1)))
        code, took_s = run.stop()
        assert code == 0 and took_s < 10
        until(lambda: _alive(books) == {})
        lines = [json.loads(line) for line in run.log]
        assert sum("is started again" in line["event"] for line in lines) == 2
        assert {line["role"] for line in lines} >= {"supervisor", "web"}
    with books.db.read() as conn:
        assert leases.holder_of(conn, "jobs", SystemClock().now_s()) is None
        assert health.readiness(conn, SystemClock().now_s()).missing == health.ROLES
    assert not any(_is_there(pid) for pid in {*first.values(), *second.values()})


def _is_there(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_one_role_is_one_process_and_tells_its_service_manager(books, tmp_path):
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(tmp_path / "notify"))
    manager.settimeout(_PATIENCE_S)
    with running(books.config.home, "jobs", NOTIFY_SOCKET=str(tmp_path / "notify")) as run:
        told = [manager.recv(999).decode()]
        while not told[-1].startswith("READY=1"):
            told.append(manager.recv(999).decode())
        assert "WATCHDOG=1\n" in told
        assert _alive(books)["jobs", 0] == run.process.pid
        code, took_s = run.stop(signal.SIGINT)
        assert code == 0 and took_s < 10
        assert manager.recv(999) == b"STOPPING=1\n"
        assert "Ready: jobs" in run.out[0]
    manager.close()


def test_a_role_that_cannot_start_says_why(books):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        with running(books.config.home, "web", UMETER_STATION_WEB_PORT=port) as run:
            assert run.process.wait(_PATIENCE_S) == 1
    assert f"cannot listen at 127.0.0.1 port {port}" in "".join(run.log)


def test_the_embedded_broker_is_not_given_several_workers(books):
    with running(books.config.home, "--embedded-broker", UMETER_STATION_INGEST_WORKERS="2") as run:
        assert run.process.wait(_PATIENCE_S) == 1
    assert "no shared subscriptions" in "".join(run.log)


def test_a_process_does_not_outlive_its_supervisor(books):
    """Else its successor would find the session on the broker and the jobs taken."""
    ours, theirs = socket.socketpair()
    words = ["--home", str(books.config.home), "--upward", str(theirs.fileno()), "jobs"]
    process = subprocess.Popen(
        [sys.executable, "-m", "umeter_station.ops.child", *words],
        env={**os.environ, "PYTHONPATH": str(_TOOLS)},
        pass_fds=[theirs.fileno()],
    )
    theirs.close()
    ours.settimeout(_PATIENCE_S)
    try:
        with ours.makefile("rb") as lines:
            while not lines.readline().startswith(b"ready jobs"):
                assert process.poll() is None
        ours.close()
        assert process.wait(_PATIENCE_S) == 1
    finally:
        process.kill()
        process.wait()
