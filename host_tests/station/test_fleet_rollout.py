"""A change of settings brought to many meters: canaries, waves, stopping."""

import pytest
import sqlalchemy as sa

from rollout_kit import NAMES, Site
from station_kit import NOW_S
from umeter_station import twin
from umeter_station.errors import StationError
from umeter_station.fleet import approving as approving
from umeter_station.fleet import rollout_rows, rollouts
from umeter_station.fleet.waves import Pace
from umeter_station.models_people import acts


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def test_canaries_are_watched_before_the_rest_comes_in_waves(site):
    rollout_id = site.start()
    site.step()
    assert site.count(rollout_id) == {"applied": 2, "waiting": 6}
    assert site.rollout(rollout_id).phase == "healthy"
    site.step(599)
    assert site.count(rollout_id) == {"applied": 2, "waiting": 6}
    site.step(1)
    assert site.count(rollout_id) == {"applied": 5, "waiting": 3}
    site.step(59)
    assert site.count(rollout_id) == {"applied": 5, "waiting": 3}
    site.step(1)
    site.step(60)
    assert site.count(rollout_id) == {"applied": 8}
    assert site.rollout(rollout_id).state == "done"
    assert all(m.told["ch.2.limit_w"] == 1500 for m in site.meters.values())
    key = site.keys(rollout_id, "m5")["ch.2.limit_w"]
    assert (key.before, key.value, key.state, key.now) == (None, 1500, "applied", "applied")
    with site.db.read() as conn:
        told = rollout_rows.logged(conn, rollout_id)
        by = conn.execute(
            sa.select(acts.c.by).where(acts.c.act == "settings.set", acts.c.about == "m5")
        ).scalar_one()
    assert [one.what for one in told] == [
        "started", "wave 1 begins", "wave 2 begins", "done",
    ]  # fmt: skip
    assert by == f"rollout:{rollout_id}"


def test_one_canary_that_refuses_stops_it_and_nobody_else_is_ordered(site):
    for meter in site.meters.values():
        meter.refuses = {"limit_w": "limit_w must be less here"}
    rollout_id = site.start()
    site.step()
    rollout = site.rollout(rollout_id)
    assert (rollout.state, rollout.sentence) == ("stopped", "2 of 2 meters failed")
    assert site.count(rollout_id) == {"refused": 2, "waiting": 6}
    with site.db.read() as conn:
        refused = rollout_rows.meters(conn, rollout_id, "refused")[0]
    assert refused.sentence == "limit_w: limit_w must be less here"
    keys = site.keys(rollout_id, refused.meter)
    assert (keys["limit_w"].state, keys["ch.2.limit_w"].state) == ("refused", "applied")
    for _ in range(2):
        site.step(3_600)
    assert site.count(rollout_id) == {"refused": 2, "waiting": 6}
    with pytest.raises(StationError, match="1000 per mille of its meters have failed"):
        site.act(rollouts.resume, rollout_id, "anna", site.now_s)
    site.act(rollouts.resume, rollout_id, "anna", site.now_s, failed_permille=1_000)
    assert site.rollout(rollout_id).state == "running"


def test_a_few_failures_within_the_share_do_not_stop_the_waves(site):
    site.meters["m7"].refuses = {"limit_w": "no"}
    rollout_id = site.start(pace=Pace(canary="2", wave="3", answer_s=120, failed_permille=200))
    assert site.to_the_end(rollout_id).state == "done"
    assert site.count(rollout_id) == {"applied": 7, "refused": 1}


def test_silence_counts_as_failure_and_its_order_is_taken_back(site):
    for meter in site.meters.values():
        meter.dead = True
    rollout_id = site.start()
    site.step()
    site.step(119)
    assert site.rollout(rollout_id).state == "running"
    site.step(1)
    assert site.rollout(rollout_id).state == "stopped"
    assert site.count(rollout_id) == {"silent": 2, "waiting": 6}
    for meter in site.meters.values():
        meter.dead = False
        assert meter.answer() == 0
    assert all("limit_w" not in m.told for m in site.meters.values())


def test_an_answer_that_comes_late_is_still_taken_in(site):
    rollout_id = site.start(pace=Pace(canary="8", answer_s=60, failed_permille=1000))
    site.meters["m1"].dead = True
    site.step()
    site.step(60)
    assert site.states(rollout_id)["m1"] == "silent"
    site.meters["m1"].dead = False
    site.step(5)
    assert site.states(rollout_id)["m1"] == "applied"


@pytest.mark.parametrize("severity, states", [("critical", "stopped"), ("alarm", "running")])
def test_a_critical_finding_on_a_canary_stops_it(site, severity, states):
    rollout_id = site.start()
    site.step()
    canary = next(m for m, state in site.states(rollout_id).items() if state == "applied")
    site.now_s += 60
    site.find(canary, severity)
    site.step()
    assert site.rollout(rollout_id).state == states
    assert site.states(rollout_id)[canary] == (
        "unhealthy" if severity == "critical" else "applied"
    )


def test_a_finding_of_before_tells_nothing_against_the_change(site):
    site.find("m1")
    site.now_s += 1
    rollout_id = site.start()
    assert site.to_the_end(rollout_id).state == "done"


def test_a_canary_that_goes_away_restarts_the_watch_and_then_counts_as_unhealthy(site):
    rollout_id = site.start()
    site.step()
    canary = next(m for m, state in site.states(rollout_id).items() if state == "applied")
    site.step(500)
    site.meters[canary].status(online=False)
    site.step(10)
    site.meters[canary].status(online=True)
    site.step(100)
    assert site.count(rollout_id) == {"applied": 2, "waiting": 6}, "watched from 0 again"
    site.meters[canary].status(online=False)
    site.step(10)
    site.step(120)
    assert site.states(rollout_id)[canary] == "unhealthy"
    assert site.rollout(rollout_id).state == "stopped"


def test_meters_that_are_away_hold_up_no_wave_and_get_theirs_when_they_are_back(site):
    for name in ("m3", "m4"):
        site.meters[name].status(online=False)
    rollout_id = site.start()
    for _ in range(6):
        site.step(300)
    assert site.count(rollout_id) == {"applied": 6, "waiting": 2}
    site.meters["m3"].status(online=True)
    site.step(60)
    assert site.count(rollout_id) == {"applied": 7, "waiting": 1}
    site.step(8 * 86_400)
    site.step(600)
    assert site.count(rollout_id) == {"applied": 7, "left out": 1}
    assert site.rollout(rollout_id).state == "done"


def test_what_somebody_else_sets_meanwhile_is_not_undone(site):
    rollout_id = site.start()
    with site.db.write() as conn:
        twin.order_set(conn, "m8", {"limit_w": 999}, NOW_S, by="berta")
        twin.order_set(conn, "m7", {"report_s": 30}, NOW_S, by="berta")
    site.meters["m6"].set_here(limit_w=777)
    for meter in site.meters.values():
        meter.answer()
    assert site.to_the_end(rollout_id).state == "done"
    states = site.states(rollout_id)
    assert [m for m in NAMES if states[m] == "overtaken"] == ["m6", "m8"]
    assert states["m7"] == "applied", "another key is no conflict"
    assert (site.meters["m8"].told["limit_w"], site.meters["m6"].told["limit_w"]) == (999, 777)
    with site.db.read() as conn:
        rows = {row.meter: row.sentence for row in rollout_rows.meters(conn, rollout_id)}
    assert rows["m8"] == "limit_w was set meanwhile by berta"
    assert rows["m6"] == "limit_w is 777 meanwhile"


def test_newer_settings_at_the_meter_make_the_order_come_again(site):
    site.start(pace=Pace(canary="8", healthy_s=0))
    with site.db.write() as conn:
        rollouts.step(conn, NOW_S)
    site.meters["m1"].version = 40
    site.step()
    site.step(5)
    assert site.meters["m1"].told["limit_w"] == 3000
    assert site.states(1)["m1"] == "applied"
