"""The fault proxy between plain sockets: what passes, what does not, and how it ends."""

import socket
import threading

import pytest

from umeter_sim.fault_proxy import Cut, FaultProxy
from umeter_sim.mqtt_pieces import CONNACK, PUBLISH, Pieces
from umeter_sim.tcp_proxy import DOWN, UP

CONNECTED = b"\x20\x02\x00\x00"
LONG = b"\x30\xac\x02" + bytes(300)


class EchoBroker:
    """Says back what it hears, to everybody."""

    def __init__(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.address = self.server.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                peer, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self._echo, args=(peer,), daemon=True).start()

    def _echo(self, peer):
        try:
            while data := peer.recv(4096):
                peer.sendall(data)
        except OSError:
            pass
        peer.close()


class Rig:
    def __init__(self):
        self.broker = EchoBroker()
        self.now_ms = 0
        self.proxy = FaultProxy(self.broker.address, lambda: self.now_ms)

    def dial(self):
        client = socket.create_connection((self.proxy.host, self.proxy.port), 5)
        client.settimeout(5)
        return client

    def heard(self, client, size):
        data = b""
        while len(data) < size:
            part = client.recv(size - len(data))
            assert part, "closed after %d bytes" % len(data)
            data += part
        return data


@pytest.fixture
def rig():
    rig = Rig()
    yield rig
    rig.proxy.close()
    rig.broker.server.close()


def silent(client, seconds=0.05):
    client.settimeout(seconds)
    with pytest.raises(TimeoutError):
        client.recv(1)
    client.settimeout(5)
    return True


def until_broken(client):
    """All that comes until the connection is reset."""
    data = b""
    with pytest.raises(ConnectionResetError):
        while part := client.recv(4096):
            data += part
    return data


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_packets_are_found_however_the_stream_is_cut(size):
    stream = CONNECTED + LONG + b"\xd0\x00" + LONG
    pieces, found = Pieces(), []
    for begin in range(0, len(stream), size):
        for kind, at, piece, ends in pieces.split(stream[begin : begin + size]):
            if at == 0:
                found.append([kind, b"", False])
            assert at == len(found[-1][1])
            found[-1][1] += piece
            found[-1][2] = ends
    kinds = [(2, CONNECTED, True), (3, LONG, True), (13, b"\xd0\x00", True), (3, LONG, True)]
    assert [tuple(packet) for packet in found] == kinds
    assert pieces.between


def test_everything_passes_both_ways_and_is_counted(rig):
    with rig.dial() as client:
        client.sendall(CONNECTED + LONG)
        assert rig.heard(client, len(CONNECTED + LONG)) == CONNECTED + LONG
    assert rig.proxy.connections == 1
    assert rig.proxy.heard == {(way, kind): 1 for way in (UP, DOWN) for kind in (CONNACK, PUBLISH)}


@pytest.mark.parametrize("byte", [0, 1, 2, 3, 150, 302, 303, 400])
def test_a_connection_breaks_at_its_byte_of_its_packet(rig, byte):
    rig.proxy.cut_at(DOWN, PUBLISH, nth=2, byte=byte)
    with rig.dial() as client:
        client.sendall(CONNECTED + LONG + LONG + LONG)
        whole = CONNECTED + LONG + LONG[:byte]
        assert until_broken(client) == whole
    assert rig.proxy.cuts == [Cut(DOWN, PUBLISH, 2, byte, byte >= len(LONG))]
    assert not rig.proxy.armed
    with rig.dial() as client:
        client.sendall(LONG + LONG)
        assert rig.heard(client, 606) == LONG + LONG, "the next one is let alone"


def test_a_sweep_breaks_once_at_each_byte(rig):
    rig.proxy.cut_everywhere(DOWN, CONNACK)
    passed = []
    while rig.proxy.armed:
        with rig.dial() as client:
            client.sendall(CONNECTED + LONG)
            passed.append(until_broken(client))
    assert passed == [CONNECTED[:n] for n in range(5)]
    assert [cut.whole for cut in rig.proxy.cuts] == [False] * 4 + [True]


def test_what_comes_from_the_board_is_cut_for_the_broker(rig):
    rig.proxy.cut_at(UP, PUBLISH, byte=10)
    with rig.dial() as client:
        client.sendall(CONNECTED)
        assert rig.heard(client, 4) == CONNECTED
        client.sendall(LONG)
        assert len(until_broken(client)) <= 10


def test_a_black_hole_swallows_old_and_new_connections(rig):
    with rig.dial() as old:
        old.sendall(CONNECTED)
        assert rig.heard(old, 4) == CONNECTED
        rig.proxy.black_hole()
        with rig.dial() as new:
            for client in (old, new):
                client.sendall(LONG)
                assert silent(client)
            rig.proxy.heal()
            for client in (old, new):
                assert until_broken(client) == b"", "what was swallowed never comes"
    with rig.dial() as client:
        client.sendall(LONG)
        assert rig.heard(client, len(LONG)) == LONG


def test_half_open_is_silent_for_the_old_connection_alone(rig):
    with rig.dial() as old:
        old.sendall(CONNECTED)
        assert rig.heard(old, 4) == CONNECTED
        rig.proxy.half_open()
        old.sendall(LONG)
        assert silent(old)
        with rig.dial() as new:
            new.sendall(LONG)
            assert rig.heard(new, len(LONG)) == LONG


def test_a_dribble_has_the_pace_of_the_boards_clock(rig):
    rig.proxy.dribble(1000)
    with rig.dial() as client:
        rig.now_ms = 5000
        client.sendall(CONNECTED)
        for byte in CONNECTED:
            assert client.recv(1) == bytes([byte])
            assert silent(client)
            rig.now_ms += 999
            assert silent(client)
            rig.now_ms += 1
        client.sendall(LONG)
        assert client.recv(1) == LONG[:1]
        rig.proxy.heal()
        assert rig.heard(client, len(LONG) - 1) == LONG[1:], "healed: the rest at once"


def test_refused_then_heard_on_the_same_port(rig):
    client = rig.dial()
    client.sendall(CONNECTED)
    assert rig.heard(client, 4) == CONNECTED
    rig.proxy.refuse()
    assert until_broken(client) == b""
    client.close()
    with pytest.raises(ConnectionRefusedError):
        rig.dial()
    rig.proxy.heal()
    with rig.dial() as client:
        client.sendall(CONNECTED)
        assert rig.heard(client, 4) == CONNECTED


def test_garbage_is_said_once_for_an_answer(rig):
    rig.proxy.answer(b"HTTP/1.1 302 Found\r\n")
    with rig.dial() as client:
        client.sendall(CONNECTED)
        assert rig.heard(client, 20) == b"HTTP/1.1 302 Found\r\n"
        client.sendall(LONG)
        assert silent(client)
        rig.proxy.heal()
        assert until_broken(client) == b""


def test_what_is_injected_comes_between_two_packets(rig):
    assert rig.proxy.inject(LONG) is False, "nobody is there"
    with rig.dial() as client:
        client.sendall(CONNECTED[:2])
        assert rig.heard(client, 2) == CONNECTED[:2]
        assert rig.proxy.inject(LONG) is False, "a packet is on its way"
        client.sendall(CONNECTED[2:])
        assert rig.heard(client, 2) == CONNECTED[2:]
        assert rig.proxy.inject(LONG) is True
        assert rig.heard(client, len(LONG)) == LONG


def test_a_broker_that_is_away_ends_the_connection(rig):
    rig.broker.server.shutdown(socket.SHUT_RDWR)
    rig.broker.server.close()
    with pytest.raises(ConnectionResetError), rig.dial() as client:
        client.recv(1)
