"""The session with the real umqtt.simple, the real core and a scripted broker."""

import pytest

from fakes_board import ConnectedBoard
from umeter_sim.fake_mqtt import publish
from umeter_sim.link_parts import ABOUT

DOWN = b"umeter/m1/down/command"


@pytest.fixture(params=[False, True], ids=["1.3.4", "1.8"])
def rig(request):
    return ConnectedBoard(request.param)


def test_first_messages_of_a_session(rig):
    rig.settled()
    connect = rig.broker.connects[0]
    assert connect[6:8] == b"\x04\x2c", "3.1.1; will retained, QoS 1; session kept; no user"
    assert connect[8:10] == b"\x00\x3c"
    assert b"umeter/m1/up/status" in connect and b'"offline"' in connect
    assert rig.broker.packets[:3] == [0x10, 0x82, 0x33]
    kinds = [(t.split(b"/")[-1], qos, retain) for t, _, qos, retain in rig.broker.published]
    assert kinds[:3] == [(b"status", 1, 1), (b"settings", 1, 1), (b"reading", 0, 0)]
    assert set(kinds[3:]) == {(b"event", 1, 0)}
    status = rig.broker.of("status")[0]
    assert status["state"] == "online" and status["boot"] == 1 and status["channels"] == 3
    assert ABOUT.items() <= status.items()
    assert rig.broker.of("settings")[0] == rig.board.settings.to_dict()
    assert rig.broker.of("event")[0]["code"] == "boot"
    assert rig.meter.events.peek() is None


def test_user_without_password():
    rig = ConnectedBoard(user="m1").settled()
    assert rig.broker.connects[0].endswith(b"\x00\x02m1\x00\x00")


def test_every_packet_leaves_as_one_segment(rig):
    rig.settled()
    rig.broker.wire.arrive(publish(DOWN, rig.sale(1), 1))
    rig.run(100_000)
    segments = [s for s in rig.broker.wire.segments if len(s) < 1440]
    assert len(segments) == len(rig.broker.packets), "one segment each"
    assert 0xC0 in rig.broker.packets and 0x30 in rig.broker.packets and rig.results()


def test_command_is_applied_and_answered(rig):
    rig.settled()
    rig.broker.wire.arrive(publish(DOWN, rig.sale(1), 7))
    rig.run(200)
    assert rig.broker.acked_pids == [7]
    assert [(r["n"], r["code"]) for r in rig.results()] == [(1, "applied")]


def test_redelivery_applies_once_and_answers_twice(rig):
    rig.settled()
    for pid in (7, 7, 8):
        rig.broker.wire.arrive(publish(DOWN, rig.sale(1), pid))
    rig.run(500)
    assert [r["code"] for r in rig.results()] == ["applied", "replayed", "replayed"]
    assert rig.board.channels[0].account.credited_total_u == 1000


def test_messages_queued_for_the_session_come_before_the_suback(rig):
    rig.broker.before_suback = b"".join(publish(DOWN, rig.sale(n), n) for n in (2, 1, 3))
    rig.settled()
    assert [r["n"] for r in rig.results()] == [2, 1, 3]


def test_result_goes_before_a_long_queue_of_events(rig):
    rig.settled()
    for i in range(30):
        rig.meter.event("test", 0, i)
    before = len(rig.broker.published)
    rig.broker.wire.arrive(publish(DOWN, rig.sale(1), 1), 20)
    rig.run(2000)
    order = [topic.split(b"/")[-1] for topic, _, _, _ in rig.broker.published[before:]]
    assert order.index(b"result") < 10 and order.count(b"event") > 30


def test_full_inbox_drops_the_newest_and_counts(rig):
    rig.settled()
    rig.broker.answer_ms = 400
    rig.meter.event("test")  # its PUBACK comes behind all of these
    for n in range(1, 21):
        rig.broker.wire.arrive(publish(DOWN, rig.sale(n), n), 20)
    rig.run(4000)
    assert rig.session.discards == 12
    assert sorted(r["n"] for r in rig.results()) == list(range(1, 9))


def test_too_long_for_a_command_is_counted_and_ignored(rig):
    rig.settled()
    rig.broker.wire.arrive(publish(DOWN, b"x" * 2049, 3))
    rig.run(500)
    assert rig.session.oversize == 1 and rig.session.connected and rig.broker.acked_pids == [3]
    assert rig.board.commands.forged == 0


@pytest.mark.parametrize("topic", [b"umeter/m2/down/command", b"", b"\x01thi", DOWN + b"/x"])
def test_other_topics_are_counted_and_ignored(rig, topic):
    rig.settled()
    rig.broker.wire.arrive(publish(topic, rig.sale(1), 3))
    rig.run(500)
    assert rig.session.discards == 1 and not rig.results() and rig.session.connected


def test_event_stays_until_its_puback(rig):
    rig.settled()
    rig.broker.acks = False
    rig.meter.event("test", 2, 42)
    rig.run(15_000, until=lambda: not rig.session.connected)
    assert not rig.session.connected
    assert rig.meter.events.peek()[1:] == (0, "test", 2, 42, 0)
    rig.broker.acks = True
    rig.run(5000)
    told = [e["n"] for e in rig.broker.of("event") if e["code"] == "test"]
    assert len(told) == 2 and told[0] == told[1], "at least once, recognisable by its number"
    assert rig.meter.events.peek() is None


def test_event_pushed_out_while_it_is_sent_takes_no_other_with_it(rig):
    rig.settled()
    rig.broker.answer_ms = 3000
    rig.meter.event("first")
    filled = []

    def fill():
        if len(rig.broker.of("event")) > before and not filled:
            filled.extend(range(32))
            for i in filled:
                rig.meter.event("test", 0, i)

    before = len(rig.broker.of("event"))
    rig.sockets._work = lambda: (fill(), rig.turn())
    rig.run(5000, until=lambda: bool(filled))
    rig.broker.answer_ms = 1
    rig.run(10_000)
    assert [e["a"] for e in rig.broker.of("event") if e["code"] == "test"] == list(range(32))


def test_result_not_acknowledged_is_sent_again_in_the_next_session(rig):
    rig.settled()
    rig.broker.acks = False
    rig.broker.wire.arrive(publish(DOWN, rig.token(n=1, op="read"), 1))
    rig.run(20_000, until=lambda: not rig.session.connected)
    rig.broker.acks = True
    rig.run(5000)
    assert [(r["n"], "reading" in r) for r in rig.results()] == [(1, True), (1, True)]


def test_reading_goes_out_when_due(rig):
    rig.settled()
    rig.run(600_000)
    readings = rig.broker.of("reading")
    assert 10 <= len(readings) <= 12
    assert all(set(r) == set(readings[0]) for r in readings)
    numbers = [r["seq"] for r in readings]
    assert numbers == sorted(set(numbers))


def test_settings_and_clock_are_told_again_when_they_change(rig):
    rig.settled()
    change = rig.token(n=1, op="set", version=3, set={"report_s": 10})
    rig.broker.wire.arrive(publish(DOWN, change, 1))
    time = rig.token(n=2, op="time", t=1_767_225_600, boot=1)
    rig.broker.wire.arrive(publish(DOWN, time, 2))
    rig.run(1000)
    told = rig.broker.of("settings")
    assert [(s["version"], s["report_s"]) for s in told] == [(0, 60), (3, 10)]
    assert [s["clock"] for s in rig.broker.of("status")] == [0, 1]


def test_pings_keep_a_quiet_session(rig):
    rig.settled()
    rig.board.order(n=1, op="set", version=1, set={"report_s": 86_400})
    rig.run(300_000)
    assert 18 <= rig.broker.packets.count(0xC0) <= 21
    assert rig.session.sessions == 1


def test_silence_ends_the_session(rig):
    rig.settled()
    rig.broker.silent = True
    last_ms = rig.sockets.last_rx_ms
    rig.run(60_000, until=lambda: not rig.session.connected)
    silent_ms = rig.clock.ticks_diff(rig.clock.ticks_ms(), last_ms)
    assert 37_500 <= silent_ms <= 37_600
    assert "silent" in rig.session.last_error


def test_packet_id_stays_within_16_bits(rig):
    rig.settled()
    rig.session._client.pid = 64_990
    for i in range(40):
        rig.meter.event("test", 0, i)
        rig.run(100)
    assert max(rig.broker.pids) <= 65_535 and min(rig.broker.pids) >= 1
    assert rig.broker.pids[-1] < 64_990, "it went round"
    assert rig.session.sessions == 1


def test_every_session_has_a_new_client_and_a_new_socket(rig):
    rig.settled()
    first = rig.session._client
    wire = rig.broker.wire
    wire.arrive(b"")
    rig.run(5000)
    assert rig.session.connected and rig.session._client is not first
    assert wire.closed and len(rig.network.wires) == 2
    assert first.pid > rig.session._client.pid or rig.session._client.pid < 10
