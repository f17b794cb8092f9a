"""Home Assistant is told of every channel, of no other, and may ask for one thing only."""

import json

import paho.mqtt.client as mqtt
import pytest
import sqlalchemy as sa

from fleet_kit import fleet, hurried
from ingest_kit import until
from station_kit import NOW_S, FixedClock, counted, new_database
from umeter_station import config, key_rotation
from umeter_station.broker import EmbeddedBroker
from umeter_station.homeassistant import asking, bridge
from umeter_station.homeassistant.announcing import Announcer, Options
from umeter_station.models import commands
from umeter_station.models_fleet import homeassistant_topics
from umeter_station.models_people import acts
from umeter_station.people import approvals

ON = Options(enabled=True, currency="EUR", disconnect=True)


class Broker:
    """Keeps what is retained; `down`: it takes nothing."""

    def __init__(self):
        self.retained, self.log, self.down = {}, [], False

    def publish(self, topic, document):
        if self.down:
            return False
        self.log.append(topic)
        self.retained[topic] = document
        if not document:
            del self.retained[topic]
        return True

    def configs(self):
        return sorted(topic for topic in self.retained if topic.endswith("/config"))


@pytest.fixture
def house(tmp_path):
    db = hurried(new_database(tmp_path, "m1", "m2"))
    meters = fleet(db, ["m1", "m2"], channels=2)
    for meter in meters.values():
        meter.read(power_dw=[100, 200])
    return db, meters, Broker()


def test_each_channel_is_announced_once_and_its_state_whenever_it_changes(house):
    db, meters, broker = house
    announcer = Announcer(db, ON, broker.publish)
    assert announcer.step(NOW_S) == 4 + 2 + 4
    assert announcer.step(NOW_S + 1) == 0
    assert len(broker.configs()) == 4
    assert json.loads(broker.retained["umeter-ha/m1/2/state"])["power_dw"] == 200
    assert broker.retained["umeter-ha/m1/status"] == b"online"
    meters["m1"].read(now_s=NOW_S + 60, power_dw=[100, 300])
    broker.log.clear()
    announcer.step(NOW_S + 61)
    assert sorted(broker.log) == ["umeter-ha/m1/1/state", "umeter-ha/m1/2/state"]
    meters["m2"].status(online=False, now_s=NOW_S + 70)
    announcer.step(NOW_S + 71)
    assert broker.retained["umeter-ha/m2/status"] == b"offline"


def test_after_a_restart_or_when_home_assistant_comes_back_all_is_told_again(house):
    db, _, broker = house
    Announcer(db, ON, broker.publish).step(NOW_S)
    lost = Broker()
    announcer = Announcer(db, ON, lost.publish)
    announcer.step(NOW_S + 1)
    assert lost.retained == broker.retained
    lost.retained.clear()
    announcer.forget()
    announcer.step(NOW_S + 2)
    assert lost.retained == broker.retained


def test_what_a_broker_did_not_take_is_told_once_it_does(house):
    db, _, broker = house
    broker.down = True
    announcer = Announcer(db, ON, broker.publish)
    assert announcer.step(NOW_S) == 0
    broker.down = False
    assert announcer.step(NOW_S + 200) == 10


def test_a_step_hands_over_only_so_many(house):
    db, _, broker = house
    announcer = Announcer(db, ON, broker.publish, most=3)
    while announcer.step(NOW_S):
        assert len(broker.log) % 3 == 0 or len(broker.log) == 10
    assert len(broker.retained) == 10


def test_a_retired_meter_leaves_nothing_behind_and_neither_does_switching_off(house):
    db, _, broker = house
    Announcer(db, ON, broker.publish).step(NOW_S)
    with db.write() as conn:
        key_rotation.retire(conn, "m2", NOW_S)
    Announcer(db, ON, broker.publish).step(NOW_S + 1)
    assert not [topic for topic in broker.retained if "m2" in topic]
    assert len(broker.configs()) == 2
    Announcer(db, Options(enabled=False), broker.publish).step(NOW_S + 2)
    assert broker.retained == {}
    with db.read() as conn:
        assert conn.execute(sa.select(homeassistant_topics)).all() == []


def test_another_prefix_takes_the_old_devices_away(house):
    db, _, broker = house
    Announcer(db, ON, broker.publish).step(NOW_S)
    other = Options(enabled=True, prefix="ha")
    announcer = Announcer(db, other, broker.publish)
    announcer.step(NOW_S + 1)
    announcer.step(NOW_S + 2)
    assert all(topic.startswith("ha/") for topic in broker.configs())
    assert len(broker.configs()) == 4 and "umeter-ha/m1/1/state" in broker.retained


def _ask(db, topic="umeter-ha/m1/2/disconnect", payload=b"disconnect", now_s=NOW_S, **more):
    with db.write() as conn:
        given = {"retained": False, "allowed": True} | more
        return asking.ask(conn, topic, payload, now_s=now_s, **given)


def _supply_orders(db):
    with db.read() as conn:
        query = sa.select(commands.c.meter, commands.c.args).where(commands.c.op == "supply")
        return [(meter, json.loads(args)) for meter, args in conn.execute(query)]


def test_a_disconnection_may_be_asked_for(house):
    db, *_ = house
    assert _ask(db) == "ordered"
    assert _supply_orders(db) == [("m1", {"ch": 2, "state": "open"})]
    assert _ask(db, now_s=NOW_S + 1) == "asked already"
    assert _ask(db, topic="umeter-ha/m1/1/disconnect") == "ordered"
    assert _ask(db, now_s=NOW_S + 61) == "ordered"
    with db.read() as conn:
        by = conn.execute(sa.select(acts.c.by).where(acts.c.act == "supply.open")).scalars().all()
    assert by == ["homeassistant"] * 3


@pytest.mark.parametrize(
    "given, word",
    [
        ({"payload": b"connect"}, "connects never"),
        ({"payload": b"close"}, "malformed"),
        ({"payload": b""}, "malformed"),
        ({"payload": b"DISCONNECT"}, "malformed"),
        ({"retained": True}, "retained"),
        ({"allowed": False}, "not allowed"),
        ({"topic": "umeter-ha/m1/3/disconnect"}, "unknown"),
        ({"topic": "umeter-ha/m3/1/disconnect"}, "unknown"),
        ({"topic": "umeter-ha/m1/01/disconnect"}, "foreign"),
        ({"topic": "umeter-ha/m1/0/disconnect"}, "foreign"),
        ({"topic": "umeter-ha/m1/1/disconnect/x"}, "foreign"),
        ({"topic": "umeter-ha/../1/disconnect"}, "foreign"),
        ({"topic": "umeter/m1/down/command"}, "foreign"),
    ],
)
def test_anything_else_is_counted_and_nothing_is_ordered(house, given, word):
    db, *_ = house
    assert _ask(db, **given) == word
    assert _supply_orders(db) == []
    assert counted(db)[f"homeassistant.{word.replace(' ', '_')}"] == 1


def test_where_two_people_are_needed_a_house_is_none_of_them(house):
    db, *_ = house
    with db.write() as conn:
        approvals.switch(conn, "supply", True, "operator:owner", NOW_S)
    assert _ask(db) == "takes two people"


def test_on_a_real_broker(tmp_path, monkeypatch, house):
    """Devices and states arrive, a wish becomes an order, and the will tells of the end."""
    db, *_ = house
    monkeypatch.setattr(bridge, "_POLL_S", 0.02)
    monkeypatch.setattr(bridge, "_JITTER_S", 0.0)
    broker = EmbeddedBroker(0)
    broker.start()
    config.create_home(tmp_path, broker.url)
    with (tmp_path / "config.toml").open("a") as file:
        file.write("\n[homeassistant]\nenabled = true\ndisconnect = true\n")
    made = bridge.make(config.load(tmp_path), db, FixedClock())
    heard = {}
    house_client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    house_client.on_message = lambda _c, _u, m: heard.__setitem__(m.topic, m.payload)
    house_client.connect(broker.host, broker.port)
    house_client.subscribe([("homeassistant/#", 1), ("umeter-ha/#", 1)])
    house_client.loop_start()
    made.start()
    try:
        until(lambda: len([t for t in heard if t.endswith("/config")]) == 4)
        until(lambda: heard.get("umeter-ha/status") == b"online")
        house_client.publish("umeter-ha/m2/1/disconnect", "disconnect", 1)
        until(lambda: _supply_orders(db) == [("m2", {"ch": 1, "state": "open"})])
        heard.clear()
        house_client.publish("homeassistant/status", "online", 1)
        until(lambda: len([t for t in heard if t.endswith("/config")]) == 4)
    finally:
        made.stop()
    until(lambda: heard.get("umeter-ha/status") == b"offline")
    house_client.disconnect()
    house_client.loop_stop()
    broker.stop()


def test_switched_off_there_is_no_client_at_all(tmp_path, house):
    db, *_ = house
    config.create_home(tmp_path, "mqtt://127.0.0.1:1")
    assert bridge.make(config.load(tmp_path), db, FixedClock()) is None
