"""Periodic work: what is due and when, and that one process at a time does it."""

import inspect
from datetime import UTC, datetime
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station_kit import NOW_S, FixedClock, result, sell, store
from umeter_station import config
from umeter_station.config_keys import TimeOfDay
from umeter_station.errors import StationError
from umeter_station.ops import backup, health, joblist, jobs, leases, manifest
from umeter_station.ops.jobs import Job, Run, Runner

_DAY_S = 86_400
_BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def books(any_db):
    return SimpleNamespace(db=any_db, clock=FixedClock())


class Recorder:
    """A job that notes when it ran, and fails as long as it is told to."""

    def __init__(self, name="j", **when):
        self.ran, self.fails = [], False
        self.job = Job(name, self, **when)

    def __call__(self, books):
        self.ran.append(books.clock.unix_s)
        if self.fails:
            raise ValueError(f"no {self.job.name}, password=hush")


def _runs(books):
    with books.db.read() as conn:
        return jobs.runs(conn)


def test_every_so_many_seconds_and_the_others_go_on_when_one_fails(books):
    bad, good = Recorder("bad", every_s=60), Recorder("good", every_s=60)
    bad.fails = True
    runner = Runner(books, [bad.job, good.job], UTC)
    assert runner.step() == ["bad", "good"]
    books.clock.unix_s += 59
    assert runner.step() == []
    books.clock.unix_s += 1
    assert runner.step() == ["bad", "good"] and len(good.ran) == 2
    found = _runs(books)
    assert found["bad"].ok_at is None and found["good"].ok_at == NOW_S + 60
    assert (found["bad"].runs, found["bad"].failures, found["good"].failures) == (2, 2, 0)
    assert "no bad" in found["bad"].error and "hush" not in found["bad"].error
    bad.fails = False
    books.clock.unix_s += 60
    runner.step()
    assert _runs(books)["bad"].error == "" and _runs(books)["bad"].failures == 2


def test_daily_once_and_again_soon_after_a_failure(books):
    job = Recorder(at=TimeOfDay(2, 30))
    runner = Runner(books, [job.job], UTC)
    midnight = NOW_S - NOW_S % _DAY_S
    books.clock.unix_s = midnight
    assert runner.step() == ["j"]  # it never ran: that is caught up
    for minute in range(0, 24 * 60, 10):
        books.clock.unix_s = midnight + minute * 60
        runner.step()
    assert job.ran == [midnight, midnight + 9_000]
    job.fails = True
    for minute in range(24 * 60, 48 * 60, 5):
        books.clock.unix_s = midnight + minute * 60
        runner.step()
        job.fails = len(job.ran) < 5
    assert [at - midnight - _DAY_S for at in job.ran[2:]] == [9_000, 9_600, 10_200, 10_800]


def test_who_was_away_for_a_week_catches_up_once(books):
    job = Recorder(at=TimeOfDay(2, 30))
    runner = Runner(books, [job.job], UTC)
    runner.step()
    books.clock.unix_s += 7 * _DAY_S
    assert runner.step() == ["j"] and runner.step() == []


def test_a_job_whose_process_was_killed_is_run_again(books):
    job = Recorder(at=TimeOfDay(2, 30))

    class Killed(BaseException):
        pass

    def die(_books):
        raise Killed

    with pytest.raises(Killed):
        Runner(books, [Job("j", die, at=TimeOfDay(2, 30))], UTC).step()
    runner = Runner(books, [job.job], UTC)
    assert runner.step() == []
    books.clock.unix_s += 600
    assert runner.step() == ["j"]


def test_a_stop_is_heeded_between_jobs(books):
    first, second = Recorder("a", every_s=1), Recorder("b", every_s=1)
    runner = Runner(books, [first.job, second.job], UTC)
    assert runner.step(lambda: not first.ran) == ["a"]


@given(
    st.integers(NOW_S, NOW_S + 2 * 366 * _DAY_S),
    st.integers(0, 23),
    st.integers(0, 59),
    st.integers(0, 3 * _DAY_S),
)
def test_a_daily_job_is_due_once_a_day_in_its_time_zone(now_s, hour, minute, past_s):
    """Also in the nights in which the clocks are put forward or back."""
    job = Job("j", lambda books: None, at=TimeOfDay(hour, minute))
    ran_s = now_s - past_s
    ran = Run("j", ran_s, ran_s, ran_s, 0, "", 1, 0)
    days = {datetime.fromtimestamp(at, _BERLIN).date() for at in range(ran_s, now_s + 1, 3600)} | {
        datetime.fromtimestamp(now_s, _BERLIN).date()
    }
    moments = [
        datetime(day.year, day.month, day.day, hour, minute, tzinfo=_BERLIN).timestamp()
        for day in days
    ]
    assert jobs.due(job, ran, now_s, _BERLIN) == any(ran_s < at <= now_s for at in moments)


def test_a_clock_that_was_set_back_stops_nothing():
    job = Job("j", lambda books: None, every_s=60)
    ahead = Run("j", NOW_S + 10**9, None, None, 0, "", 1, 0)
    assert jobs.due(job, ahead, NOW_S, UTC)


def test_an_unknown_time_zone_is_refused():
    with pytest.raises(StationError, match="no time zone"):
        jobs.zone("Europe/Nowhere")
    with pytest.raises(StationError, match="no time zone"):
        jobs.zone("../../etc/passwd")
    assert jobs.zone("UTC") is UTC


def test_one_holder_at_a_time(any_db):
    def take(holder, now_s):
        with any_db.write() as conn:
            return leases.take(conn, "jobs", holder, now_s, 30)

    assert take("a", 100) and take("a", 110)
    assert not take("b", 139)
    assert take("b", 140) and not take("a", 141)
    with any_db.write() as conn:
        leases.give_back(conn, "jobs", "a")  # not a's any more
        assert leases.holder_of(conn, "jobs", 150) == "b"
        leases.give_back(conn, "jobs", "b")
    assert take("a", 151)
    # The holder's clock was a year ahead; that is not waited for.
    assert take("a", 10**9) and take("b", 200)


def test_who_was_not_heard_of_is_missed(any_db):
    with any_db.write() as conn:
        for role in health.ROLES:
            health.beat(conn, role, 0, NOW_S, NOW_S)
        health.beat(conn, "ingest", 1, NOW_S, NOW_S)
        assert health.readiness(conn, NOW_S + health.LATE_S).ready
        health.beat(conn, "ingest", 1, NOW_S, NOW_S + 40)
        found = health.readiness(conn, NOW_S + 40)
        assert found.missing == ("web", "jobs") and not found.ready
        assert [(b.role, b.worker, b.is_alive) for b in found.processes][:2] == [
            ("ingest", 0, False),
            ("ingest", 1, True),
        ]
        health.ended(conn, "ingest", 1, NOW_S + 40)
        assert "ingest" in health.readiness(conn, NOW_S + 40).missing
        health.beat(conn, "web", 0, NOW_S, NOW_S + 10**6)
        health.ended(conn, "web", 0, NOW_S + 10**6)
        assert health.processes(conn, NOW_S + 10**6) == ()


def test_the_stations_jobs_are_there(tmp_path):
    home = config.create_home(tmp_path, "mqtt://127.0.0.1:1").home
    names = [job.name for job in joblist.of(config.load(home, {}))]
    assert len(set(names)) == len(names) >= 9 and "backup" not in names
    kept = config.load(home, {"UMETER_STATION_BACKUP_FOLDER": "kept"})
    assert joblist.of(kept)[-1].name == "backup"


def test_the_nightly_backup_keeps_the_newest(db, tmp_path):
    home = config.create_home(tmp_path, "mqtt://127.0.0.1:1").home
    keep = {"UMETER_STATION_BACKUP_FOLDER": "kept", "UMETER_STATION_BACKUP_KEEP": "2"}
    books = SimpleNamespace(db=db, clock=FixedClock(), config=config.load(home, keep))
    job = joblist.of(books.config)[-1]
    for _ in range(3):
        assert Runner(books, [job], UTC).run(job)
        books.clock.unix_s += _DAY_S
    made = [manifest.read(folder).made_at for folder in backup.all_in(home / "kept")]
    assert made == [NOW_S + _DAY_S, NOW_S + 2 * _DAY_S]


def test_every_job_is_a_function_of_the_books_or_of_a_transaction():
    targets = [*(target for target, _ in joblist._OFTEN.values()), *joblist._NIGHTLY.values()]
    for target in targets:
        names = list(inspect.signature(jobs.imported(target)).parameters)
        assert names[0] == "books" or names[:2] == ["conn", "now_s"], target


def test_every_job_runs_on_both_engines(any_db, tmp_path):
    home = config.create_home(tmp_path / "home", "mqtt://127.0.0.1:1").home
    sell(any_db)
    store(any_db, result(1))
    environ = {
        "UMETER_STATION_BACKUP_FOLDER": "kept",
        "UMETER_STATION_SANDBOX_ENABLED": "1",
        "UMETER_STATION_SANDBOX_WEBHOOK_SECRET": "hush",
    }
    books = SimpleNamespace(db=any_db, clock=FixedClock(), config=config.load(home, environ))
    runner = Runner(books, joblist.of(books.config), UTC)
    assert len(runner.step()) == len(joblist.of(books.config))
    assert {name: run.error for name, run in _runs(books).items() if run.error} == {}
