"""The BL0906: its frames, the pace of its six inputs, and every way in which a count can lie, with
real channels of the core behind it.
"""

import pytest

from front_kit import TICK_MS, Bench, Tuning
from uart_kit import Received
from umeter.core.energy import UNITS_PER_WH as WH
from umeter.frontend import bl0906
from umeter_deploy.kinds import front_bl0906

# 2000:1 transformers on 2 x 5.1 Ohm.
CHANNEL = {
    "frontend": "bl0906",
    "bus": "a",
    "input": 1,
    "ct_ratio": 2000,
    "burden_mohm": 10_200,
    "divider_ohm": [99_900, 100],
}
KW = 10_000
LAST = (1 << 24) - 1


def channels(count=6):
    return [{**CHANNEL, "input": i + 1} for i in range(count)]


def a_bench(count=6, seconds=5):
    bench = Bench(bl0906, front_bl0906, [channels(count)], 19_200)
    bench.run(seconds * 1000)
    return bench


def counted(bench, count):
    """Let all counts be this one, as if for years."""
    for meter in bench.meters:
        meter.counts = count
    bench.run(6_000)
    bench.news = [0] * len(bench.news)


class Line(Received):
    """A UART with one register file behind it."""

    def __init__(self, registers):
        self.registers = registers
        super().__init__()
        self.sent = []
        self.spoil = lambda reply: reply

    def write(self, buf):
        self.sent.append(bytes(buf))
        if buf[0] == 0x35:
            data = self.registers.get(buf[1], 0).to_bytes(3, "little")
            chk = ~(buf[1] + sum(data)) & 0xFF
            self.received += self.spoil(data + bytes([chk]))
        return len(buf)


def on_line(registers, count=1, ticks=0):
    made = [{**one, **front_bl0906.derived(one, {})} for one in channels(count)]
    samples = [bl0906.sample(one) for one in made]
    line = Line({0x88: 0x04D04C, **registers})
    (bus,) = bl0906.attach(line, list(zip(made, samples, strict=True)))
    for _ in range(ticks):
        bus.poll(TICK_MS)
    return bus, line, samples


def test_frames_of_the_application_note():
    _, line, _ = on_line({0x88: 0x04C04C}, ticks=3)
    assert line.sent == [
        bytes.fromhex("3588"),
        bytes.fromhex("CA9E555500B7"),
        bytes.fromhex("CA884CD00457"),
        bytes.fromhex("CA9E00000061"),
        bytes.fromhex("3588"),
    ]


def test_values_are_those_of_the_note():
    # 1 A at 230 V: I x 12875 x 5.1 / 1.097, V x 13162 / 1.097, P x 40.4125 x 5.1 / 1.097**2.
    registers = {0x0D: 59_856, 0x16: 2_759_580, 0x23: 39_391, 0x30: 4_484}
    _, _, (sample,) = on_line(registers, ticks=12)
    assert sample.current_ma == pytest.approx(1000, abs=1)
    assert sample.voltage_dv == pytest.approx(2300, abs=1)
    assert sample.power_dw == pytest.approx(2300, abs=1)
    # 4194304 x 0.032768 x 16 / (3600000 x 16 x 171.27) kWh a count.
    assert sample.count * sample.units_per_count == pytest.approx(4_484 * 0.22291 * WH, rel=1e-4)


def test_every_input_has_its_own_registers():
    offsets = (1, 2, 3, 4, 7, 8)
    registers = {}
    for i, at in enumerate(offsets):
        registers[0x0C + at] = 59_856 * (i + 1)
        registers[0x22 + at] = 17_127 * (i + 1)
        registers[0x2F + at] = 1000 + i
    _, _, samples = on_line(registers, 6, 130)
    for i, sample in enumerate(samples):
        assert sample.current_ma == pytest.approx(1000 * (i + 1), abs=3)
        assert sample.power_dw == pytest.approx(1000 * (i + 1), abs=2)
        assert sample.count == 1000 + i


@pytest.mark.parametrize(
    "spoil",
    [
        lambda reply: reply[:-1],
        lambda reply: reply + b"\x00",
        lambda reply: bytes(4),
        lambda reply: b"\xff" * 4,
        lambda reply: bytes([reply[0] ^ 8]) + reply[1:],
        lambda reply: b"",
    ],
)
def test_frames_that_cannot_be_are_refused(spoil):
    bus, line, (sample,) = on_line({0x30: 7}, ticks=6)
    line.spoil = spoil
    bus.poll(TICK_MS)
    before = dict(vars(sample))
    for _ in range(40):
        bus.poll(TICK_MS)
    assert (sample.count, sample.fresh) == (before["count"], before["fresh"])
    line.spoil = lambda reply: reply
    for _ in range(40):
        bus.poll(TICK_MS)
    assert sample.fresh > before["fresh"] and sample.count == 7


def test_power_has_a_sign():
    _, _, (sample,) = on_line({0x23: (1 << 24) - 39_391}, ticks=8)
    assert sample.power_dw == pytest.approx(-2300, abs=1)


@pytest.mark.parametrize("power_dw", [46, 2 * KW, 13 * KW])
def test_20_minutes_are_booked_as_they_were_drawn(power_dw):
    bench = a_bench()
    for i in range(6):
        bench.load(power_dw * (i + 3) // 8, i)
    bench.run(1_200_000)
    for i in range(6):
        assert abs(bench.gap_eu(i)) <= WH + bench.loads[i].drawn // 5000
        assert bench.samples[i].power_dw == pytest.approx(power_dw * (i + 3) // 8, abs=3)
        assert bench.told(i) == []


def test_six_inputs_are_read_each_1_3_s():
    bench = a_bench()
    bench.run(60_000)
    assert all(bench.longest_gap_ms(i, after=5_000) <= 1_300 for i in range(6))


def test_a_reset_chip_is_noticed_set_up_again_and_books_nothing_wrong():
    bench = a_bench()
    for i in range(5):
        bench.load(1 * KW, i)
    bench.run(600_000)
    gaps = [bench.gap_eu(i) for i in range(6)]
    bench.brown_out()
    bench.run(600_000)
    assert bench.chips[0].creep == 0x04D04C and not bench.chips[0].unlocked
    for i in range(6):
        assert bench.told(i) == ["frontend.reset"]
        assert gaps[i] - WH <= bench.gap_eu(i) <= gaps[i] + WH // 4


@pytest.mark.parametrize("below", [1, 10, 1000])
def test_a_reset_below_the_wrap_is_no_wrap(below):
    bench = a_bench()
    counted(bench, LAST - below)
    bench.brown_out()
    for i in range(6):
        bench.load(2 * KW, i)
    gaps = [bench.gap_eu(i) for i in range(6)]
    bench.run(60_000)
    for i in range(6):
        assert bench.told(i) == ["frontend.reset"]
        assert abs(bench.gap_eu(i) - gaps[i]) <= WH, "all that was counted since, and no more"


def test_the_wrap_is_one():
    bench = a_bench()
    for i in range(6):
        bench.load(5 * KW, i)
    counted(bench, LAST - 100)
    gaps = [bench.gap_eu(i) for i in range(6)]
    start = bench.world.ticks
    bench.run(300_000)
    for i in range(6):
        assert bench.samples[i].count < 10_000 and bench.told(i) == []
        assert bench.longest_gap_ms(i, after=start) <= 2_000, "it was looked into at once"
        assert abs(bench.gap_eu(i) - gaps[i]) <= WH


@pytest.mark.parametrize("fault, value", [("lose", 60), ("garble", 60), ("late_ms", 70)])
def test_a_bad_line_books_nothing_wrong_and_nothing_is_lost(fault, value):
    bench = a_bench()
    for i in range(6):
        bench.load(2 * KW, i)
    bench.run(10_000)
    gaps = [bench.gap_eu(i) for i in range(6)]
    good = getattr(bench.wire, fault)
    setattr(bench.wire, fault, value)
    bench.run(4_000)
    setattr(bench.wire, fault, good)
    bench.run(30_000)
    for i in range(6):
        assert abs(bench.gap_eu(i) - gaps[i]) <= WH
        assert bench.told(i) == [] and bench.samples[i].silent_ms < 2_000


def test_a_dead_input_leaves_the_others_alone():
    bench = a_bench()
    bench.meters[2].faults.dead = True
    bench.run(30_000)
    assert bench.samples[2].silent_ms > 29_000
    assert all(bench.longest_gap_ms(i, after=10_000) <= 1_300 for i in (0, 1, 3, 4, 5))


def test_without_a_load_a_day_has_no_counts_and_it_starts_at_20_ma():
    bench = a_bench(2)
    bench.meters[0].phantom_mw = 600
    bench.run(86_400_000, 5_000)
    assert bench.samples[0].count == 0 and bench.samples[0].power_dw == 0
    bench.load(46, 1)
    bench.run(3_600_000, 1_000)
    assert bench.samples[0].count == 0 and bench.samples[1].count >= 15


def test_the_largest_creep_threshold_is_kept_by_the_chip():
    bench = a_bench(3)
    bench.samples[0].tuning = Tuning(creep_dw=10)
    bench.samples[2].tuning = Tuning(creep_dw=40)
    bench.run(5_000)
    assert bench.chips[0].creep == 0x04D000 | int(4 * 171.27 / 2)
    assert bench.told() == [], "it was not lost"
    bench.load(35, 1)
    bench.run(600_000, 1_000)
    assert bench.samples[1].count == 0
    bench.load(45, 1)
    bench.run(600_000, 1_000)
    assert bench.samples[1].count > 0
