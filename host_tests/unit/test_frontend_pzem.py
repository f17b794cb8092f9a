"""PZEM modules: the protocol's golden frames, the bus's timing, and what a bad line can say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pzem_line import TICK_MS, a_bus, crc_by_bits, framed, reply, run
from umeter.frontend.pzem import crc16

GOLDEN_24W = bytes.fromhex("010414 08D1 006C0000 00F40000 00260000 01F4 0064 0000 5134")
GOLDEN_383W = bytes.fromhex("010414 082C 07490000 0EF50000 4AE60003 01F4 0062 0000 1BDD")
REQUESTS = {1: "01040000000A700D", 2: "02040000000A703E", 3: "03040000000A71EF"}


@given(st.binary(max_size=40))
def test_crc_is_that_of_modbus(data):
    assert crc16(data, len(data)) == crc_by_bits(data)
    assert crc16(framed(data), len(data) + 2) == 0


@pytest.mark.parametrize("address, request_hex", REQUESTS.items())
def test_request_of_the_manual(address, request_hex):
    bus, line, _ = a_bus({address: None})
    run(bus, line, 1)
    assert line.requests == [bytes.fromhex(request_hex)]


@pytest.mark.parametrize(
    "frame, voltage_dv, current_ma, power_dw, wh",
    [(GOLDEN_24W, 2257, 108, 244, 38), (GOLDEN_383W, 2092, 1865, 3829, 215782)],
)
def test_golden_replies(frame, voltage_dv, current_ma, power_dw, wh):
    bus, line, samples = a_bus({1: frame})
    run(bus, line, 2)
    s = samples[1]
    assert (s.voltage_dv, s.current_ma, s.power_dw, s.count) == (
        voltage_dv,
        current_ma,
        power_dw,
        wh,
    )
    assert (s.fresh, s.bad_frames, s.silent_ms) == (1, 0, 0)


def test_silence_ends_somewhere_below_the_small_ints():
    bus, line, samples = a_bus({}, addresses=(1,))
    run(bus, line, 5, dt_ms=0x0FFFFFFF)
    assert samples[1].silent_ms < 1 << 30
    line.answers[1] = reply(1)
    run(bus, line, 30)
    assert samples[1].silent_ms == 0


def test_an_early_tick_waits_for_the_reply():
    bus, line, samples = a_bus({1: reply(1), 2: reply(2)})
    run(bus, line, 1)
    line.advance(60)
    bus.poll(60)
    assert line.asked() == [1]
    line.advance(20)
    bus.poll(20)
    assert line.asked() == [1, 2] and samples[1].fresh == 1


def test_a_late_tick_loses_nothing():
    bus, line, samples = a_bus({1: reply(1, wh=5)})
    run(bus, line, 2, dt_ms=5000)
    assert samples[1].count == 5 and samples[1].silent_ms == 0


def test_a_late_reply_is_not_taken_for_the_next_module():
    bus, line, samples = a_bus({1: reply(1, wh=1), 2: reply(2, wh=2)})
    line.delay_ms = 200 + 5  # module 1 answers after both its slots, into that of module 2
    run(bus, line, 1)
    line.answers[1] = b""
    line.delay_ms = 70
    run(bus, line, 3)
    assert samples[2].fresh == 0 and samples[2].bad_frames == 1
    assert samples[1].fresh == 0
    line.answers[1] = reply(1, wh=1)
    run(bus, line, 6)
    assert (samples[1].count, samples[2].count) == (1, 2)


def test_a_late_reply_together_with_that_to_the_second_request_is_no_frame():
    bus, line, samples = a_bus({1: reply(1, wh=1), 2: reply(2, wh=2)})
    line.delay_ms = 100 + 5
    run(bus, line, 1)
    line.delay_ms = 70
    run(bus, line, 2)
    assert samples[1].fresh == 0 and samples[1].bad_frames == 1
    run(bus, line, 6)
    assert (samples[1].count, samples[2].count) == (1, 2)


def test_a_reply_torn_by_its_deadline_does_not_spoil_the_next_module():
    bus, line, samples = a_bus({2: reply(2, wh=2)}, addresses=(1, 2))
    run(bus, line, 1)
    head, tail = reply(1)[:15], reply(1)[15:]
    line.pending += [(line.now_ms + 95, head), (line.now_ms + 115, tail)]
    run(bus, line, 5)
    assert samples[1].bad_frames == 1 and samples[1].fresh == 0
    assert samples[2].count == 2 and samples[2].bad_frames == 0


def test_modules_are_bound_by_address_not_by_order():
    bus, line, samples = a_bus({17: reply(19, wh=19), 19: reply(17, wh=17)})
    run(bus, line, 8)
    assert [s.fresh for s in samples.values()] == [0, 0]
    assert [s.bad_frames for s in samples.values()] == [2, 2]


def test_a_line_that_never_falls_silent_does_not_hold_the_tick():
    bus, line, samples = a_bus({}, addresses=(1,))
    for _ in range(20):
        line.received = b"\x55" * 200
        bus.poll(TICK_MS)
    assert samples[1].fresh == 0 and line.requests == []
    line.received = b""
    line.answers[1] = reply(1)
    run(bus, line, 2)
    assert samples[1].fresh == 1


def test_noise_between_the_frames_is_thrown_away():
    bus, line, samples = a_bus({1: reply(1, wh=3)})
    line.received = b"\x00\xff"
    run(bus, line, 2)
    assert samples[1].count == 3 and samples[1].bad_frames == 0


def test_exceptions_are_counted_apart():
    bus, line, samples = a_bus({1: framed(b"\x01\x84\x02")})
    run(bus, line, 4)
    assert bus.exceptions == 3 and samples[1].bad_frames == 0 and samples[1].fresh == 0
    assert len(line.requests) == 4  # it is alive: asked without rest


@pytest.mark.parametrize(
    "answer",
    [
        framed(b"\x02\x84\x02"),
        framed(b"\x01\x84\x02")[:-1] + b"\x00",
        framed(b"\x01\x03\x14" + bytes(20)),
        framed(b"\x01\x04\x12" + bytes(20)),
        GOLDEN_24W[:24],
        GOLDEN_24W + b"\x00",
        reply(1, wh=0xFFFFFFFF),
        reply(1, wh=1 << 24),
        reply(1, power_dw=1 << 18),
        reply(1, power_dw=0xFFFFFFFF),
        reply(1, current_ma=1 << 24),
    ],
    ids=lambda frame: frame.hex(),
)
def test_a_reply_that_cannot_be_true_changes_nothing(answer):
    bus, line, samples = a_bus({1: GOLDEN_24W})
    run(bus, line, 2)
    line.answers[1] = answer
    run(bus, line, 2)
    s = samples[1]
    assert (s.fresh, s.count, s.power_dw, s.bad_frames) == (2, 38, 244, 1)


def test_largest_true_values():
    bus, line, samples = a_bus({1: reply(1, wh=9_999_999, power_dw=262_143, current_ma=100_000)})
    run(bus, line, 2)
    s = samples[1]
    assert (s.count, s.power_dw, s.current_ma) == (9_999_999, 262_143, 100_000)
    assert s.power_dw * 4000 < 1 << 30


@given(st.integers(0, 200 - 16), st.integers(1, 0xFFFF))
def test_no_garbled_frame_is_believed(shift, burst):
    # A CRC of 16 bits finds every burst of up to 16 bits.
    garbled = int.from_bytes(GOLDEN_383W, "little") ^ burst << shift
    bus, line, samples = a_bus({1: garbled.to_bytes(25, "little")})
    run(bus, line, 4)
    assert samples[1].fresh == 0 and samples[1].bad_frames == 2


@given(st.lists(st.tuples(st.binary(max_size=60), st.integers(1, 400)), max_size=30))
def test_no_noise_raises_or_stops_the_bus(noise):
    bus, line, samples = a_bus({}, addresses=(1, 2))
    for data, dt_ms in noise:
        line.received += data
        line.advance(dt_ms)
        bus.poll(dt_ms)
    line.received = b""
    line.answers = {1: reply(1, wh=11), 2: reply(2, wh=22)}
    run(bus, line, 40)
    assert (samples[1].count, samples[2].count) == (11, 22)
