"""A key gives way to another, and a meter to none: the station's side, with the real firmware's
orders as the meter's. Whatever is lost between the two, they go on understanding each other.
"""

import itertools
import json

import pytest
import sqlalchemy as sa

from fakes_board import Board
from station_kit import (
    KEY,
    NOW_S,
    FixedClock,
    Killed,
    counted,
    killed_at_statement,
    new_database,
    reading,
    sell,
    store,
    uplink,
)
from umeter_station import envelope, key_rotation, meters, orders
from umeter_station.errors import StationError
from umeter_station.inbox import Message
from umeter_station.models import meters as table
from umeter_station.outbox import Outbox

RESULT = "umeter/m1/up/result"


class Delivered:
    def is_published(self):
        return True


class Pair:
    """A station and a meter. `lost_down`, `lost_up`: how many of the next are lost."""

    def __init__(self, tmp_path):
        self.db = new_database(tmp_path)
        self.meter = Board()
        self.clock = FixedClock()
        self.real_s = 0.0
        self.sent = []
        self.lost_down = self.lost_up = 0
        self.outbox = Outbox(self.db, self.clock, self._publish, lambda: self.real_s)

    def _publish(self, topic, payload, qos):
        self.sent.append(payload)
        return Delivered()

    def rotate(self):
        with self.db.write() as conn:
            return key_rotation.rotate(conn, "m1", self.clock.now_s())

    def turn(self):
        """The outbox publishes, the meter answers, the answers are booked; how many orders."""
        self.real_s += 100
        self.outbox.step()
        tokens, self.sent = self.sent, []
        for token in tokens:
            if self.lost_down:
                self.lost_down -= 1
                continue
            self.answer(self.meter.commands.handle(token))
        return len(tokens)

    def answer(self, token):
        if token is not None and self.lost_up:
            self.lost_up -= 1
        elif token is not None:
            store(self.db, Message(RESULT, token), now_s=self.clock.now_s())

    def order(self):
        with self.db.write() as conn:
            return orders.order_read(conn, "m1", self.clock.now_s())

    def command(self, command_id):
        with self.db.read() as conn:
            return orders.get(conn, command_id)

    @property
    def row(self):
        with self.db.read() as conn:
            return conn.execute(sa.select(table)).one()

    @property
    def key(self):
        with self.db.read() as conn:
            return meters.key_of(conn, "m1")


@pytest.fixture
def pair(tmp_path):
    return Pair(tmp_path)


def test_a_new_key_takes_over(pair):
    pair.clock.unix_s += 500
    command_id = pair.rotate()
    assert pair.row.key_state == "offered" and pair.key == KEY
    pair.turn()
    assert pair.command(command_id).state == "applied"
    new = pair.key
    assert new != KEY and pair.meter.commands.keys == (new, KEY)
    assert (pair.row.key_state, pair.row.key_at) == ("moved", NOW_S + 500)
    pair.turn()
    assert pair.meter.commands.keys == (new,) and pair.meter.commands.forged == 0
    row = pair.row
    assert (row.key_state, row.next_key, row.old_key) == ("steady", None, None)
    after = pair.order()
    pair.turn()
    assert pair.command(after).state == "applied"
    assert "result.forged" not in counted(pair.db)


def test_no_key_is_in_the_books_but_sealed(pair):
    pair.rotate()
    pair.turn()
    pair.db.checkpoint()
    content = pair.db.path.read_bytes()
    assert pair.key not in content and pair.key.hex().encode() not in content
    assert KEY not in content


@pytest.mark.parametrize("lost_up", [0, 2])
@pytest.mark.parametrize("lost_down", [0, 2])
@pytest.mark.parametrize("boots", [False, True])
def test_lost_on_the_way(pair, lost_down, lost_up, boots):
    command_id = pair.rotate()
    pair.lost_down, pair.lost_up = lost_down, lost_up
    for _ in range(lost_down + lost_up + 1):
        if boots:
            pair.meter = pair.meter.reboot()
        pair.turn()
    assert pair.command(command_id).state == "applied"
    for _ in range(2):
        pair.turn()
    assert pair.row.key_state == "steady"
    assert pair.meter.commands.keys == (pair.key,) and pair.key != KEY


def test_orders_on_their_way_while_the_key_changes(pair):
    """Their answers are signed by the old key, and come when the new one is in force."""
    before = pair.order()
    pair.outbox.step()
    (late,) = pair.sent
    pair.sent = []
    with pair.db.write() as conn:  # settled later, by the late answer alone
        conn.exec_driver_sql("UPDATE commands SET state = 'expired' WHERE id = %d" % before)
    pair.rotate()
    late_answer = pair.meter.commands.handle(late)
    pair.turn()
    assert pair.row.key_state == "moved"
    pair.answer(late_answer)
    assert pair.command(before).code == "applied"
    assert pair.row.key_state == "moved", "the old key's answer does not prove the new one"


def test_one_at_a_time(pair):
    pair.rotate()
    for _ in range(2):
        with pytest.raises(StationError, match="has not used its last new key yet"):
            pair.rotate()
        pair.turn()
    pair.turn()
    pair.rotate()


def test_what_was_given_up_is_replaced_and_its_late_answer_changes_nothing(pair):
    pair.lost_up = 1
    first = pair.rotate()
    pair.turn()  # the meter has the first new key, the station does not know
    answer_of_first = pair.meter.commands.handle(
        envelope.sign(KEY, orders.payload(pair.command(first), NOW_S))
    )
    pair.clock.unix_s = pair.command(first).exp + 1
    pair.turn()
    assert pair.command(first).state == "expired" and pair.key == KEY
    second = pair.rotate()
    pair.answer(answer_of_first)
    assert pair.command(first).state == "applied"
    assert pair.row.key_state == "offered" and pair.key == KEY
    for _ in range(2):
        pair.turn()
    assert pair.command(second).state == "applied" and pair.row.key_state == "steady"
    assert pair.meter.commands.keys == (pair.key,)


def test_a_refusal_leaves_the_old_key(pair):
    command_id = pair.rotate()
    with pair.db.write() as conn:
        conn.exec_driver_sql("UPDATE commands SET args = replace(args, 'check', 'chack')")
    pair.turn()
    command = pair.command(command_id)
    assert (command.state, command.code) == ("refused", "malformed")
    assert (pair.row.key_state, pair.row.next_key, pair.key) == ("steady", None, KEY)
    pair.rotate()


def test_an_order_thrown_back_proves_nothing(pair):
    pair.rotate()
    pair.turn()
    pair.lost_up = 9
    pair.order()
    pair.real_s += 100
    pair.outbox.step()
    store(pair.db, *(Message(RESULT, token) for token in pair.sent))
    assert pair.row.key_state == "moved" and counted(pair.db)["message.malformed"] >= 1


def test_wherever_the_process_dies_the_meter_is_understood(tmp_path):
    dies = 0
    for at in itertools.count():
        folder = tmp_path / str(at)
        folder.mkdir()
        pair = Pair(folder)
        pair.rotate()
        pair.real_s += 100
        pair.outbox.step()
        answer = pair.meter.commands.handle(pair.sent.pop())
        with killed_at_statement(pair.db, at) as begun:
            try:
                pair.answer(answer)
                died = False
            except Killed:
                died = True
        pair.outbox.wake()
        for _ in range(3):
            pair.turn()
        assert pair.row.key_state == "steady" and pair.meter.commands.keys == (pair.key,)
        pair.db.close()
        dies += died
        if not died:
            break
    assert dies == len(begun) > 5


def retire(db, meter="m1"):
    with db.write() as conn:
        return key_rotation.retire(conn, meter, NOW_S + 5)


def test_a_retired_meter_is_not_heard_nor_told_anything(pair):
    store(pair.db, uplink("reading", reading(channels=3)))
    waiting = pair.order()
    pair.rotate()
    assert retire(pair.db) is True and retire(pair.db) is False
    assert pair.command(waiting).state == "expired"
    assert pair.turn() == 0
    before = pair.row
    unheard = reading(seq=2, channels=3)
    store(pair.db, uplink("reading", unheard), uplink("event", {}), uplink("status", {}))
    assert counted(pair.db)["message.retired"] == 3 and pair.row == before
    assert (before.retired_at, before.next_key, before.key_state) == (NOW_S + 5, None, "steady")
    for give in pair.order, pair.rotate, lambda: sell(pair.db):
        with pytest.raises(StationError, match="Meter m1 is retired; it takes no more orders"):
            give()


def test_not_while_money_is_on_its_way(pair):
    sale = sell(pair.db)
    with pytest.raises(StationError, match="what became of the money of order 1; it can be reti"):
        retire(pair.db)
    assert pair.row.retired_at is None and pair.command(sale.command_id).is_open
    pair.turn()
    assert retire(pair.db) is True
    assert sell(pair.db).repeated, "what was sold is told as before"


def test_what_the_wrapping_is():
    old, new = bytes(32), bytes(range(32))
    fields = key_rotation.wrapped(old, new, 7)
    assert json.loads(json.dumps(fields)) == fields
    assert (len(fields["wrapped"]), fields["check"]) == (43, "630dcd2966c43366")
    assert fields != key_rotation.wrapped(old, new, 8)
