"""BL0942 chips: golden frames, and what is no frame."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from front_kit import TICK_MS, Tuning
from uart_kit import Received
from umeter.frontend import bl0942
from umeter_deploy.kinds import front_bl0942

# The reference circuit: 1 milliohm, 5 x 390 kOhm over 510 Ohm.
CHANNEL = {
    "frontend": "bl0942",
    "bus": "a",
    "address": 0,
    "shunt_uohm": 1000,
    "divider_ohm": [1_950_000, 510],
}
PACKET = bytes.fromhex("55201601D2A4339B63009E9200330000264E002001007C")


def framed(seed, body):
    body = bytes(body)
    return body + bytes([~(seed + sum(body)) & 0xFF])


class Line(Received):
    """A UART that gives a fixed answer to each request."""

    def __init__(self, answers):
        self.answers = answers
        super().__init__()
        self.sent = []

    def write(self, buf):
        self.sent.append(bytes(buf))
        self.received += self.answers.get(bytes(buf), b"")
        return len(buf)


def settled(mode=0x8F, creep=0x0B):
    """What a chip answers that has its settings."""
    return {
        b"\x58\x19": framed(0x58 + 0x19, [mode, 0, 0]),
        b"\x58\x14": framed(0x58 + 0x14, [creep, 0, 0]),
        b"\x58\xaa": PACKET,
    }


def on_line(answers, ticks, tuning=None):
    channel = {**CHANNEL, **front_bl0942.derived(CHANNEL, {})}
    sample = bl0942.sample(channel)
    sample.tuning = tuning
    line = Line(answers)
    (bus,) = bl0942.attach(line, [(channel, sample)])
    line.bus = bus
    for _ in range(ticks):
        bus.poll(TICK_MS)
    return sample, line


def test_golden_packet():
    sample, line = on_line(settled(), 4)
    assert line.sent == [b"\x58\x19", b"\x58\x14", b"\x58\xaa", b"\x58\xaa"]
    assert (sample.voltage_dv, sample.current_ma, sample.count) == (2130, 283, 51)
    # 37534 / 623.4: the power factor is one of a resistor.
    assert sample.power_dw == 602
    assert (sample.fresh, sample.silent_ms, sample.bad_frames) == (1, 0, 0)


def test_golden_writes():
    _, line = on_line(settled(mode=0x87), 3)
    assert line.sent[1:5] == [
        bytes.fromhex("A81D550000E5"),
        bytes.fromhex("A8198F0000AF"),
        bytes.fromhex("A8140B000038"),
        bytes.fromhex("A81D0000003A"),
    ]
    assert line.sent[5] == b"\x58\x19", "read back before anything is believed"


def test_a_chip_that_does_not_take_its_settings_is_not_believed():
    sample, line = on_line(settled(mode=0x87), 50)
    assert sample.fresh == 0 and line.sent.count(b"\x58\xaa") == 0


@pytest.mark.parametrize("at", range(23))
@pytest.mark.parametrize("bit", [0x01, 0x80])
def test_a_wrong_bit_anywhere_is_refused(at, bit):
    wrong = bytearray(PACKET)
    wrong[at] ^= bit
    sample, _ = on_line({**settled(), b"\x58\xaa": bytes(wrong)}, 4)
    assert sample.fresh == 0 and sample.bad_frames == 1


@pytest.mark.parametrize(
    "answer",
    [
        PACKET[:-1],
        PACKET + b"\x00",
        b"\x00" * 23,
        b"\xff" * 23,
        b"\x00",
        framed(0x58, [0xFF] * 22),
        framed(0x58, [0x00] * 22),
    ],
    ids=lambda answer: "%d %02x" % (len(answer), answer[0]),
)
def test_frames_that_cannot_be_are_refused(answer):
    sample, _ = on_line({**settled(), b"\x58\xaa": answer}, 4)
    assert (sample.fresh, sample.power_dw, sample.bad_frames) == (0, 0, 1)


def test_power_has_a_sign():
    body = bytearray(PACKET[:-1])
    body[10:13] = (-37534 & 0xFFFFFF).to_bytes(3, "little")
    sample, _ = on_line({**settled(), b"\x58\xaa": framed(0x58, body)}, 4)
    assert sample.power_dw == -602


def test_gain_is_applied_to_the_power_either_way():
    sample, _ = on_line(settled(), 4, Tuning(gain_ppm=50_000))
    assert sample.power_dw == 602 + 30


@given(st.integers(0, (1 << 24) - 1))
def test_no_packet_value_leaves_the_small_ints(value):
    body = bytearray(PACKET[:-1])
    for at in (1, 4, 10, 13):
        body[at : at + 3] = value.to_bytes(3, "little")
    sample, _ = on_line({**settled(), b"\x58\xaa": framed(0x58, body)}, 4)
    channel = front_bl0942.derived(CHANNEL, {})
    exact = value * channel["current"][0] / 2 ** (12 + channel["current"][1])
    assert sample.current_ma == pytest.approx(exact, abs=1.1)
    assert sample.count == value and abs(sample.power_dw) * 4000 < 1 << 30


def test_the_rest_of_a_torn_packet_is_not_read_as_the_next_one():
    sample, line = on_line(settled(), 3)
    line.answers[b"\x58\xaa"] = b""
    line.received = PACKET[:15]
    sent = len(line.sent)
    line.bus.poll(TICK_MS)
    assert len(line.sent) == sent, "the line has to fall silent"
    line.received = PACKET[15:]
    line.answers = settled()
    line.bus.poll(TICK_MS)
    line.bus.poll(TICK_MS)
    assert (sample.fresh, sample.count, sample.bad_frames) == (1, 51, 1)


@given(st.lists(st.tuples(st.binary(max_size=60), st.integers(1, 400)), max_size=30))
def test_no_noise_raises_or_stops_the_line(noise):
    channel = {**CHANNEL, **front_bl0942.derived(CHANNEL, {})}
    sample = bl0942.sample(channel)
    line = Line({})
    (bus,) = bl0942.attach(line, [(channel, sample)])
    for data, dt_ms in noise:
        line.received += data
        bus.poll(dt_ms)
    line.received = b""
    line.answers = settled()
    fresh = sample.fresh
    for _ in range(60):
        bus.poll(TICK_MS)
    assert sample.fresh > fresh
