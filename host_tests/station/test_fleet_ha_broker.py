"""Home Assistant's user on a real Mosquitto: it reaches the station's topics, and no meter."""

import os

import paho.mqtt.client as mqtt
import pytest

from ingest_kit import until
from umeter_deploy import files
from umeter_sim.mosquitto import Mosquitto, installed
from umeter_station.broker import unused_port
from umeter_station.broker_config import HOMEASSISTANT_USER, STATION_USER, contents, hashed

pytestmark = pytest.mark.skipif(
    not installed(), reason="no Mosquitto is installed: its package is called mosquitto"
)
HOUSE, STATION, METER = HOMEASSISTANT_USER, STATION_USER, "m1"

# By which each of them knows that nothing more comes: whom it is for, who says it, and where.
LAST = {
    HOUSE: (STATION, "umeter-ha/m1/2/state"),
    STATION: (METER, "umeter/m1/up/result"),
    METER: (STATION, "umeter/m1/down/time"),
}


def test_who_reaches_what(tmp_path):
    port = unused_port("127.0.0.1")
    made = contents(
        tmp_path,
        {user: hashed("secret") for user in (HOUSE, STATION, METER)},
        port=port,
        data=tmp_path,
        homeassistant="homeassistant",
    )
    files.write(tmp_path, made)
    root = "user root\n" if os.geteuid() == 0 else ""  # Else it becomes who cannot read them.
    broker = Mosquitto(tmp_path, port, config=made["mosquitto.conf"] + root)
    broker.start()
    heard, clients, subscribed = {}, {}, []
    try:
        for user in (HOUSE, STATION, METER):
            heard[user] = []
            client = clients[user] = mqtt.Client(
                mqtt.CallbackAPIVersion.VERSION2, client_id=user, userdata=heard[user]
            )
            client.username_pw_set(user, "secret")
            client.on_message = lambda _c, mine, message: mine.append(message.topic)
            client.on_subscribe = lambda *_: subscribed.append(1)
            client.connect("127.0.0.1", port)
            client.loop_start()
            wanted = ["umeter/+/up/#", "umeter/+/down/#", "umeter-ha/#", "homeassistant/#"]
            if user != METER:
                client.subscribe([(topic, 1) for topic in wanted])
        clients[METER].subscribe("umeter/m1/down/#", 1)
        until(lambda: len(subscribed) == 3)
        for user, topic in (
            (HOUSE, "umeter/m1/down/command"),
            (HOUSE, "umeter/m1/up/reading"),
            (HOUSE, "umeter-ha/m1/1/state"),
            (HOUSE, "umeter-ha/m1/1/disconnect"),
            (HOUSE, "homeassistant/status"),
            (METER, "homeassistant/device/x/config"),
            (METER, "umeter-ha/m1/1/disconnect"),
            (METER, "umeter/m1/up/reading"),
            (STATION, "homeassistant/device/umeter_m1_1/config"),
            (STATION, "umeter-ha/m1/1/state"),
            (STATION, "umeter/m1/down/command"),
            *LAST.values(),
        ):
            clients[user].publish(topic, user, 1).wait_for_publish(60)
        until(lambda: all(topic in heard[user] for user, (_, topic) in LAST.items()))
    finally:
        for client in clients.values():
            client.disconnect()
            client.loop_stop()
        broker.stop()
    # Only what was allowed came, and only to whom it may come.
    came = {
        user: sorted(topic for topic in heard[user] if topic != last)
        for user, (_, last) in LAST.items()
    }
    assert came[METER] == ["umeter/m1/down/command"]
    assert came[STATION] == [
        "homeassistant/status",
        "umeter-ha/m1/1/disconnect",
        "umeter/m1/up/reading",
    ]
    assert came[HOUSE] == [
        "homeassistant/device/umeter_m1_1/config",
        "homeassistant/status",
        "umeter-ha/m1/1/disconnect",
        "umeter-ha/m1/1/state",
    ]
