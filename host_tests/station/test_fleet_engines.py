"""All that is done to a fleet, once through, on PostgreSQL."""

import pytest
import sqlalchemy as sa

from fleet_kit import fleet
from postgres_kit import new_postgres
from station_kit import NOW_S
from umeter_station import key_rotation, twin
from umeter_station.fleet import (
    reads,
    rollout_plan,
    rollout_rows,
    rollouts,
    schedules,
    select,
    templates,
    waves,
)
from umeter_station.fleet.select import Selection
from umeter_station.fleet.waves import Pace
from umeter_station.homeassistant.announcing import Announcer, Options
from umeter_station.models_fleet import homeassistant_topics

ALL = Selection(all=True)
_EVERYTHING = (
    "site=none and label.floor=3 and reading_age<1h and orders>=0 and findings=0 and differs=0"
    " and desired.report_s=none and ch.*.limit_w=0 and version>=1.0"
)


@pytest.fixture
def db():
    made = new_postgres("m1", "m2", "m3")
    yield made
    made.close()


def test_chosen_read_set_and_rolled_back(db):
    meters = fleet(db, ["m1", "m2", "m3"])
    for meter in meters.values():
        meter.read()
    with db.write() as conn:
        select.label(conn, ["m1", "m2"], "floor", "2")
        select.label(conn, ["m1", "m2"], "floor", "3")
        chosen = select.choose(conn, Selection(where=_EVERYTHING), NOW_S)
        assert [known.meter for known in chosen] == ["m1", "m2"]
        schedules.add(conn, "quarter", ALL, "every 15 min", "UTC", "anna", NOW_S)
        (read_id,) = schedules.run(conn, NOW_S + 5_000)
    for meter in meters.values():
        meter.answer(NOW_S + 5_003)
    with db.read() as conn:
        found = schedules.get(conn, "quarter")
        assert (found.last.id, found.missed) == (read_id, 4)
        assert reads.answer_times(conn, NOW_S).p95_s == 3

    def drive(rollout_id):
        for _ in range(5):
            with db.write() as conn:
                rollouts.step(conn, NOW_S)
            for meter in meters.values():
                meter.answer()
        with db.read() as conn:
            return rollout_rows.get(conn, rollout_id).state

    pace = Pace(canary="1", wave="1", healthy_s=0, wave_pause_s=0, failed_permille=500)
    with db.write() as conn:
        made = templates.add(conn, "flats", {"ch.2.limit_w": 1_500}, "", "anna", NOW_S)
        first = rollout_plan.start_set(conn, ALL, made.settings, pace, "anna", NOW_S)
    assert drive(first) == "done"
    with db.write() as conn:
        assert {key.now for key in rollout_rows.keys(conn, first)} == {"applied"}
        back = rollout_plan.roll_back(conn, first, "anna", NOW_S, waves.BACK)
    assert drive(back) == "done"
    assert not any("ch.2.limit_w" in meter.told for meter in meters.values())
    with db.read() as conn:
        assert twin.get(conn, "m1").desired[0].set_by == f"rollout:{back}"
        assert [one.id for one in rollout_rows.page(conn, 5)] == [back, first]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE templates SET note = 'x'",
        "DELETE FROM templates",
        "UPDATE rollout_log SET what = ''",
    ],
)
def test_what_was_is_not_changed(any_db, statement):
    with any_db.write() as conn:
        made = templates.add(conn, "flats", {"limit_w": 1_500}, "", "anna", NOW_S)
        rollout_plan.start_set(conn, ALL, made.settings, Pace(), "anna", NOW_S)
    with pytest.raises(sa.exc.IntegrityError, match="append-only"), any_db.write() as conn:
        conn.exec_driver_sql(statement)


def test_home_assistant_is_told(db):
    fleet(db, ["m1", "m2", "m3"], channels=2)
    retained = {}
    announcer = Announcer(db, Options(True), lambda topic, d: retained.update({topic: d}) is None)
    announcer.step(NOW_S)
    with db.write() as conn:
        key_rotation.retire(conn, "m3", NOW_S)
    announcer.step(NOW_S + 1)
    with db.read() as conn:
        kept = conn.execute(sa.select(homeassistant_topics.c.meter).distinct()).scalars().all()
    assert sorted(kept) == ["m1", "m2"]
    assert {topic for topic, document in retained.items() if not document} >= {
        "homeassistant/device/umeter_m3_1/config"
    }
