"""Messages in bulk: whatever pieces a connection brings them in, they are the same."""

import socket
import struct

import paho.mqtt.client as mqtt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umeter_station.bulk_client import BulkClient, Published

V3, V5 = mqtt.MQTTv311, mqtt.MQTTv5
SUBACK = {V3: b"\x90\x03\x00\x01\x01", V5: b"\x90\x04\x00\x01\x00\x01"}


class Wire:
    """A client, connected as far as it knows, and the broker's end of its socket."""

    def __init__(self, version=V3):
        self.ours, self.theirs = socket.socketpair()
        self.theirs.setblocking(False)
        self.client = BulkClient(
            mqtt.CallbackAPIVersion.VERSION2, protocol=version, manual_ack=True
        )
        self.client._sock = self.theirs
        self.client.on_socket_register_write = lambda *_: None
        self.told = []
        self.client.on_subscribe = lambda *_: self.told.append("subscribed")
        self.client.on_disconnect = lambda *_: self.told.append("gone")

    def take(self, most=500):
        """All that is there."""
        found = []
        while True:
            found += self.client.take(most)
            if self.client.is_dry or self.client.socket() is None:
                return found

    def close(self):
        self.ours.close()
        self.theirs.close()


@pytest.fixture(params=[V3, V5], ids=["3.1.1", "5"])
def wire(request):
    wire = Wire(request.param)
    yield wire
    wire.close()


def packet(message, version=V3, properties=b""):
    topic = message.topic.encode()
    body = len(topic).to_bytes(2, "big") + topic
    if message.qos:
        body += message.mid.to_bytes(2, "big")
    if version == V5:
        body += length(len(properties)) + properties
    body += message.payload
    return bytes([0x30 | message.qos << 1]) + length(len(body)) + body


def length(number):
    said = bytearray()
    while number > 127:
        said.append(number & 127 | 128)
        number >>= 7
    return bytes(said) + bytes([number])


def messages(*sizes):
    return [
        Published(f"umeter/m{n}/up/reading", bytes([n]) * size, n % 2 * (300 + n), n % 2)
        for n, size in enumerate(sizes)
    ]


def test_messages_of_all_lengths_come_whole(wire):
    sent = messages(0, 1, 90, 101, 102, 127, 128, 900, 16_400, 20_000)
    wire.ours.sendall(b"".join(packet(message, wire.client.protocol) for message in sent))
    assert wire.take() == sent
    assert wire.take() == []


@given(st.lists(st.integers(0, 300), max_size=6), st.lists(st.integers(1, 400), max_size=20))
def test_it_does_not_matter_in_what_pieces_they_come(sizes, pieces):
    for version in (V3, V5):
        wire = Wire(version)
        sent = messages(*sizes)
        raw = b"".join(packet(m, version) + SUBACK[version] for m in sent)
        found = []
        for size in [*pieces, len(raw) + 1]:
            wire.ours.sendall(raw[:size])
            raw = raw[size:]
            found += wire.take()
        assert (found, wire.told) == (sent, ["subscribed"] * len(sent))
        wire.close()


def test_what_another_packet_changes_is_changed_before_the_messages_after_it(wire):
    first, second = messages(5, 5)
    version = wire.client.protocol
    wire.ours.sendall(packet(first, version) + SUBACK[version] + packet(second, version))
    assert (wire.client.take(500), wire.told) == ([first], [])
    assert (wire.client.take(500), wire.told) == ([], ["subscribed"])
    assert wire.client.take(500) == [second]


def test_no_more_than_asked_for(wire):
    sent = messages(*range(10))
    wire.ours.sendall(b"".join(packet(message, wire.client.protocol) for message in sent))
    assert [len(wire.client.take(4)) for _ in range(4)] == [4, 4, 2, 0]


def test_properties_are_skipped():
    wire = Wire(V5)
    sent = messages(3, 200)
    for properties in (b"\x01\x01", b"\x26\x00\x01k" + struct.pack(">H", 150) + bytes(150)):
        wire.ours.sendall(b"".join(packet(message, V5, properties) for message in sent))
        assert wire.take() == sent
    wire.close()


def test_a_topic_that_is_no_text_is_none(wire):
    bad = packet(Published("TOPIC", b"x", 0, 0), wire.client.protocol).replace(
        b"TOPIC", b"\xff" * 5
    )
    wire.ours.sendall(bad)
    assert wire.take() == [Published("", b"x", 0, 0)]


@pytest.mark.parametrize(
    "bad",
    [b"\x30\xff\xff\xff\xff\xff\x01", b"\x32\x02\x00\x09", b"\x32\x04\x00\x02ab", b"\x30\x01\x00"],
    ids=["no length", "a topic beyond the end", "no number", "half a length"],
)
def test_what_is_no_packet_ends_the_connection(wire, bad):
    sent = messages(5)
    wire.ours.sendall(packet(sent[0], wire.client.protocol) + bad)
    assert wire.take() == sent
    assert (wire.told, wire.client.socket()) == (["gone"], None)


def test_the_end_of_a_connection_comes_after_what_it_brought(wire):
    sent = messages(5, 6)
    raw = b"".join(packet(message, wire.client.protocol) for message in sent)
    wire.ours.sendall(raw + raw[:7])
    wire.ours.close()
    assert wire.take() == sent
    assert (wire.told, wire.client.socket()) == (["gone"], None)
    wire.client.forget()
    assert wire.client.take(500) == []


def test_acknowledgements_are_one_write(wire):
    wire.client.acknowledge([1, 300, 65_535])
    wire.client.acknowledge([])
    wire.client.loop_write()
    wire.ours.setblocking(False)
    assert wire.ours.recv(100) == b"\x40\x02\x00\x01\x40\x02\x01\x2c\x40\x02\xff\xff"
    assert not wire.client.want_write()
