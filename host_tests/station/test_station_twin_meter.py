"""The twin and a real meter agree in the end, in whatever order their messages arrive."""

import json
import tempfile
from pathlib import Path

import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes_board import Board
from station_kit import KEY, NOW_S, new_database, result, store, uplink
from umeter_station import envelope, models, orders, twin
from umeter_station.inbox import Message

_CHANGES = st.dictionaries(
    st.sampled_from(["report_s", "weekend", "ch.2.limit_w", "disable_at_u", "reclose_at_u"]),
    st.sampled_from([None, [5, 6], 0, 60, 900, 5_000_000]),
    min_size=1,
    max_size=3,
)
_STEPS = st.lists(
    st.one_of(
        _CHANGES,
        st.tuples(st.just("deliver"), st.integers(0, 4), st.booleans()),
        st.just("answer"),
        st.just("report"),
        st.just("reboot"),
    ),
    max_size=14,
)


class World:
    """A station, a meter, and the answers that are on their way."""

    def __init__(self, home):
        self.db = new_database(Path(home))
        self.board = Board()
        self.answers = []

    def set_(self, changes):
        with self.db.write() as conn:
            twin.order_set(conn, "m1", changes, NOW_S)

    def open_orders(self):
        with self.db.read() as conn:
            c = models.commands.c
            ids = conn.execute(sa.select(c.id).where(c.state.in_(orders.OPEN_STATES)))
            return [orders.get(conn, command_id) for command_id in ids.scalars().all()]

    def deliver(self, order, lost=False):
        token = envelope.sign(KEY, orders.payload(order, NOW_S))
        answer = self.board.commands.handle(token)
        if not lost:
            self.answers.append(Message("umeter/m1/up/result", bytes(answer)))

    def report(self):
        store(self.db, uplink("settings", self.board.settings.to_dict()))

    def settle(self):
        """All that is open is delivered and answered, and the meter reports once more."""
        for _ in range(3):
            for order in self.open_orders():
                self.deliver(order)
            store(self.db, *self.answers)
        assert self.open_orders() == []
        self.report()


def _do(world, step):
    waiting = world.open_orders()
    if isinstance(step, dict):
        world.set_(step)
    elif step == "answer" and world.answers:
        store(world.db, world.answers.pop())
    elif step == "report":
        world.report()
    elif step == "reboot":
        world.board = world.board.reboot()
    elif step[0] == "deliver" and waiting:
        world.deliver(waiting[step[1] % len(waiting)], lost=step[2])


@settings(max_examples=12)
@given(_STEPS)
def test_the_twin_tells_the_truth_in_the_end(steps):
    with tempfile.TemporaryDirectory() as home:
        world = World(home)
        for step in steps:
            _do(world, step)
        world.settle()
        with world.db.read() as conn:
            known = twin.get(conn, "m1")
        in_force = world.board.settings.to_dict()
        assert known.reported == in_force and known.version >= in_force["version"]
        for row in known.desired:
            own = row.key.startswith("ch.")
            if row.value is None and own:
                is_so = row.key not in in_force
            elif row.value is None:
                is_so = row.key not in world.board.settings.changed
            else:
                is_so = in_force.get(row.key) == row.value
            assert row.state == ("applied" if is_so else "refused"), (row, in_force)
            assert bool(row.sentence) == (row.state == "refused")
        world.db.close()


def test_of_two_orders_that_pass_each_other_nothing_is_lost(tmp_path):
    world = World(tmp_path)
    world.set_({"report_s": 60, "weekend": [5, 6]})
    world.set_({"report_s": 900})
    older, newer = world.open_orders()
    world.deliver(newer)
    world.deliver(older)
    token = world.answers[1].payload
    assert json.loads(envelope.verify(KEY, token))["code"] == "outdated"
    world.settle()
    in_force = world.board.settings.to_dict()
    assert (in_force["report_s"], in_force["weekend"], in_force["version"]) == (900, [5, 6], 3)


def test_an_answer_whose_keys_were_lost_is_made_good_by_the_report(tmp_path):
    world = World(tmp_path)
    world.set_({"report_s": 60, "weekend": [99]})
    world.deliver(world.open_orders()[0], lost=True)
    store(world.db, result(1, "replayed", first="partly"))
    world.report()
    with world.db.read() as conn:
        states = {row.key: row.state for row in twin.get(conn, "m1").desired}
    assert states == {"report_s": "applied", "weekend": "refused"}
