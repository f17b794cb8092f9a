"""Rollouts under whatever meters, people and restarts do to them, in any order."""

import shutil
import tempfile
from pathlib import Path

import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fleet_kit import fleet, hurried
from station_kit import NOW_S, STATION_KEY, new_database
from umeter_station import db as databases
from umeter_station import twin
from umeter_station.errors import StationError
from umeter_station.fleet import rollout_plan, rollout_rows, rollouts
from umeter_station.fleet.select import Selection
from umeter_station.fleet.waves import Pace
from umeter_station.models import commands
from umeter_station.models_watch import findings
from umeter_station.people import acts
from umeter_station.secrets import Safe

NAMES = ("m1", "m2", "m3", "m4", "m5", "m6")
OURS, THEIRS = 3_000, 999
HEALTHY_S, ANSWER_S = 300, 120
_one = st.sampled_from(NAMES)


class RolloutMachine(RuleBasedStateMachine):
    @initialize(permille=st.sampled_from([0, 200, 1000]), canary=st.integers(1, 2))
    def begin(self, permille, canary):
        self.home = Path(tempfile.mkdtemp())
        self.db = hurried(new_database(self.home, *NAMES))
        self.meters = fleet(self.db, NAMES)
        self.now_s, self.online = NOW_S, dict.fromkeys(NAMES, True)
        self.theirs, self.canaries_applied_at, self.first_of_rest_at = set(), {}, None
        pace = Pace(
            canary=str(canary),
            wave="2",
            healthy_s=HEALTHY_S,
            wave_pause_s=30,
            answer_s=ANSWER_S,
            failed_permille=permille,
        )
        with self.db.write() as conn:
            self.id = rollout_plan.start_set(
                conn, Selection(all=True), {"limit_w": OURS}, pace, "anna", NOW_S
            )
        self.look()

    def look(self):
        with self.db.read() as conn:
            self.rollout = rollout_rows.get(conn, self.id)
            self.rows = {row.meter: row for row in rollout_rows.meters(conn, self.id)}
            self.progress = rollout_rows.progress(conn, self.id)

    def ordered(self):
        with self.db.read() as conn:
            query = sa.select(commands.c.meter).where(commands.c.op == "set")
            return sorted(conn.execute(query).scalars())

    @rule(seconds=st.sampled_from([0, 10, 60, 150, 310]))
    def time_passes(self, seconds):
        self.now_s += seconds
        before, was = self.ordered(), self.rollout.state
        with self.db.write() as conn:
            rollouts.step(conn, self.now_s)
        self.look()
        if was != "running":
            assert self.ordered() == before, f"ordered while {was}"
        for row in self.rows.values():
            if row.wave == 0 and row.state == "applied":
                self.canaries_applied_at.setdefault(row.meter, self.now_s)
            if row.wave > 0 and row.ordered_at is not None and self.first_of_rest_at is None:
                self.first_of_rest_at = row.ordered_at
                assert self.canaries_applied_at, "no canary has taken it"
                last_s = max(self.canaries_applied_at.values())
                assert self.now_s >= last_s + HEALTHY_S, "the canaries were not watched"

    @rule(meters=st.sets(_one))
    def meters_answer(self, meters):
        for name in meters:
            if self.online[name]:
                self.meters[name].answer(self.now_s)

    @rule()
    def all_answer(self):
        self.meters_answer(set(NAMES))

    @rule(name=_one)
    def one_goes_or_comes(self, name):
        self.online[name] = not self.online[name]
        self.meters[name].status(online=self.online[name], now_s=self.now_s)

    @rule(name=_one)
    def one_will_refuse(self, name):
        self.meters[name].refuses = {"limit_w": "not here"}

    @precondition(lambda self: self.rollout.is_open)
    @rule(name=_one)
    def somebody_else_sets_it(self, name):
        with self.db.write() as conn:
            twin.order_set(conn, name, {"limit_w": THEIRS}, self.now_s, by="berta")
        self.theirs.add(name)

    @rule(name=_one, severity=st.sampled_from(["critical", "warn"]))
    def a_rule_finds_something(self, name, severity):
        times = dict.fromkeys(("since_s", "opened_at", "seen_at"), self.now_s)
        row = {"meter": name, "rule": "A06", "severity": severity, "state": "open"}
        with self.db.write() as conn:
            f = findings.c
            conn.execute(sa.delete(findings).where(f.meter == name, f.rule == "A06"))
            conn.execute(findings.insert().values(**row, **times, evidence="{}"))

    @rule(act=st.sampled_from(["pause", "resume", "resume", "abort"]))
    def a_person_acts(self, act):
        if act == "abort" and self.progress.ordered < 4:
            return  # Most runs should get somewhere.
        try:
            with self.db.write() as conn:
                getattr(rollouts, act)(conn, self.id, "anna", self.now_s)
        except StationError:
            pass
        self.look()

    @rule()
    def the_station_restarts(self):
        self.db.close()
        self.db = hurried(databases.open_database(self.home / "station.sqlite"))
        self.db.unlock(Safe(STATION_KEY))
        for meter in self.meters.values():
            meter.db = self.db
        before = self.rollout
        self.look()
        assert self.rollout == before

    @invariant()
    def nobody_of_a_later_wave_is_ordered(self):
        early = [
            r.meter for r in self.rows.values() if r.wave > self.rollout.wave and r.command_id
        ]
        assert early == []

    @invariant()
    def too_many_failures_end_it(self):
        if self.rollout.state == "running" and self.progress.ordered:
            assert self.progress.failed_permille <= self.rollout.failed_permille

    @invariant()
    def each_meter_is_ordered_once(self):
        ordered = self.ordered()
        for name in NAMES:
            mine = ordered.count(name) - (name in self.theirs)
            # Theirs may come again, too, as a newer version overtakes it.
            assert mine <= 1 or name in self.theirs, (name, ordered)

    @invariant()
    def what_somebody_else_set_stays(self):
        for name in self.theirs & set(self.rows):
            if self.rows[name].ordered_at is None:
                assert self.meters[name].told.get("limit_w") in (None, THEIRS)

    @invariant()
    def done_means_that_all_are_settled(self):
        if self.rollout.state == "done":
            assert self.progress.count("waiting", "ordered") == 0

    @invariant()
    def applied_means_that_the_meter_has_it(self):
        for name, row in self.rows.items():
            if row.state == "applied" and name not in self.theirs:
                assert self.meters[name].told.get("limit_w") == OURS

    def teardown(self):
        if hasattr(self, "db"):
            with self.db.read() as conn:
                assert acts.verify(conn).is_sound
            self.db.close()
            shutil.rmtree(self.home)


TestRollouts = RolloutMachine.TestCase
TestRollouts.settings = settings(
    max_examples=8,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
