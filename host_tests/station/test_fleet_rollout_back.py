"""Rollouts that go back, wait, are refused, or meet another."""

import pytest
import sqlalchemy as sa

from fleet_kit import fleet
from rollout_kit import ALL, CHANGE, PACE, Site
from station_kit import NOW_S
from umeter_station import key_rotation, twin
from umeter_station.errors import Conflict, StationError
from umeter_station.fleet import approving as approving
from umeter_station.fleet import rollout_plan, rollout_rows, rollouts
from umeter_station.fleet.rollout_plan import Consent
from umeter_station.fleet.waves import Pace
from umeter_station.models import meters
from umeter_station.people import approvals


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def test_rolling_back_brings_the_values_of_before_where_nobody_changed_them(site):
    site.meters["m1"].set_here(limit_w=2000, **{"ch.2.limit_w": 900})
    rollout_id = site.start(pace=Pace(canary="8", healthy_s=0))
    assert site.to_the_end(rollout_id).state == "done"
    with site.db.write() as conn:
        twin.order_set(conn, "m2", {"limit_w": 4000}, site.now_s, by="berta")
    site.step()
    back = site.act(
        rollout_plan.roll_back, rollout_id, "anna", site.now_s, Pace(canary="0", wave="100%")
    )
    assert "1 settings were changed since" in site.rollout(back).sentence
    assert site.to_the_end(back).state == "done"
    told = {name: meter.told for name, meter in site.meters.items()}
    assert (told["m1"]["limit_w"], told["m1"]["ch.2.limit_w"]) == (2000, 900)
    assert told["m2"]["limit_w"] == 4000
    assert "ch.2.limit_w" not in told["m3"] and told["m3"]["limit_w"] == 0
    assert site.keys(rollout_id, "m3")["limit_w"].now == "overtaken"
    again = site.act(
        rollout_plan.roll_back, back, "anna", site.now_s, Pace(canary="0", wave="100%")
    )
    site.to_the_end(again)
    assert site.meters["m1"].told["limit_w"] == 3000


def test_a_rollout_under_way_is_rolled_back_only_once_it_is_ended(site):
    rollout_id = site.start()
    site.step()
    with pytest.raises(StationError, match="abort it first"):
        site.act(rollout_plan.roll_back, rollout_id, "anna", NOW_S, PACE)
    site.act(rollouts.abort, rollout_id, "anna", NOW_S)
    back = site.act(rollout_plan.roll_back, rollout_id, "anna", NOW_S, PACE)
    with site.db.read() as conn:
        assert len(rollout_rows.meters(conn, back)) == 2
    with pytest.raises(StationError, match="cannot be resumed"):
        site.act(rollouts.resume, rollout_id, "anna", NOW_S)


def test_pausing_orders_nothing_and_resuming_goes_on(site):
    rollout_id = site.start()
    site.step()
    site.act(rollouts.pause, rollout_id, "anna", site.now_s)
    for _ in range(2):
        site.step(600)
    assert site.count(rollout_id) == {"applied": 2, "waiting": 6}
    site.act(rollouts.resume, rollout_id, "anna", site.now_s)
    assert site.to_the_end(rollout_id).state == "done"


def test_what_would_be_refused_is_said_before_and_left_out_only_by_consent(site):
    one = {"ch.5.limit_w": 100}
    site.meters["m1"].channels = 2
    with site.db.write() as conn:
        conn.execute(sa.update(meters).where(meters.c.meter == "m1").values(channels=2))
    with pytest.raises(StationError, match=r"1 of 8 meters would refuse it \(m1\)"):
        site.start(one)
    rollout_id = site.start(one, consent=Consent(refusals=True))
    assert site.to_the_end(rollout_id).state == "done"
    assert site.count(rollout_id) == {"applied": 7, "left out": 1}


def test_nobody_is_cut_off_without_consent(site):
    site.meters["m4"].read(
        contact=[1] * 8, balance_u=[500_000] * 8, credited_total_u=[500_000] * 8
    )
    change = {"disable_at_u": 1_000_000}
    with site.db.read() as conn:
        seen = rollout_plan.dry_run(conn, ALL, change, NOW_S)
    assert {one.meter: one.cuts for one in seen if one.cuts} == {"m4": tuple(range(1, 9))}
    with pytest.raises(StationError, match=r"1 meters would be cut off \(m4\)"):
        site.start(change)
    site.start(change, consent=Consent(cuts=True))


def test_settings_changed_since_the_dry_run_are_a_conflict(site):
    with site.db.read() as conn:
        seen = rollout_plan.dry_run(conn, ALL, CHANGE, NOW_S)
    versions = {one.meter: one.version for one in seen}
    with site.db.write() as conn:
        twin.order_set(conn, "m3", {"report_s": 30}, NOW_S, by="berta")
    with pytest.raises(Conflict, match="m3"):
        site.start(consent=Consent(versions=versions))
    versions["m3"] += 1
    site.start(consent=Consent(versions=versions))


def test_two_rollouts_of_the_same_key_are_a_conflict(site):
    first = site.start()
    with pytest.raises(Conflict, match=f"Rollout {first} still has to do with"):
        site.start({"limit_w": 1})
    site.start({"report_s": 30})
    site.act(rollouts.abort, first, "anna", NOW_S)
    site.start({"limit_w": 1})


def test_a_large_change_is_cut_into_orders_that_follow_one_another(site):
    change = {
        f"ch.{ch}.{name}": 100 for ch in range(1, 9) for name in ("limit_w", "limit_guard_s")
    }
    change |= {f"ch.{ch}.limit_tries": 2 for ch in range(1, 9)}
    rollout_id = site.start(change, Pace(canary="1", healthy_s=0, wave="100%", wave_pause_s=0))
    assert site.to_the_end(rollout_id, 30).state == "done"
    assert all(set(change) <= set(m.told) for m in site.meters.values())
    assert {key.state for key in site.keys(rollout_id, "m1").values()} == {"applied"}


def test_a_retired_meter_is_left_out(site):
    rollout_id = site.start()
    site.act(key_rotation.retire, "m8", NOW_S)
    assert site.to_the_end(rollout_id).state == "done"
    assert site.count(rollout_id) == {"applied": 7, "left out": 1}


def test_canaries_are_of_every_kind_of_meter(tmp_path):
    site = Site(tmp_path)
    odd = fleet(site.db, ["m8"], board="wt32")["m8"]
    site.meters["m8"] = odd
    rollout_id = site.start()
    site.step()
    applied = {m for m, state in site.states(rollout_id).items() if state == "applied"}
    assert "m8" in applied and len(applied) == 2


def test_a_price_waits_for_another_person_where_that_is_switched_on(site):
    price = {"price_u_per_kwh": 300_000}
    with site.db.write() as conn:
        approvals.switch(conn, "tariff", True, "operator:owner", NOW_S)
    rollout_id = site.start(price, by="operator:anna")
    site.step(60)
    assert site.rollout(rollout_id).state == "asked"
    assert site.count(rollout_id) == {"waiting": 8}
    approval_id = site.rollout(rollout_id).approval_id
    with pytest.raises(StationError, match="another person"):
        site.act(approvals.decide, approval_id, "operator:anna", True, site.now_s)
    site.act(approvals.decide, approval_id, "operator:berta", True, site.now_s)
    assert site.to_the_end(rollout_id).state == "done"

    declined = site.start({"price_u_per_kwh": 400_000}, by="operator:anna")
    asked = site.rollout(declined).approval_id
    site.act(approvals.decide, asked, "operator:berta", False, site.now_s)
    site.step()
    assert site.rollout(declined).state == "aborted"
    assert site.rollout(site.start({"report_s": 30})).state == "running", "no price"
