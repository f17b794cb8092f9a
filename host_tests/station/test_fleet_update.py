"""A release brought to many meters: the same canaries, waves and stopping as for settings."""

import time

import pytest

from fleet_kit import fleet, hurried
from release_kit import BUNDLE
from scripted_meter import ScriptedMeter
from station_kit import KEY, NOW_S, FixedClock, new_database
from umeter_station import config, update
from umeter_station.broker import EmbeddedBroker
from umeter_station.errors import StationError
from umeter_station.fleet import reads, rollout_plan, rollout_rows, rollouts
from umeter_station.fleet.select import Selection
from umeter_station.fleet.waves import Pace
from umeter_station.station import Station

NAMES = [f"m{number}" for number in range(1, 7)]
ALL = Selection(all=True)
PACE = Pace(canary="1", wave="3", healthy_s=600, wave_pause_s=0, answer_s=3_600)


class Site:
    def __init__(self, tmp_path):
        self.db = hurried(new_database(tmp_path, *NAMES))
        self.meters = fleet(self.db, NAMES)
        self.now_s = NOW_S
        with self.db.write() as conn:
            update.add_bundle(conn, BUNDLE, NOW_S)

    def start(self, pace=PACE, selection=ALL):
        with self.db.write() as conn:
            return rollout_plan.start_update(
                conn, selection, BUNDLE.name, pace, "anna", self.now_s
            )

    def step(self, after_s=0):
        self.now_s += after_s
        with self.db.write() as conn:
            rollouts.step(conn, self.now_s)
        for meter in self.meters.values():
            while meter.answer(self.now_s):
                pass
            meter.end_trial(self.now_s)
        with self.db.write() as conn:
            rollouts.step(conn, self.now_s)

    def now(self, rollout_id):
        with self.db.read() as conn:
            states = rollout_rows.progress(conn, rollout_id).states
            return rollout_rows.get(conn, rollout_id).state, states


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def test_a_release_goes_by_a_canary_and_waves(site):
    rollout_id = site.start()
    site.step()
    assert site.now(rollout_id) == ("running", {"applied": 1, "waiting": 5})
    site.step(599)
    assert site.now(rollout_id)[1] == {"applied": 1, "waiting": 5}
    site.step(1)
    site.step()
    assert site.now(rollout_id) == ("done", {"applied": 6})


@pytest.mark.parametrize("takes", ["back", "refused", "silent"])
def test_a_release_that_does_not_do_well_goes_no_further(site, takes):
    for meter in site.meters.values():
        meter.takes = takes
    rollout_id = site.start()
    site.step()
    site.step(3_600)
    failed = "silent" if takes == "silent" else "refused"
    assert site.now(rollout_id) == ("stopped", {failed: 1, "waiting": 5})
    with site.db.read() as conn:
        assert update.latest(conn, "m2") is None


def test_a_few_in_a_wave_may_go_back(site):
    site.meters["m5"].takes = "back"
    rollout_id = site.start(Pace(canary="1", wave="5", healthy_s=0, failed_permille=200))
    for _ in range(4):
        site.step(60)
    assert site.now(rollout_id) == ("done", {"applied": 5, "refused": 1})
    with site.db.read() as conn:
        (row,) = rollout_rows.meters(conn, rollout_id, "refused")
    assert "did not do well" in row.sentence


def test_meters_of_another_board_or_that_have_it_are_left_out(site):
    for name, about in (("m1", {"board": "wt32"}), ("m2", {"release": BUNDLE.release})):
        site.meters[name].about |= about
        site.meters[name].status()
    rollout_id = site.start()
    assert site.now(rollout_id)[1] == {"left out": 2, "waiting": 4}
    with pytest.raises(StationError, match="There is no meter to do this to: it is a wt32"):
        site.start(selection=Selection(names=("m1",)))
    with pytest.raises(StationError, match="still has to do with m3"):
        site.start(selection=Selection(names=("m3",)))


def test_aborting_gives_up_what_is_under_way(site):
    site.meters["m1"].dead = True
    rollout_id = site.start()
    site.step()
    with site.db.write() as conn:
        rollouts.abort(conn, rollout_id, "anna", site.now_s)
        assert update.latest(conn, "m1").state == "failed"
        with pytest.raises(StationError, match="gives way to a newer one only"):
            rollout_plan.roll_back(conn, rollout_id, "anna", site.now_s, PACE)


def test_settings_and_readings_of_many_over_a_real_broker(tmp_path):
    """The same machinery, with meters that are connected."""
    db = new_database(tmp_path, "m1", "m2", "m3")
    db.close()
    broker = EmbeddedBroker(0)
    broker.start()
    config.create_home(tmp_path, broker.url)
    station = Station(tmp_path, broker.url, FixedClock())
    scripted = [ScriptedMeter(broker, name, KEY) for name in ("m1", "m2", "m3")]

    def until(done):
        end_s = time.monotonic() + 60
        while True:
            with station.db.write() as conn:
                rollouts.step(conn, NOW_S)
                if done(conn):
                    return
            assert time.monotonic() < end_s, "it did not come"
            time.sleep(0.05)

    try:
        assert station.start(10)
        until(lambda conn: all(m.presence == "online" for m in station.meters()))
        with station.db.write() as conn:
            read_id = reads.order(conn, ALL, "anna", NOW_S)
            pace = Pace(canary="1", wave="2", healthy_s=0, wave_pause_s=0)
            change = {"limit_w": 2_000}
            rollout_id = rollout_plan.start_set(conn, ALL, change, pace, "anna", NOW_S)
        until(lambda conn: rollout_rows.get(conn, rollout_id).state == "done")
        until(lambda conn: reads.get(conn, read_id).count("applied") == 3)
        with station.db.read() as conn:
            assert rollout_rows.progress(conn, rollout_id).states == {"applied": 3}
    finally:
        station.close()
        for meter in scripted:
            meter.stop()
        broker.stop()
