"""What networks and brokers do to a link, each as a context: on the way in it has begun and been
lived with for a while, on the way out it is over.

Each takes a LinkScene whose board is connected.
"""

import struct
from contextlib import contextmanager

import paho.mqtt.client as mqtt

from umeter_sim.mosquitto import installed
from umeter_sim.scene import METER, wait_until
from umeter_sim.wiretap import Wiretap
from umeter_station.envelope import sign

FLOOD = 1000
_TOPIC = f"umeter/{METER}/down/command"
_REDIRECT = b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/login\r\nContent-Length: 0\r\n\r\n"


@contextmanager
def black_hole(scene):
    """Everything is accepted and nothing answered."""
    scene.proxy.black_hole()
    scene.run_for(60)
    yield
    scene.run_for(30)
    scene.proxy.heal()


@contextmanager
def half_open(scene):
    """The broker forgets the connection without a word; the board has to find out."""
    sessions = scene.value("app.session.sessions")
    scene.proxy.half_open()
    yield
    scene.run_for(45)
    wait_until(lambda: scene.value("app.session.sessions") > sessions, "another session")
    scene.proxy.heal()


@contextmanager
def dribble(scene):
    """What comes, comes one byte a second."""
    scene.proxy.dribble()
    scene.proxy.reset()
    scene.run_for(30, net_speed=60)
    yield
    scene.run_for(30, net_speed=60)
    scene.proxy.heal()


@contextmanager
def refused(scene):
    """Nobody listens where the broker was."""
    scene.proxy.refuse()
    scene.run_for(60)
    yield
    scene.proxy.heal()


@contextmanager
def captive_page(scene):
    """Whatever is said is answered with the way to a login page."""
    scene.proxy.answer(_REDIRECT)
    scene.run_for(30)
    yield
    scene.proxy.heal()


@contextmanager
def nonsense(scene):
    """The broker's answers are MQTT in form only: packets of all kinds and lengths."""
    for garbage in (b"\x20\x02\x00\x05", b"\x00" * 64, b"\xff" * 64, b"\x30\xff\xff\xff\x7f"):
        scene.proxy.answer(garbage)
        scene.run_for(10)
    yield
    scene.proxy.heal()


@contextmanager
def slow_names(scene):
    """The broker's name is to be asked for again, which takes ten seconds."""
    scene.sim.ask("net", dns_delay_ms=10_000)
    scene.proxy.refuse()
    scene.run_for(5)
    scene.proxy.heal()
    scene.run_for(30)
    yield
    scene.sim.ask("net", dns_delay_ms=0)


@contextmanager
def no_wifi(scene):
    """The access point is away for a minute."""
    scene.sim.ask("net", wifi_down=True)
    scene.run_for(60)
    yield
    scene.sim.ask("net", wifi_down=False)


@contextmanager
def broker_restarted(scene):
    """The broker is away for ten seconds, and back with all that it held."""
    scene.broker.stop()
    scene.run_for(10)
    yield
    scene.broker.start()


@contextmanager
def broker_forgot(scene):
    """The broker dies, and is back without sessions and retained messages."""
    if hasattr(scene.broker, "kill"):
        scene.broker.kill(keep=False)
    else:
        scene.broker.stop()
    scene.run_for(10)
    yield
    scene.broker.start()


@contextmanager
def retained_garbage(scene):
    """Each subscription is greeted with something that is no order."""
    with publisher(scene) as say:
        say(b"\x00\xff" * 200, retain=True)
        scene.proxy.reset()
        scene.run_for(5, net_speed=10)
        yield
        scene.proxy.reset()
        scene.run_for(5, net_speed=10)
        say(b"", retain=True)


@contextmanager
def strange_topics(scene):
    """The broker sends what was never subscribed to: a name of 200 levels, one as long as names
    can be.
    """
    for topic in (b"/".join([b"a"] * 200), b"x" * 65_535):
        wait_until(lambda t=topic: scene.proxy.inject(message(t, b"hello")), "a connection")
        scene.run_for(5, net_speed=10)
    yield


@contextmanager
def oversize(scene):
    """Somebody sends more than a meter may get, and the broker keeps it for the meter."""
    with publisher(scene) as say:
        say(b"x" * 5000)
        scene.run_for(10, net_speed=10)
        yield


@contextmanager
def flood(scene):
    """A thousand orders at once: every other one is a repetition of a good one, the rest are
    forged.
    """
    with Wiretap(scene.broker, METER) as tap, publisher(scene) as say:
        scene.ordered(scene.station.order_read(METER))
        good = wait_until(lambda: tap.count("command") and tap.last_command("read"), "the order")
        forged = sign(b"x" * 32, b'{"n":9,"op":"credit","ch":1,"amount_u":1000000}')
        for number in range(FLOOD):
            say(good.token if number % 2 else forged, wait=False)
        yield
        scene.run_for(60, net_speed=10)


FAULTS = {
    fault.__name__: fault
    for fault in (
        black_hole,
        half_open,
        dribble,
        refused,
        captive_page,
        nonsense,
        slow_names,
        no_wifi,
        broker_restarted,
        broker_forgot,
        retained_garbage,
        strange_topics,
        oversize,
        flood,
    )
}


def bearable():
    """The faults that the broker at hand lives through itself: all of them with Mosquitto. The
    embedded one takes no second connection of a client while it has not missed the first.
    """
    missing = () if installed() else ("half_open",)
    return [fault for name, fault in FAULTS.items() if name not in missing]


def message(topic, payload):
    """A PUBLISH packet of QoS 0."""
    body = struct.pack("!H", len(topic)) + topic + payload
    size, head = len(body), bytearray(b"\x30")
    while True:
        size, low = size >> 7, size & 0x7F
        head.append(low | (0x80 if size else 0))
        if not size:
            return bytes(head) + body


@contextmanager
def publisher(scene):
    """Somebody else who may write to the meter: say(payload, retain=False, wait=True), QoS 1."""
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="somebody")
    client.connect(scene.broker.host, scene.broker.port)
    client.loop_start()

    def say(payload, retain=False, wait=True):
        said = client.publish(_TOPIC, payload, qos=1, retain=retain)
        if wait:
            said.wait_for_publish(10)

    try:
        yield say
    finally:
        client.disconnect()
        client.loop_stop()
