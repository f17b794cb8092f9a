"""Which broker, which network, which session: what follows upon a failure."""

import errno
import itertools

import pytest

from fakes_board import ConnectedBoard
from umeter_sim.fake_mqtt import packet, publish
from umeter_sim.link_parts import broker_of_site

DOWN = b"umeter/m1/down/command"
TWO = [broker_of_site("first"), broker_of_site("second", 8884)]


def hosts(rig):
    """Every host that was asked for, in turn."""
    asked = []
    resolve = rig.network.getaddrinfo

    def getaddrinfo(host, port):
        asked.append(host)
        return resolve(host, port)

    rig.sockets.getaddrinfo = getaddrinfo
    return asked


def clean(connect):
    """Does a CONNECT packet's body ask for a clean session?"""
    return bool(connect[7] & 2)


def test_two_brokers_are_tried_in_turn():
    rig = ConnectedBoard(brokers=TWO)
    asked = hosts(rig)
    rig.network.refusing = True
    rig.run(60_000)
    assert asked[:5] == ["first", "first", "second", "first", "second"]
    rig.network.refusing = False
    rig.run(80_000, until=lambda: rig.session.connected)
    assert rig.session.connected and asked[-1] == TWO[rig.session.broker]["host"]


def test_after_a_good_session_the_same_broker_comes_first():
    rig = ConnectedBoard(brokers=TWO).settled()
    asked = hosts(rig)
    rig.run(70_000)
    assert rig.session.failures == 0 and asked == []
    rig.broker.wire.arrive(b"")
    rig.run(5_000)
    assert asked == ["first"] and rig.session.connected and rig.session.broker == 0


def test_the_radio_starts_anew_after_six_failures_and_again_after_six_more():
    rig = ConnectedBoard()
    rig.network.refusing = True
    rig.run(60_000, until=lambda: rig.session.failures == 6)
    assert rig.link.bounces == 0
    rig.run(100_000, until=lambda: rig.session.failures == 7)
    assert rig.link.bounces == 1
    rig.run(4_000_000, until=lambda: rig.session.failures == 13)
    assert rig.link.bounces == 2


def test_pauses_grow_from_a_second_to_five_minutes_and_no_further():
    rig = ConnectedBoard()
    rig.network.refusing = True
    rig.run(2_000_000)
    pauses = [b - a for a, b in zip(rig.network.attempts, rig.network.attempts[1:], strict=False)]
    assert 500 <= pauses[0] <= 1_100
    assert all(a <= b + 20 for a, b in itertools.pairwise(pauses))
    assert 200_000 < max(pauses) <= 300_100


def long_message(size):
    return publish(DOWN, b"x" * size, 9)


def test_packet_of_just_4_kib_is_read_and_counted():
    rig = ConnectedBoard().settled()
    body = 4096 - len(publish(DOWN, b"", 9)) - 1  # one more byte of length
    assert len(long_message(body)) == 4096
    rig.broker.wire.arrive(long_message(body))
    rig.run(1_000)
    assert rig.session.connected and rig.session.oversize == 1
    assert rig.broker.acked_pids == [9]


@pytest.mark.parametrize(
    "hostile",
    [
        long_message(4_096),
        long_message(60_000),
        publish(b"t" * 3_000, b"x" * 3_000, 9),
        b"\x32\xff\xff\xff\x7f\x00\x04abcd\x00\x09" + b"x" * 100,
        b"\x32\x05\xff\xff" + b"x" * 100,
        b"\x32" + b"\xff" * 6_000,
    ],
    ids=["4 KiB", "60 kB", "topic", "256 MB", "long topic", "endless length"],
)
def test_packet_over_4_kib_ends_the_session_and_the_broker_forgets_it(hostile):
    rig = ConnectedBoard().settled()
    assert not clean(rig.broker.connects[-1])
    rig.broker.wire.arrive(hostile)
    rig.run(300, until=lambda: not rig.session.connected)
    assert not rig.session.connected and rig.session.oversize == 1
    assert rig.session.last_error == repr(OSError(errno.ENOMEM))
    rig.run(3_000)
    assert rig.session.connected and clean(rig.broker.connects[-1])
    rig.broker.wire.arrive(publish(DOWN, rig.sale(1), 7))
    rig.run(500)
    assert [r["code"] for r in rig.results()] == ["applied"]
    rig.broker.wire.arrive(b"")
    rig.run(5_000)
    assert rig.session.connected and not clean(rig.broker.connects[-1]), "and keeps the next"


def test_an_oversize_packet_counts_once_however_long_the_way_back():
    rig = ConnectedBoard().settled()
    rig.broker.wire.arrive(long_message(5_000))
    rig.network.refusing = True
    rig.run(20_000)
    assert rig.session.failures > 3 and rig.session.oversize == 1
    rig.network.refusing = False
    rig.run(20_000, until=lambda: rig.session.connected)
    assert clean(rig.broker.connects[-1])


def test_small_packets_never_add_up_to_a_long_one():
    rig = ConnectedBoard().settled()
    for n in range(1, 9):
        rig.broker.wire.arrive(publish(b"elsewhere", b"x" * 2_000, n) + packet(0xD0, b""))
    rig.run(2_000)
    assert rig.session.connected and rig.session.discards == 8 and rig.session.oversize == 0


def test_plain_tcp_asks_nobody_for_the_time():
    rig = ConnectedBoard().settled()
    assert rig.broker.of("status")[0]["tls"] == 0 and rig.broker.of("status")[0]["time"] == ""


def test_over_tls_the_status_tells_how_dates_were_judged(monkeypatch):
    from umeter.net import session

    calls = []

    def run(name, function, *args):
        if name == "net.ntp":
            calls.append(function)
            return "ntp"
        if name == "net.tls":
            calls.append(args[2])
            return args[0]
        return real(name, function, *args)

    real = session.run
    monkeypatch.setattr(session, "run", run)
    rig = ConnectedBoard(brokers=[broker_of_site("secure", 8883, tls=1)]).settled()
    status = rig.broker.of("status")[0]
    assert status["tls"] == 1 and status["time"] == "ntp"
    rig.broker.wire.arrive(b"")
    rig.run(5_000)
    assert calls == ["lend", "secure", "secure"], "an answer of NTP is good until the power goes"
    rig.clock.when = 200_000_000
    rig.broker.wire.arrive(b"")
    rig.run(5_000)
    assert rig.broker.of("status")[-1]["time"] == "station"


def test_ntp_is_asked_again_with_the_radio_anew(monkeypatch):
    from umeter.net import session

    asked = []

    def run(name, function, *args):
        if name == "net.ntp":
            asked.append(rig.session.failures)
            return "ntp"
        return args[0] if name == "net.tls" else real(name, function, *args)

    real = session.run
    monkeypatch.setattr(session, "run", run)
    rig = ConnectedBoard(brokers=[broker_of_site("secure", 8883, tls=1)])
    rig.network.refusing = True
    rig.run(400_000)
    assert asked == [0, 7]


def test_a_certificate_that_fails_is_an_end_like_any_other(monkeypatch):
    from umeter.net import session

    def run(name, function, *args):
        if name == "net.ntp":
            return "floor"
        if name == "net.tls":
            raise ValueError("The certificate validity has expired\n")
        return real(name, function, *args)

    real = session.run
    monkeypatch.setattr(session, "run", run)
    rig = ConnectedBoard(brokers=[broker_of_site("secure", 8883, tls=1)])
    rig.run(20_000)
    assert rig.session.failures >= 4 and "expired" in rig.session.last_error
    assert all(wire.closed for wire in rig.network.wires)
