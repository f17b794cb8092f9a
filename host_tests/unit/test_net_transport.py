"""The patient socket under the ESP32's socket rules: deadlines, turns, gathering, names."""

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes_net import SocketRig


@pytest.fixture
def rig():
    return SocketRig()


def test_connect_waits_for_the_syn_ack(rig):
    rig.network.connect_ms = 130
    start_ms = rig.clock.now_ms
    rig.connected()
    assert 130 <= rig.clock.now_ms - start_ms <= 150
    assert rig.longest_gap_ms(start_ms) <= 20


def test_connect_that_nobody_answers_ends_after_15_s(rig):
    rig.network.connect_ms = None
    assert 15_000 <= rig.times_out(rig.connected) <= 15_020


@pytest.mark.parametrize("fault", ["refusing", "unreachable"])
def test_connect_refused(rig, fault):
    setattr(rig.network, fault, True)
    with pytest.raises(OSError):
        rig.connected()


@pytest.mark.parametrize("unbound", [lambda s: s.setblocking(True), lambda s: s.settimeout(None)])
def test_read_of_a_black_hole_ends_after_10_s_whatever_was_asked_for(rig, unbound):
    sock = rig.connected()
    unbound(sock)
    assert 10_000 <= rig.times_out(lambda: sock.read(4)) <= 10_020


def test_dribbled_packet_ends_at_the_same_deadline(rig):
    sock = rig.connected()
    for i in range(40):
        rig.wire.arrive(b"x", 1000 * i)
    assert 10_000 <= rig.times_out(lambda: sock.read(20)) <= 10_020


def test_an_exchange_ends_after_30_s_however_it_is_cut_into_reads(rig):
    sock = rig.connected()
    for i in range(200):
        rig.wire.arrive(b"xy", 900 * i)
    start_ms = rig.clock.now_ms
    rig.sockets.begin()

    def read_on():
        while True:
            sock.read(1)

    assert 30_000 <= rig.times_out(read_on) <= 30_020
    rig.sockets.begin()
    assert sock.read(1) in (b"x", b"y"), "the next exchange has its own time"
    assert rig.clock.now_ms - start_ms < 32_000


def test_data_without_end_is_a_wait_too(rig):
    sock = rig.connected()
    rig.wire.arrive(bytes(3000))
    start_ms = rig.clock.now_ms
    for _ in range(3000):
        sock.read(1)
        rig.clock.now_ms += 1  # what umqtt.simple itself needs on a slow chip
    assert rig.longest_gap_ms(start_ms) <= 21


def test_nonblocking_read_gives_none_once_and_then_the_whole_packet(rig):
    sock = rig.connected()
    sock.setblocking(False)
    start_ms = rig.clock.now_ms
    assert sock.read(1) is None
    assert rig.clock.now_ms == start_ms
    rig.wire.arrive(b"ab")
    rig.wire.arrive(b"cd", 500)
    assert sock.read(4) == b"abcd", "a packet that has begun is waited for"
    assert rig.clock.ticks_diff(rig.clock.ticks_ms(), rig.sockets.last_rx_ms) == 0
    assert sock.read(0) == b""


@pytest.mark.parametrize("sent", [b"", b"a", b"abc"])
def test_close_within_a_read_is_an_error_at_every_byte(rig, sent):
    sock = rig.connected()
    if sent:
        rig.wire.arrive(sent)
    rig.wire.arrive(b"", 30)
    with pytest.raises(OSError) as caught:
        sock.read(4)
    assert caught.value.args[0] == errno.ECONNRESET


def test_broken_connection_is_an_error_not_a_spin(rig):
    sock = rig.connected()
    rig.wire.broken = True
    for action in (lambda: sock.read(1), rig.sockets.readable, lambda: write_and_flush(sock)):
        with pytest.raises(OSError):
            action()


def write_and_flush(sock):
    sock.write(b"x")
    sock.flush()


@pytest.mark.parametrize("n", [-1, 4097, 268_435_455])
def test_length_declared_by_the_peer_is_not_trusted(rig, n):
    sock = rig.connected()
    rig.wire.arrive(bytes(5000))
    assert len(sock.read(4096)) == 4096, "the longest that is allowed"
    with pytest.raises(OSError):
        sock.read(n)


PIECES = st.tuples(st.binary(max_size=20), st.integers(0, 200)).map(lambda p: p[0] * p[1])


@given(st.lists(st.tuples(PIECES, st.integers(0, 4000) | st.none()), max_size=8))
def test_written_bytes_arrive_in_order_in_full_segments(pieces):
    rig = SocketRig()
    sock = rig.connected()
    sent = b""
    for piece, n in pieces:
        n = n if n is None else min(n, len(piece))
        assert sock.write(piece, n) == (len(piece) if n is None else n)
        sent += piece[:n]
    rig.sockets.flush()
    assert b"".join(rig.wire.segments) == sent
    assert len(rig.wire.segments) == -(-len(sent) // 1440)


def test_partial_writes_are_completed(rig):
    sock = rig.connected()
    rig.wire.capacity = 3
    sent = bytes(range(50))
    sock.write(sent)

    def drain():
        rig.turns.append(rig.clock.now_ms)
        rig.wire.capacity = 7

    rig.sockets._work = drain
    start_ms = rig.clock.now_ms
    sock.flush()
    assert b"".join(rig.wire.segments) == sent
    assert len(rig.wire.segments) == 1 + 7
    assert rig.longest_gap_ms(start_ms) <= 20


def test_full_send_buffer_ends_after_10_s(rig):
    sock = rig.connected()
    rig.wire.capacity = 0
    sock.write(b"x")
    assert 10_000 <= rig.times_out(sock.flush) <= 10_020


def test_a_read_sends_first_what_was_gathered(rig):
    sock = rig.connected()
    sock.write(b"question")
    assert rig.wire.segments == []
    rig.network.peer = lambda wire, data: wire.arrive(b"answer", 5)
    assert sock.read(6) == b"answer"
    assert rig.wire.segments == [b"question"]


def test_readable_costs_no_time(rig):
    assert not rig.sockets.readable()
    rig.connected()
    start_ms = rig.clock.now_ms
    assert not rig.sockets.readable()
    rig.wire.arrive(b"x")
    assert rig.sockets.readable()
    assert rig.clock.now_ms == start_ms


def test_new_socket_closes_the_old_one(rig):
    rig.connected().write(b"left over")
    first = rig.wire
    sock = rig.connected()
    sock.write(b"new")
    sock.flush()
    assert first.closed and not rig.wire.closed
    assert first.segments == [] and rig.wire.segments == [b"new"]
    rig.sockets.close()
    rig.sockets.close()
    assert rig.wire.closed


def test_tls_wraps_the_connected_raw_socket():
    wrapped = []
    rig = SocketRig()
    rig.sockets.wrap = lambda raw: wrapped.append(raw.wire) or raw
    rig.connected()
    assert wrapped == [rig.wire]
