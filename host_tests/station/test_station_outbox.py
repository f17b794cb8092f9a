"""Orders are published until they are answered, with patience, and in a window."""

import itertools
import json

import pytest

from station_kit import KEY, NOW_S, FixedClock, new_database, order, result, sell, store, uplink
from umeter_station import account_orders, envelope, orders
from umeter_station.outbox import Outbox


class Delivered:
    def __init__(self, done=True):
        self.done = done

    def is_published(self):
        return self.done


class Wire:
    """Takes what is published; `up` False is a lost connection, `held` a broker without PUBACK."""

    def __init__(self):
        self.up, self.held, self.sent, self.now_s = True, False, [], 0.0

    def publish(self, topic, payload, qos):
        if not self.up:
            return None
        document = json.loads(envelope.verify(KEY, payload))
        self.sent.append((topic, document, qos))
        return Delivered(not self.held)

    def numbers(self):
        numbers = [document["n"] for _, document, _ in self.sent]
        self.sent.clear()
        return numbers


@pytest.fixture
def db(tmp_path):
    return new_database(tmp_path, "m1", "m2")


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
def outbox(db, wire, clock):
    return Outbox(db, clock, wire.publish, lambda: wire.now_s)


def _state(db, n=1):
    with db.read() as conn:
        return orders.find(conn, "m1", n).state


def test_an_order_is_signed_and_numbered(db, wire, outbox):
    sell(db)
    assert outbox.step() == 1
    ((topic, document, qos),) = wire.sent
    assert (topic, qos) == ("umeter/m1/down/command", 1)
    assert document == {
        "n": 1,
        "op": "credit",
        "ch": 3,
        "amount_u": 5_000_000,
        "exp": NOW_S + 30 * 86_400,
    }
    assert _state(db) == "sent"


def test_unanswered_it_is_published_again_and_more_rarely(db, wire, outbox):
    sell(db)
    times_s = []
    for wire.now_s in range(300):
        if outbox.step():
            times_s.append(wire.now_s)
    gaps_s = [round(b - a) for a, b in itertools.pairwise(times_s)]
    assert gaps_s == [2, 4, 8, 16, 32, 60, 60, 60]
    assert {json.dumps(document) for _, document, _ in wire.sent} == {json.dumps(wire.sent[0][1])}


def test_answered_it_is_published_no_more(db, wire, outbox):
    sell(db)
    outbox.step()
    store(db, result(1, ch=3, credited_total_u=5_000_000, charged_total_u=0))
    wire.now_s = 1000.0
    assert outbox.step() == 0
    assert _state(db) == "applied"


def test_after_a_restart_everything_open_is_due(db, wire, clock, outbox):
    sell(db)
    outbox.step()
    reborn = Outbox(db, clock, wire.publish, lambda: wire.now_s)
    assert reborn.step() == 1
    assert wire.numbers() == [1, 1]


def test_a_crash_between_publishing_and_noting_it_only_repeats(db, wire, clock):
    sell(db)

    def publish_and_die(*message):
        wire.publish(*message)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Outbox(db, clock, publish_and_die, lambda: 0.0).step()
    assert _state(db) == "sent"  # As far as one can tell: it may not be called off.
    with db.read() as conn:
        assert [state.state for state in orders.states(conn, 1)] == ["created"]
    assert Outbox(db, clock, wire.publish, lambda: 0.0).step() == 1
    assert wire.numbers() == [1, 1]


def test_an_answer_that_overtakes_the_note_of_sending_stands(db, wire, clock):
    sell(db)

    def publish_and_answer(*message):
        delivery = wire.publish(*message)
        store(db, result(1, ch=3, credited_total_u=5_000_000, charged_total_u=0))
        return delivery

    Outbox(db, clock, publish_and_answer, lambda: 0.0).step()
    assert _state(db) == "applied"


def test_without_a_connection_nothing_is_noted(db, wire, outbox):
    sell(db)
    wire.up = False
    assert outbox.step() == 0
    assert _state(db) == "created"
    wire.up = True
    assert outbox.step() == 1


def test_a_copy_that_the_broker_has_not_taken_is_not_doubled(db, wire, outbox):
    sell(db)
    wire.held = True
    outbox.step()
    wire.now_s = 100.0
    assert outbox.step() == 0
    assert wire.numbers() == [1]


def test_a_meter_that_is_away_is_left_alone_until_it_is_back(db, wire, outbox):
    sell(db)
    sell(db, key="k2", meter="m2")
    store(db, uplink("status", {"state": "online", "boot": 1}))
    outbox.step()
    store(db, uplink("status", {"state": "offline", "boot": 1}))
    wire.sent.clear()
    wire.now_s = 500.0
    outbox.step()
    assert [topic for topic, _, _ in wire.sent] == ["umeter/m2/down/command"]
    outbox.wake(store(db, uplink("status", {"state": "online", "boot": 2})))
    wire.sent.clear()
    outbox.step()
    assert [topic for topic, _, _ in wire.sent] == ["umeter/m1/down/command"]


def test_numbers_in_flight_stay_well_inside_the_meters_window(db, wire, outbox):
    for number in range(40):
        sell(db, key=f"k{number}")
    outbox.step()
    assert wire.numbers() == list(range(1, 33))
    store(db, *(result(n, "range") for n in range(2, 12)))
    assert outbox.step() == 0  # Number 1 may still be waiting somewhere.
    store(db, result(1, "range"))
    outbox.step()
    assert wire.numbers() == list(range(33, 41))


def test_an_order_that_nobody_wants_any_more_expires(db, wire, clock, outbox):
    with db.write() as conn:
        orders.order_read(conn, "m1", NOW_S)
    outbox.step()
    clock.unix_s += 121
    assert outbox.step() == 0
    assert _state(db) == "delivered"  # The meter still has the time of the back-off to answer.
    wire.now_s = 2.0
    assert outbox.step() == 0
    assert _state(db) == "expired"


def test_money_is_never_given_up(db, wire, clock, outbox):
    sell(db)
    outbox.step()
    clock.unix_s += 365 * 86_400
    wire.now_s = 1000.0
    assert outbox.step() == 1
    assert _state(db) == "delivered"


@pytest.mark.parametrize(
    "given",
    [
        account_orders.debit(3, 5),
        account_orders.debt(3, 1, 5),
        account_orders.account(3, "close"),
    ],
)
def test_what_moves_money_is_never_given_up(db, wire, clock, outbox, given):
    order(db, given)
    clock.unix_s += 365 * 86_400
    assert outbox.step() == 1
    assert _state(db) == "sent"


def test_a_clock_order_is_stamped_when_it_leaves_and_waits_nowhere(db, wire, clock, outbox):
    with db.write() as conn:
        orders.order_time(conn, "m1", 7, NOW_S)
    clock.unix_s += 3
    outbox.step()
    clock.unix_s += 20
    wire.now_s = 2.0
    outbox.step()
    assert [(document, qos) for _, document, qos in wire.sent] == [
        ({"n": 1, "op": "time", "boot": 7, "t": NOW_S + 3}, 0),
        ({"n": 1, "op": "time", "boot": 7, "t": NOW_S + 23}, 0),
    ]
