"""The parts of `umeter-station run` in this process: the supervisor, the web server, the jobs."""

import os
import signal
import socket
import sys
import threading
import urllib.request
from contextlib import closing
from types import SimpleNamespace

import pytest

from ingest_kit import until
from station_kit import FixedClock
from umeter_station import config
from umeter_station.config_keys import Web
from umeter_station.errors import StationError, Unavailable
from umeter_station.ops import health, life, notify, role_web, supervise
from umeter_station.ops.jobs import Job
from umeter_station.ops.role_jobs import JobsRole
from umeter_station.ops.role_web import WebRole
from umeter_station.ops.supervise import Supervisor

# What the supervisor starts instead of the station: `HOME` is the folder with its orders.
_CHILD = """
import os, socket, sys, time
words = dict(zip(sys.argv[1:-1:2], sys.argv[2:-1:2]))
home, role = words["--home"], sys.argv[-1]
with open(f"{home}/pids", "a") as file:
    file.write(f"{role} {os.getpid()}\\n")
up = socket.socket(fileno=int(words["--upward"]))
if os.path.exists(f"{home}/{role}-fails"):
    sys.exit(3)
up.sendall(f"ready {role} is well\\n".encode())
if not os.path.exists(f"{home}/{role}-hangs"):
    up.recv(1)
time.sleep(60)
"""


@pytest.fixture
def supervised(tmp_path, monkeypatch):
    """A function that runs a supervisor of these roles; what it said and did."""
    (tmp_path / "child.py").write_text(_CHILD)
    monkeypatch.setattr(supervise, "_PAUSE_S", 0.01)
    monkeypatch.setattr(supervise, "_TURN_S", 0.01)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    made = SimpleNamespace(folder=tmp_path, said=[], code=None)

    def pids(role):
        path = tmp_path / "pids"
        lines = path.read_text().split("\n") if path.exists() else []
        return [int(line.split()[1]) for line in lines if line.startswith(role + " ")]

    def run(*roles, meanwhile):
        program = (sys.executable, "-S", str(tmp_path / "child.py"))
        supervisor = Supervisor(tmp_path, [(r, 0) for r in roles], made.said.append, program)

        def act():
            try:
                meanwhile()
            finally:
                supervisor._on_signal()

        thread = threading.Thread(target=act)
        thread.start()
        made.code = supervisor.run()
        thread.join()

    made.run, made.pids = run, pids
    yield made
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_child_that_is_killed_comes_back_and_the_others_stay(supervised):
    def meanwhile():
        until(lambda: supervised.said)
        os.kill(supervised.pids("web")[0], signal.SIGKILL)
        until(lambda: len(supervised.pids("web")) == 2)

    supervised.run("ingest", "web", meanwhile=meanwhile)
    assert supervised.code == 0 and len(supervised.pids("ingest")) == 1
    assert supervised.said == ["Ready: ingest is well; web is well."]


def test_one_that_ends_at_once_each_time_stops_the_station_loudly(supervised, caplog):
    (supervised.folder / "web-fails").touch()
    ended = threading.Event()

    def meanwhile():
        until(lambda: "the station stops" in caplog.text)
        ended.set()

    supervised.run("ingest", "web", meanwhile=meanwhile)
    assert ended.is_set() and supervised.code == 1 and supervised.said == []
    assert len(supervised.pids("web")) == supervise._MOST_DEATHS
    assert "web 0 has ended 6 times in a row (the last time with 3)" in caplog.text


def test_one_that_says_nothing_any_more_is_killed_and_started_again(supervised, monkeypatch):
    monkeypatch.setattr(supervise, "_SILENT_S", 0.3)

    def meanwhile():
        until(lambda: len(supervised.pids("jobs")) >= 2)

    supervised.run("jobs", meanwhile=meanwhile)
    assert supervised.said and supervised.code == 0


def test_one_that_does_not_stop_in_time_is_killed(supervised, monkeypatch):
    monkeypatch.setattr(supervise, "_STOP_S", 0.2)
    text = (supervised.folder / "child.py").read_text()
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    (supervised.folder / "child.py").write_text(stubborn + text)
    supervised.run("jobs", meanwhile=lambda: until(lambda: supervised.said))
    assert supervised.code == 1
    (pid,) = supervised.pids("jobs")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


class _Role:
    name, worker = "jobs", 0

    def __init__(self, *well):
        self.well, self.stopped = list(well), False

    def start(self):
        return "here"

    def is_well(self):
        return self.well.pop(0)

    def stop(self, within_s):
        self.stopped = True


def test_a_process_lives_on_while_the_database_is_away(db, monkeypatch, caplog):
    monkeypatch.setattr(life, "_TURN_S", 0.001)
    monkeypatch.setattr(health, "BEAT_S", 0)
    monkeypatch.setattr(life.signal, "signal", lambda *_: None)
    sent = []
    monkeypatch.setattr(notify, "_send", sent.append)

    def away(*_):
        raise Unavailable("The database is away.")

    monkeypatch.setattr(health, "beat", away)
    role = _Role(True, True, True, False)
    assert life.Process(role, db).run() == 1  # it ended by itself
    assert role.stopped and "is away" in caplog.text
    assert sent.count("WATCHDOG=1\n") == 4 and sent[-1] == "STOPPING=1\n"


def _home(tmp_path, **environ):
    made = config.create_home(tmp_path / "home", "mqtt://127.0.0.1:1").home
    return config.load(made, {"UMETER_STATION_WEB_PORT": "0", **environ})


def test_a_request_under_way_is_answered_before_the_web_server_stops(tmp_path, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()

    async def app(scope, receive, send):
        if scope["type"] != "http":
            return
        begun.set()
        import asyncio

        await asyncio.to_thread(go_on.wait, 60)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})

    monkeypatch.setattr(role_web, "create_site", lambda books, settings: app)
    role = WebRole(SimpleNamespace(config=_home(tmp_path)))
    url = role.start().split()[-1]
    answers = []
    asking = threading.Thread(
        target=lambda: answers.append(urllib.request.urlopen(url, timeout=60).read())
    )
    asking.start()
    assert begun.wait(60) and role.is_well()
    threading.Timer(0.2, go_on.set).start()
    role.stop(9)
    asking.join()
    assert answers == [b"done"] and not role.is_well()


def test_tls_files_that_cannot_be_used_are_named(tmp_path):
    (tmp_path / "x.pem").write_text("no certificate")
    pem = str(tmp_path / "x.pem")
    one = {"UMETER_STATION_WEB_TLS_CERT": pem}
    books = SimpleNamespace(db=None, clock=FixedClock())
    for environ, words in ((one, "both"), ({**one, "UMETER_STATION_WEB_TLS_KEY": pem}, "for TLS")):
        books.config = _home(tmp_path, **environ)
        with pytest.raises(StationError, match=words):
            WebRole(books).start()


@pytest.mark.parametrize(
    ("web", "plain"),
    [
        (Web(), True),
        (Web(host="::1"), True),
        (Web(host="0.0.0.0"), False),
        (Web(host="meters.lan"), False),
        (Web(base_url="https://m.example"), False),
        (Web(host="0.0.0.0", base_url="http://m.lan"), True),
        (Web(tls_cert="c", tls_key="k"), False),
    ],
)
def test_cookies_go_without_tls_only_where_there_is_none(web, plain):
    assert role_web.is_plain(web) is plain


def test_pages_are_sent_at_once():
    """Asyncio switches Nagle's waiting off for sockets that say they are TCP, and for no other."""
    with closing(role_web.listen(Web(port=0))) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_of_two_job_processes_one_works_and_the_other_takes_over(db, tmp_path, monkeypatch):
    monkeypatch.setattr("umeter_station.ops.role_jobs._RENEW_S", 0.02)
    monkeypatch.setattr("umeter_station.ops.role_jobs._TURN_S", 0.01)
    ran = []

    def role(name):
        books = SimpleNamespace(db=db, clock=FixedClock(), config=_home(tmp_path))
        return JobsRole(books, [Job("j", lambda _: ran.append(name), every_s=0)])

    first, second = role("first"), role("second")
    assert first.start() == "jobs"
    assert "stand-in" in second.start()
    until(lambda: len(ran) >= 3)
    assert set(ran) == {"first"} and first.is_well() and second.is_well()
    first.stop(9)
    until(lambda: "second" in ran)
    second.stop(9)
    assert not first.is_well() and not second.is_well()
