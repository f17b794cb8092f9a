"""Reading many meters: by a person, and by the clock."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from fleet_kit import fleet, hurried
from station_kit import NOW_S, new_database
from umeter_station import key_rotation
from umeter_station.errors import NotFound, StationError
from umeter_station.fleet import reads, schedule_times, schedules
from umeter_station.fleet.reads import percentile
from umeter_station.fleet.select import Selection
from umeter_station.models import commands
from umeter_station.models_people import acts

ALL = Selection(all=True)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe")
EVERY = ("every 15 min", "every 7 min", "daily 02:30", "weekly sun 02:10", "monthly 28 23:59")


@given(st.sampled_from(ZONES), st.sampled_from(EVERY), st.integers(NOW_S, NOW_S + 10**8))
def test_a_moment_is_the_next_one_and_one_of_the_schedules(tz, every, after_s):
    times = schedule_times.parse(every, tz)
    next_s = times.next(after_s)
    assert after_s < next_s <= after_s + 32 * 86_400
    assert times.next(next_s - 1) == next_s, "none in between is left out"
    if times.every_s:
        assert next_s % times.every_s == 0
        return
    local = datetime.fromtimestamp(next_s, ZoneInfo(tz))
    assert times.weekday in (None, local.weekday()) and times.day in (None, local.day)
    wanted = local.replace(hour=times.minute // 60, minute=times.minute % 60, second=0)
    if local.replace(tzinfo=None) != wanted.replace(tzinfo=None):  # the clock skips it
        before = datetime.fromtimestamp(next_s - 1, ZoneInfo(tz))
        assert before.utcoffset() < local.utcoffset()
        assert before.replace(tzinfo=None) < wanted.replace(tzinfo=None)
    assert local.fold == 0, "the first of two"


@given(st.sampled_from(ZONES), st.sampled_from(EVERY), st.integers(0, 40 * 86_400))
def test_moments_are_counted_one_by_one(tz, every, span_s):
    times = schedule_times.parse(every, tz)
    number, at_s = 0, times.next(NOW_S)
    while at_s <= NOW_S + span_s and number < 300:
        number, at_s = number + 1, times.next(at_s)
    assert times.between(NOW_S, NOW_S + span_s, 300) == number


def test_spring_and_autumn():
    berlin = schedule_times.parse("daily 02:30", "Europe/Berlin")

    def moments(year, month, day, number=3):
        at_s = int(datetime(year, month, day, tzinfo=UTC).timestamp())
        for _ in range(number):
            at_s = berlin.next(at_s)
            yield datetime.fromtimestamp(at_s, UTC).strftime("%d %H:%M")

    assert list(moments(2027, 3, 27)) == ["27 01:30", "28 01:00", "29 00:30"]
    assert list(moments(2027, 10, 30)) == ["30 00:30", "31 00:30", "01 01:30"]


@pytest.mark.parametrize(
    "every, tz",
    [
        ("every 0 min", "UTC"), ("every 5 s", "UTC"), ("every 40 d", "UTC"), ("now", "UTC"),
        ("daily 24:00", "UTC"),
        ("daily 6:00", "UTC"), ("weekly 06:00", "UTC"), ("monthly 29 06:00", "UTC"), ("", "UTC"),
        ("daily 06:00", "Mars/Base"), ("daily 06:00", "../UTC"), ("daily 06:00", "Europe"),
        ("daily 06:00", ""), ("daily 06:00", "a\0b"),
    ],
)  # fmt: skip
def test_what_is_no_schedule_is_refused(every, tz):
    with pytest.raises(StationError):
        schedule_times.parse(every, tz)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=200), st.integers(1, 100))
def test_a_percentile_is_one_of_them_that_so_many_are_not_above(values, percent):
    ordered = sorted(values)
    found = percentile(ordered, percent)
    assert found in values
    assert sum(v <= found for v in values) * 100 >= percent * len(values)
    assert sum(v < found for v in values) * 100 < percent * len(values)


class Site:
    def __init__(self, tmp_path):
        self.db = hurried(new_database(tmp_path, "m1", "m2", "m3"))
        self.meters = fleet(self.db, ["m1", "m2", "m3"])

    def act(self, function, *args, **more):
        with self.db.write() as conn:
            return function(conn, *args, **more)

    def answer(self, now_s, *names):
        for name in names or self.meters:
            self.meters[name].answer(now_s)

    def orders(self):
        with self.db.read() as conn:
            query = sa.select(sa.func.count()).where(commands.c.op == "read")
            return conn.execute(query).scalar_one()

    def expire(self, meter):
        with self.db.write() as conn:
            conn.execute(
                sa.update(commands)
                .where(commands.c.meter == meter, commands.c.state == "created")
                .values(state="expired")
            )


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def test_answers_are_timed_by_what_the_database_knows(site):
    read_id = site.act(reads.order, ALL, "operator:anna", NOW_S)
    site.answer(NOW_S + 2, "m1")
    site.answer(NOW_S + 9, "m2")
    site.expire("m3")
    with site.db.read() as conn:
        found = reads.get(conn, read_id)
        times = reads.times(found.answers)
        over_all = reads.answer_times(conn, NOW_S)
        by = conn.execute(sa.select(acts.c.by).where(acts.c.act == "fleet.read")).scalar_one()
    assert found.is_over and by == "operator:anna"
    assert (times.answered, times.unanswered) == (2, 1)
    assert (times.p50_s, times.p95_s, times.slowest_s) == (2, 9, 9)
    assert over_all == times


def test_who_still_has_to_answer_is_not_asked_again(site):
    first = site.act(reads.order, ALL, "anna", NOW_S)
    site.answer(NOW_S + 1, "m1")
    second = site.act(reads.order, ALL, "berta", NOW_S + 2)
    assert site.orders() == 4
    site.answer(NOW_S + 3)
    with site.db.read() as conn:
        assert [reads.get(conn, read_id).open for read_id in (first, second)] == [0, 0]
        assert reads.get(conn, second).skipped == 2
        assert reads.latest(conn, 1) == [second]
        assert reads.latest(conn, 5, second) == [first]
        with pytest.raises(NotFound):
            reads.get(conn, 99)


def test_a_schedule_asks_at_its_moments(site):
    site.act(schedules.add, "quarter", ALL, "every  15 min", "UTC", "anna", NOW_S)
    due_s = schedule_times.parse("every 15 min").next(NOW_S)
    assert site.act(schedules.run, due_s - 1) == []
    assert len(site.act(schedules.run, due_s)) == 1
    assert site.act(schedules.run, due_s + 1) == []
    site.answer(due_s + 4)
    assert len(site.act(schedules.run, due_s + 900)) == 1
    assert site.orders() == 6
    with site.db.read() as conn:
        found = schedules.get(conn, "quarter")
    assert (found.every, found.last.sentence, found.missed) == ("every 15 min", "", 0)
    assert found.last.by == "job:schedule quarter"


def test_runs_that_nobody_made_are_told_and_not_made_up_for(site):
    site.act(schedules.add, "quarter", ALL, "every 15 min", "UTC", "anna", NOW_S)
    due_s = schedule_times.parse("every 15 min").next(NOW_S)
    assert len(site.act(schedules.run, due_s + 10 * 900 + 5)) == 1
    with site.db.read() as conn:
        found = schedules.get(conn, "quarter")
    assert (found.missed, site.orders()) == (10, 3)
    assert found.last.sentence == "10 runs before this one were not made"
    assert found.next_at == due_s + 11 * 900


def test_a_late_run_says_so(site):
    site.act(schedules.add, "day", ALL, "daily 06:00", "Europe/Berlin", "anna", NOW_S)
    with site.db.read() as conn:
        due_s = schedules.get(conn, "day").next_at
    site.act(schedules.run, due_s + 3_600)
    with site.db.read() as conn:
        assert schedules.get(conn, "day").last.sentence == "3600 s late"


def test_nothing_piles_up_behind_a_meter_that_is_silent(site):
    site.act(schedules.add, "quarter", ALL, "every 15 min", "UTC", "anna", NOW_S)
    now_s = schedule_times.parse("every 15 min").next(NOW_S)
    for run in range(5):
        site.act(schedules.run, now_s + run * 900)
        site.answer(now_s + run * 900 + 1, "m1", "m2")
    assert site.orders() == 5 * 2 + 1
    with site.db.read() as conn:
        assert schedules.get(conn, "quarter").last.sentence == (
            "1 meters still have to answer the run before"
        )
    site.expire("m3")
    site.act(schedules.run, now_s + 5 * 900)
    with site.db.read() as conn:
        assert "1 meters never answered it" in schedules.get(conn, "quarter").last.sentence


def test_who_is_meant_is_found_out_at_each_run(site):
    where = Selection(where="presence=online")
    site.act(schedules.add, "there", where, "every 15 min", "UTC", "anna", NOW_S)
    now_s = schedule_times.parse("every 15 min").next(NOW_S)
    site.meters["m3"].status(online=False)
    site.act(schedules.run, now_s)
    site.act(key_rotation.retire, "m2", now_s)
    site.answer(now_s + 1, "m1")
    site.act(schedules.run, now_s + 900)
    with site.db.read() as conn:
        sizes = [len(reads.get(conn, read_id).answers) for read_id in (1, 2)]
    assert sizes == [2, 1]


def test_a_schedule_rests_and_goes_on_with_its_next_moment(site):
    site.act(schedules.add, "quarter", ALL, "every 15 min", "UTC", "anna", NOW_S)
    site.act(schedules.switch, "quarter", False, "anna", NOW_S)
    later_s = NOW_S + int(timedelta(days=2).total_seconds())
    assert site.act(schedules.run, later_s) == []
    site.act(schedules.switch, "quarter", True, "anna", later_s)
    assert site.act(schedules.run, later_s) == []
    assert len(site.act(schedules.run, later_s + 900)) == 1
    site.act(schedules.remove, "quarter", "anna", later_s)
    assert site.act(schedules.run, later_s + 2_000) == []
    with pytest.raises(NotFound, match="there are: none yet"):
        site.act(schedules.remove, "quarter", "anna", later_s)
    with site.db.read() as conn:
        assert reads.get(conn, 1).schedule_id is None


def test_a_name_is_taken_once(site):
    site.act(schedules.add, "quarter", ALL, "every 15 min", "UTC", "anna", NOW_S)
    for name in ("quarter", "", "x" * 65, "a\nb"):
        with pytest.raises(StationError):
            site.act(schedules.add, name, ALL, "every 15 min", "UTC", "anna", NOW_S)
