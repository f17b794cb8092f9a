"""HLW8012 and BL0937: hundreds of pulses a second, each booked once, whatever the counter does."""

import pytest

from front_kit import TICK_MS, Tuning, board_side
from umeter.core.channel import Channel
from umeter.core.energy import UNITS_PER_WH as WH
from umeter.frontend import hlw8012
from umeter_deploy.kinds import front_hlw8012

CHANNEL = {
    "frontend": "hlw8012",
    "chip": "hlw8012",
    "pin": 14,
    "shunt_uohm": 1000,
    "divider_ohm": [2_350_000, 1000],
}
KW = 10_000


class Bench:
    """One chip, its counter, its front end and a channel of the core."""

    def __init__(self, chip="hlw8012", shift=0, **more):
        channel = {**CHANNEL, "chip": chip, **more}
        channel = {**channel, **front_hlw8012.derived(channel, {})}
        rig = board_side("chip_rig")
        self.world = rig.World()
        self.chip = board_side("chip_hlw8012").Chip(self.world, {"channels": [channel]})
        self.load = rig.Load(self.chip, self.world)
        self.counter = rig.Counter(self.chip, shift)
        self.sample = hlw8012.sample(channel)
        (self.bus,) = hlw8012.attach(lambda pin: self.counter, [(channel, self.sample)])
        self.core = Channel(0, self.sample, channel["max_w"] * 10)
        self.core.account.configure(0, 0)
        self.core.account.credit(10**12)
        self.core.contact = 1
        self.news = 0

    def run(self, ms, dt_ms=TICK_MS):
        for _ in range(ms // dt_ms):
            self.world.advance(dt_ms)
            self.bus.poll(dt_ms)
            self.core.tick(dt_ms)
            self.news |= self.core.news

    def gap_eu(self):
        self.load.settle(self.world.ticks)
        register = self.core.register
        return register.wh * WH + register.residual - self.load.drawn


@pytest.mark.parametrize("chip, hertz", [("hlw8012", 96.7), ("bl0937", 493.6)])
def test_a_kilowatt_pulses_as_the_data_sheet_says(chip, hertz):
    bench = Bench(chip)
    bench.run(1000)
    bench.load.set(1 * KW)
    bench.run(100_000)
    assert bench.sample.count == pytest.approx(100 * hertz, rel=0.002)


@pytest.mark.parametrize("chip", ["hlw8012", "bl0937"])
@pytest.mark.parametrize("power_dw", [46, 1000, 2 * KW, 7 * KW])
def test_an_hour_is_booked_as_it_was_drawn(chip, power_dw):
    bench = Bench(chip)
    bench.run(2_000)
    bench.load.set(power_dw)
    bench.run(3_540_000, 500)
    bench.run(60_000)
    assert abs(bench.gap_eu()) <= WH + bench.load.drawn // 5000
    assert bench.sample.power_dw == pytest.approx(power_dw, rel=0.06)
    assert bench.news == 0


@pytest.mark.parametrize("before", [1, 50, 5000])
def test_the_counter_wraps(before):
    bench = Bench(shift=(1 << 29) - before)
    bench.run(2_000)
    bench.load.set(2 * KW)
    bench.run(60_000)
    assert abs(bench.gap_eu()) <= WH // 2 and bench.news == 0


@pytest.mark.parametrize("tuning", [None, Tuning(creep_dw=100_000), Tuning(creep_dw=10)])
def test_a_counter_initialised_anew_books_nothing(tuning):
    bench = Bench()
    bench.load.set(2 * KW)
    bench.run(60_000)
    gap = bench.gap_eu()
    bench.sample.tuning = tuning
    bench.counter.shift -= 5_000
    bench.run(TICK_MS)
    bench.sample.tuning = None
    bench.run(60_000)
    assert gap - WH <= bench.gap_eu() <= gap + WH // 10 and bench.news == 0


def test_a_counter_that_jumps_is_left_to_the_core():
    bench = Bench()
    bench.load.set(2 * KW)
    bench.run(60_000)
    gap = bench.gap_eu()
    bench.counter.shift += 50_000
    bench.run(60_000)
    assert bench.news & 4, "register.jump"
    assert abs(bench.gap_eu() - gap) <= WH


def test_without_a_load_a_day_has_no_pulses():
    bench = Bench()
    bench.chip.phantom_mw = 300
    bench.run(86_400_000, 5_000)
    assert bench.sample.count == 0 and bench.core.register.wh == 0


def test_a_creep_threshold_holds_back_what_is_slower():
    bench = Bench()
    bench.chip.start_mw = 0  # one that pulses at no load
    bench.chip.phantom_mw = 500
    bench.sample.tuning = Tuning(creep_dw=10)
    bench.run(3_600_000, 200)
    assert bench.sample.count == 0 and bench.sample.power_dw == 0
    bench.load.set(46)
    bench.run(3_600_000, 200)
    assert bench.sample.count * bench.sample.units_per_count == pytest.approx(5.1 * WH, rel=0.02)


def test_gain_comes_with_the_energy_of_a_pulse():
    bench = Bench()
    bench.sample.units_per_count = bench.sample.units_per_count * 11 // 10
    bench.load.set(1 * KW)
    bench.run(60_000)
    assert bench.sample.power_dw == pytest.approx(11_000, rel=0.02)


def test_power_stays_in_the_small_ints():
    bench = Bench(counts_per_kwh=36_000_000)
    bench.counter.shift += 1 << 28
    bench.run(5_000)
    bench.counter.shift += 1 << 28
    bench.run(1_000)
    assert 0 <= bench.sample.power_dw * 4000 < 1 << 30
