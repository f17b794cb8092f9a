"""A change of settings brought to many meters: canaries, waves, stopping, going back."""

import pytest
import sqlalchemy as sa

from fleet_kit import fleet, hurried
from station_kit import NOW_S, new_database
from umeter_station import key_rotation, twin
from umeter_station.errors import Conflict, StationError
from umeter_station.fleet import approving as approving
from umeter_station.fleet import rollout_plan, rollout_rows, rollouts
from umeter_station.fleet.rollout_plan import Consent
from umeter_station.fleet.select import Selection
from umeter_station.fleet.waves import Pace
from umeter_station.models import meters
from umeter_station.models_people import acts
from umeter_station.models_watch import findings
from umeter_station.people import approvals

NAMES = [f"m{number}" for number in range(1, 9)]
ALL = Selection(all=True)
PACE = Pace(canary="2", wave="3", healthy_s=600, wave_pause_s=60, answer_s=120)
CHANGE = {"limit_w": 3000, "ch.2.limit_w": 1500}


class Site:
    """Eight meters, the clock, and what drives rollouts on."""

    def __init__(self, tmp_path, names=NAMES):
        self.db = hurried(new_database(tmp_path, *names))
        self.meters = fleet(self.db, names)
        self.now_s = NOW_S

    def start(self, changes=CHANGE, pace=PACE, selection=ALL, by="anna", **more):
        with self.db.write() as conn:
            return rollout_plan.start_set(conn, selection, changes, pace, by, self.now_s, **more)

    def step(self, after_s=0, answers=True):
        """The station looks, the meters answer, the station looks again."""
        self.now_s += after_s
        with self.db.write() as conn:
            rollouts.step(conn, self.now_s)
        if answers:
            for meter in self.meters.values():
                meter.answer(self.now_s)
        with self.db.write() as conn:
            rollouts.step(conn, self.now_s)

    def rollout(self, rollout_id):
        with self.db.read() as conn:
            return rollout_rows.get(conn, rollout_id)

    def states(self, rollout_id):
        with self.db.read() as conn:
            return {row.meter: row.state for row in rollout_rows.meters(conn, rollout_id)}

    def count(self, rollout_id):
        with self.db.read() as conn:
            return rollout_rows.progress(conn, rollout_id).states

    def keys(self, rollout_id, meter):
        with self.db.read() as conn:
            return {key.key: key for key in rollout_rows.keys(conn, rollout_id, meter)}

    def to_the_end(self, rollout_id, step_s=300, most=40):
        for _ in range(most):
            self.step(step_s)
            if not self.rollout(rollout_id).is_open:
                return self.rollout(rollout_id)
        raise AssertionError(f"still {self.rollout(rollout_id)}")

    def act(self, function, *args, **more):
        with self.db.write() as conn:
            return function(conn, *args, **more)

    def find(self, meter, severity="critical", rule="A06"):
        with self.db.write() as conn:
            conn.execute(
                findings.insert().values(
                    meter=meter,
                    rule=rule,
                    severity=severity,
                    state="open",
                    since_s=self.now_s,
                    opened_at=self.now_s,
                    seen_at=self.now_s,
                    evidence="{}",
                )
            )


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
