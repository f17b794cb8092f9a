"""Garbage, forgeries and repetitions on the real wire change nothing and stop nothing."""

import json

import paho.mqtt.client as mqtt
import pytest

from umeter_sim.scene import METER, Scene, wait_until
from umeter_sim.wiretap import Wiretap
from umeter_station.envelope import sign

TOPIC = f"umeter/{METER}/down/command"


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    with Scene(tmp_path_factory.mktemp("scene"), "cpython", loads=[5000] * 8) as scene:
        scene.sim.start()
        wait_until(lambda: scene.station.latest_reading(METER), "the first reading")
        assert scene.sell(1, 5_000_000).state == "applied"
        yield scene


@pytest.fixture
def attacker(scene):
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="attacker")
    client.connect(scene.broker.host, scene.broker.port)
    client.loop_start()
    yield client
    client.disconnect()
    client.loop_stop()


def forged(**order):
    return sign(b"x" * 32, json.dumps({"n": 9, **order}).encode())


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\x00\xff" * 300,
        b"{}",
        b"a.b.c",
        b"e30.e30.",
        forged(op="credit", ch=1, amount_u=1_000_000),
        forged(op="supply", ch=1, state="open"),
        b"x" * 4000,
    ],
    ids=["empty", "binary", "json", "dots", "unsigned", "credit", "supply", "long"],
)
def test_what_is_not_the_stations_changes_nothing(scene, attacker, message):
    before = scene.channel(1)
    attacker.publish(TOPIC, message, qos=1).wait_for_publish(10)
    # An order behind the garbage on the same topic shows that the garbage was passed.
    assert scene.ordered(scene.station.order_read(METER)).state == "applied"
    after = scene.channel(1)
    assert after["credited_total_u"] == before["credited_total_u"]
    assert after["contact"] and after["claims"] == 0


def test_a_flood_of_forgeries_delays_no_tick(scene, attacker):
    before_u = scene.channel(1)["credited_total_u"]
    scene.sim.ask("eval", expression="setattr(app.meter, 'worst_gap_ms', 0)")
    for _ in range(300):
        attacker.publish(TOPIC, forged(op="credit", ch=1, amount_u=1_000_000), qos=0)
    # Behind so much a reading may be given up; somebody asks again.
    asked = (scene.ordered(scene.station.order_read(METER), 60).state for _ in range(5))
    assert "applied" in asked
    # 50 ms, and the erase of the journal's sector under the order's commit.
    assert scene.meter()["worst_gap_ms"] - 100 <= 50
    assert scene.channel(1)["credited_total_u"] == before_u


def test_every_order_repeated_is_answered_and_changes_nothing(scene):
    with Wiretap(scene.broker, METER) as tap:
        scene.sell(1, 1_000_000)
        scene.ordered(scene.station.order_supply(METER, 2, "open"))
        scene.ordered(scene.station.order_set(METER, {"low_credit_u": 500_000}))
        for op in ("credit", "supply", "set"):
            heard = tap.last_command(op)
            before = scene.meter()["channels"]
            told = len(tap.results_of(heard.order["n"]))
            tap.replay(heard)
            answer = wait_until(
                lambda n=heard.order["n"], told=told: tap.results_of(n)[told:], "an answer"
            )[0]
            assert (answer["code"], answer["first"]) == ("replayed", "applied")
            for was, now in zip(before, scene.meter()["channels"], strict=True):
                assert now["credited_total_u"] == was["credited_total_u"]
                assert now["claims"] == was["claims"]


def test_the_same_purchase_twice_at_the_desk_is_one(scene):
    before_u = scene.channel(3)["credited_total_u"]
    first = scene.station.sell(METER, 3, 2_000_000, key="till-7-0001")
    again = scene.station.sell(METER, 3, 2_000_000, key="till-7-0001")
    assert again.command_id == first.command_id and again.repeated
    assert scene.ordered(first.command_id).state == "applied"
    assert scene.channel(3)["credited_total_u"] == before_u + 2_000_000


def test_sold_while_the_broker_is_down_is_applied_once_when_it_is_back(scene):
    before_u = scene.channel(4)["credited_total_u"]
    scene.broker.stop()
    sale = scene.station.sell(METER, 4, 3_000_000)
    assert scene.station.wait_result(sale.command_id, 1).is_open
    scene.broker.start()
    assert scene.ordered(sale.command_id, 60).state == "applied"
    assert scene.channel(4)["credited_total_u"] == before_u + 3_000_000
    wait_until(lambda: not scene.station.reconcile(), "the books to agree")
