"""The connection breaks at every byte of every packet that a session exchanges."""

import time

import pytest

from umeter_sim import mosquitto
from umeter_sim import mqtt_pieces as mqtt
from umeter_sim.link_scene import SALE_U, WORST_GAP_MS, LinkScene
from umeter_sim.scene import METER
from umeter_sim.tcp_proxy import DOWN, UP

TIMEOUT_S = 60
PING_S = 16
# Way, kind, the shortest that such a packet is here.
PACKETS = {
    "connect": (UP, mqtt.CONNECT, 60),
    "connack": (DOWN, mqtt.CONNACK, 4),
    "subscribe": (UP, mqtt.SUBSCRIBE, 20),
    "suback": (DOWN, mqtt.SUBACK, 5),
    "publish-up": (UP, mqtt.PUBLISH, 150),
    "puback-down": (DOWN, mqtt.PUBACK, 4),
    "publish-down": (DOWN, mqtt.PUBLISH, 150),
    "puback-up": (UP, mqtt.PUBACK, 4),
    "pingreq": (UP, mqtt.PINGREQ, 2),
    "pingresp": (DOWN, mqtt.PINGRESP, 2),
}


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    with LinkScene(tmp_path_factory.mktemp("scene"), loads=[5000] * 8) as scene:
        scene.settle()
        scene.hasten()
        scene.sim.set_speed(60, net_speed=60)
        yield scene


@pytest.mark.slow
@pytest.mark.parametrize("name", PACKETS)
def test_broken_at_every_byte_of(name, scene):
    if name in ("publish-down", "puback-up") and not mosquitto.installed():
        pytest.skip("the embedded broker does not send again what a meter missed; needs Mosquitto")
    way, kind, shortest = PACKETS[name]
    scene.value("setattr(app.meter, 'worst_gap_ms', 0)")
    before_u = scene.channel(1)["credited_total_u"]
    happened = len(scene.proxy.cuts)
    # The order is on its way through all of it, and its own packets are among those that break.
    sale = scene.station.sell(METER, 1, SALE_U)
    scene.proxy.cut_everywhere(way, kind)
    scene.proxy.reset()
    end_s = time.monotonic() + TIMEOUT_S
    while scene.proxy.armed and time.monotonic() < end_s:
        if kind in (mqtt.PINGREQ, mqtt.PINGRESP):
            scene.sim.run_for(PING_S * 1000)
        time.sleep(0.002)
    cuts = scene.proxy.cuts[happened:]
    assert [cut.byte for cut in cuts] == list(range(len(cuts)))
    assert cuts[-1].whole and len(cuts) > shortest
    assert scene.ordered(sale.command_id, TIMEOUT_S).state == "applied"
    assert scene.channel(1)["credited_total_u"] == before_u + SALE_U
    assert scene.gap_ms() <= WORST_GAP_MS
    assert all(channel["claims"] == 0 for channel in scene.meter()["channels"])
    assert scene.station.reconcile() == []
