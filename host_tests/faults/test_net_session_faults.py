"""The session while the network does its worst: the meter has its turns, a next session comes."""

import itertools

import pytest

from fakes_board import ConnectedBoard
from thoroughness import every
from umeter_sim.fake_mqtt import packet, publish

DOWN = b"umeter/m1/down/command"


@pytest.fixture(params=[False, True], ids=["1.3.4", "1.8"])
def rig(request):
    return ConnectedBoard(request.param)


def black_hole(rig):
    rig.broker.silent = True


def never_connects(rig):
    rig.network.connect_ms = None


def dribble(rig):
    """One byte a second of a packet that never ends."""
    rig.broker.silent = True
    rig.network.peer = lambda wire, data: (
        len(wire.arriving) < 3 and [wire.arrive(b"\x30", 1000 * i) for i in range(3600)]
    )


def refuses(rig):
    rig.network.refusing = True


def no_names(rig):
    rig.network.names_fail = True
    rig.network.refusing = True


def flood(rig):
    """Answers everything with acknowledgements of something else, without end."""
    rig.broker.acks = False
    rig.network.peer = lambda wire, data: (
        rig.broker.on_bytes(wire, data),
        rig.session.connected and [wire.arrive(b"\x40\x02\xff\xff", 5 * i) for i in range(8000)],
    )


@pytest.mark.parametrize("fault", [black_hole, never_connects, dribble, refuses, no_names, flood])
@pytest.mark.parametrize("connected", [False, True])
def test_meter_has_its_turn_every_20_ms_whatever_the_network_does(rig, fault, connected):
    if connected:
        rig.settled()
    fault(rig)
    if connected:
        rig.broker.wire.broken = fault in (never_connects, refuses, no_names)
        rig.meter.event("test")
    start_ms = rig.clock.now_ms
    rig.meter.worst_gap_ms = 0
    rig.run(120_000)
    assert rig.longest_gap_ms(start_ms) <= 20
    assert rig.meter.worst_gap_ms <= 120
    assert not rig.session.connected or rig.session.sessions > 1


def test_back_off_doubles_to_five_minutes_and_starts_over_after_a_good_session(rig):
    rig.network.refusing = True
    rig.run(3_000_000)
    pauses = [b - a for a, b in itertools.pairwise(rig.network.attempts)]
    expected = [750 << i for i in range(9)] + [225_000] * 3
    assert len(pauses) >= len(expected)
    for pause, nominal in zip(pauses, expected, strict=False):
        assert nominal <= pause <= nominal + 40
    rig.network.refusing = False
    rig.run(400_000, until=lambda: rig.session.connected)
    rig.run(61_000)
    rig.broker.wire.broken = True
    rig.run(10_000)
    assert rig.session.connected
    assert rig.network.attempts[-1] - rig.network.attempts[-2] < 80_000


def test_session_that_always_breaks_at_once_is_not_a_good_one(rig):
    rig.network.peer = lambda wire, data: (
        rig.broker.on_bytes(wire, data),
        rig.broker.connects and wire.arrive(b"", 10),
    )
    rig.run(600_000)
    assert len(rig.network.attempts) <= 12


def test_no_attempt_without_a_link_and_at_once_with_it_after_weeks(rig):
    rig.network.refusing = True
    rig.run(5000)
    rig.network.refusing = False
    rig.link.up = False
    attempts = len(rig.network.attempts)
    for _ in range(9):  # more than half of the 12.4 days after which ticks wrap
        rig.run(20)
        rig.clock.now_ms += 86_400_000
    rig.tick_ms = rig.clock.now_ms
    assert len(rig.network.attempts) == attempts
    rig.link.up = True
    rig.run(2000, until=lambda: rig.session.connected)
    assert rig.session.connected


def broken_after(stream, cut):
    """A board whose first connection gives `cut` bytes of a broker's stream and closes."""
    rig = ConnectedBoard()

    def peer(wire, data):
        if len(rig.network.wires) > 1:
            rig.broker.on_bytes(wire, data)
        elif len(wire.segments) == 1:
            wire.arrive(stream[:cut])
            wire.arrive(b"", 40)

    rig.network.peer = peer
    rig.run(2000, until=lambda: rig.session.last_error)
    return rig


def test_close_at_every_byte_of_the_brokers_stream(rig):
    """The next session makes good whatever the cut one left."""
    handshake = b"\x20\x02\x00\x00\x90\x03\x00\x01\x01"
    stream = handshake + publish(DOWN, rig.sale(1), 5)
    for cut in {*range(1, len(stream), every(2)), len(stream)}:
        rig = broken_after(stream, cut)
        assert not rig.session.connected, cut
        account = rig.board.channels[0].account
        assert account.credited_total_u == 0 or cut == len(stream)
        rig.settled().broker.wire.arrive(publish(DOWN, rig.sale(1), 6))
        rig.run(500)
        assert account.credited_total_u == 1000
        assert rig.results()


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x40\x02\x00\x31" + packet(0x30, b"\x00\x01thi"),  # an acknowledgement nobody waits for
        b"\x90\x03\x00\x01\x01",
        b"\x00",
        b"\xff" * 40,
        b"\x30\xff\xff\xff\x7f",  # 256 MiB announced
        b"\x30\x02\x00\x05abcde",  # a topic longer than its packet
        b"\x34\x05\x00\x01t\x00\x01",  # QoS 2
        b"\xd0\x01\x00",
    ],
)
def test_garbage_ends_the_session_and_nothing_else(rig, garbage):
    rig.settled()
    state = rig.board.state()
    rig.broker.wire.arrive(garbage)
    rig.run(12_000, until=lambda: not rig.session.connected)
    assert not rig.session.connected and rig.session.last_error
    assert rig.board.state() == state
    rig.run(5000)
    assert rig.session.connected and rig.session.sessions == 2


def test_refused_by_the_broker(rig):
    rig.network.peer = lambda wire, data: wire.arrive(b"\x20\x02\x00\x05")
    rig.run(300)
    assert not rig.session.connected and "MQTTException" in rig.session.last_error


def test_no_exception_of_any_kind_leaves_the_session(rig):
    for error in (MemoryError, TypeError, IndexError, AssertionError, ValueError, KeyError):
        rig.settled()
        rig.session._client.check_msg = lambda error=error: (_ for _ in ()).throw(error())
        rig.broker.wire.arrive(b"\xd0\x00")
        rig.run(40)
        assert error.__name__ in rig.session.last_error
        rig.run(400_000, until=lambda: rig.session.connected)
