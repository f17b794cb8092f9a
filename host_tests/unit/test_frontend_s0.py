"""S0 pulses: each is booked once, whatever the counter does; the power follows and dies away."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umeter.core.sample import Sample
from umeter.frontend.s0 import MODULUS, S0Input, units_per_count

TICK_MS = 100


class Counter:
    def __init__(self, value=0):
        self.count = value

    def value(self):
        return self.count


class Meter:
    """A pulse meter, exact: a pulse falls due when another count of energy is complete."""

    def __init__(self, imp_per_kwh=1000, start=0):
        self.counter = Counter(start)
        self.sample = Sample(units_per_count(imp_per_kwh), MODULUS)
        self.input = S0Input(self.counter, self.sample)
        self.residual = 0

    def run(self, power_dw, ms, dt_ms=TICK_MS):
        for _ in range(ms // dt_ms):
            pulses, self.residual = divmod(
                self.residual + power_dw * dt_ms, self.sample.units_per_count
            )
            self.counter.count += pulses
            self.input.poll(dt_ms)
        return self.sample


@pytest.mark.parametrize(
    "imp", [100, 500, 600, 800, 1000, 1600, 2000, 3200, 6400, 10_000, 100_000]
)
def test_usual_constants_divide(imp):
    assert units_per_count(imp) * imp == 36_000_000_000
    assert units_per_count(imp) < 1 << 30


@pytest.mark.parametrize("imp", [0, -1000, 10, 99, 700, 1001, 200_000])
def test_other_constants_are_refused_with_a_sentence(imp):
    with pytest.raises(ValueError, match=f"imp_per_kwh is {imp}, it must be"):
        units_per_count(imp)


@given(st.integers(-1 << 31, 1 << 31), st.lists(st.integers(0, 5000), max_size=50))
def test_every_pulse_is_booked_once(start, steps):
    counter = Counter(start)
    sample = Sample(units_per_count(1000), MODULUS)
    s0 = S0Input(counter, sample)
    for pulses in steps:
        counter.count += pulses
        s0.poll(TICK_MS)
    assert sample.count == sum(steps)
    assert sample.fresh == len(steps) and sample.silent_ms == 0


@pytest.mark.parametrize("bits", [30, 31, 32])
def test_a_counter_that_wraps_signed(bits):
    half = 1 << (bits - 1)
    counter = Counter(half - 2)
    sample = Sample(units_per_count(1000), MODULUS)
    s0 = S0Input(counter, sample)
    counter.count = -half + 1
    s0.poll(TICK_MS)
    assert sample.count == 3


def test_a_counter_initialised_anew_invents_nothing():
    meter = Meter(start=5000)
    meter.counter.count = 0
    meter.input.poll(TICK_MS)
    assert meter.sample.count == 0
    meter.counter.count = 2
    meter.input.poll(TICK_MS)
    assert meter.sample.count == 2


def test_the_count_wraps_at_its_modulus():
    meter = Meter()
    meter.sample.count = MODULUS - 1
    meter.counter.count += 3
    meter.input.poll(TICK_MS)
    assert meter.sample.count == 2


@pytest.mark.parametrize("power_dw", [1000, 5000, 20_000, 60_000, 138_000])
@pytest.mark.parametrize("imp", [800, 1000, 10_000])
def test_power_follows_the_load(power_dw, imp):
    sample = Meter(imp).run(power_dw, 300_000)
    assert sample.power_dw == pytest.approx(power_dw, rel=0.06)


def test_the_first_pulse_says_nothing_about_power():
    meter = Meter()
    sample = meter.run(36_000, 1000)
    assert sample.count == 1 and sample.power_dw == 0


def test_power_falls_with_the_load_and_ends():
    meter = Meter()
    meter.run(20_000, 60_000)  # a pulse each 1.8 s
    previous = meter.sample.power_dw
    seen = []
    for _ in range(10):
        power_dw = meter.run(0, 1000).power_dw
        assert power_dw <= previous
        seen.append(power_dw)
        previous = power_dw
    assert 0 < seen[4] < 8_000  # after 5 s without a pulse it draws less than 720 W
    assert seen[-1] == 0


def test_a_smaller_load_is_measured_over_its_own_gap():
    meter = Meter()
    meter.run(20_000, 61_000)
    sample = meter.run(1_000, 80_000)  # a pulse each 36 s
    assert sample.power_dw <= 1_010
    sample = meter.run(1_000, 40_000)
    assert sample.power_dw == pytest.approx(1000, rel=0.06)


def test_the_decay_claims_less_energy_than_three_counts():
    """Core integrates the power between counts: a load gone off must not look like a stuck one."""
    meter = Meter()
    meter.run(20_000, 60_000)
    units = sum(meter.run(0, TICK_MS).power_dw * TICK_MS for _ in range(600))
    assert units < 3 * meter.sample.units_per_count


def test_a_tick_of_no_length_does_no_harm():
    meter = Meter()
    power_dw = meter.run(36_000, 20_000).power_dw
    meter.input.poll(0)
    assert meter.sample.power_dw == power_dw > 0


def test_a_late_tick_stays_in_the_small_ints():
    meter = Meter(100_000)
    meter.run(138_000, 2_000)
    meter.counter.count += 4000
    meter.input.poll(10_000)
    assert 0 < meter.sample.power_dw < 1 << 18


def test_power_ends_where_a_small_int_times_four_seconds_does():
    meter = Meter()
    meter.run(100_000, 5_000)
    meter.counter.count += 1_000_000
    meter.input.poll(3_000)
    assert meter.sample.power_dw * 4000 < 1 << 30
