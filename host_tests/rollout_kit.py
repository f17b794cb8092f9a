"""Eight meters and a change of their settings, for the tests of rollouts."""

from fleet_kit import fleet, hurried
from station_kit import NOW_S, new_database
from umeter_station.fleet import approving as approving
from umeter_station.fleet import rollout_plan, rollout_rows, rollouts
from umeter_station.fleet.select import Selection
from umeter_station.fleet.waves import Pace
from umeter_station.models_watch import findings

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
