"""Which loads are seen as they are switched on, from the readings of one module."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umeter.core.sample import Sample
from umeter.core.steps import Steps, _root

VOLTAGE_DV = 2300


class Watched:
    """Steps that look for at least 300 W at a power factor of 0.98, fed with power and idle
    power in W.
    """

    def __init__(self, min_w=300, pf=980):
        self.steps = Steps()
        self.steps.min_dw = min_w * 10
        self.steps.pf = pf
        self.sample = Sample(36_000_000, 0, True)

    def read(self, watts, idle=0, times=1):
        """How many of these readings made a step clear."""
        self.sample.power_dw = round(watts * 10)
        self.sample.voltage_dv = VOLTAGE_DV
        self.sample.current_ma = round(math.hypot(watts, idle) * 10_000 / VOLTAGE_DV)
        return sum(self.steps.look(self.sample) for _ in range(times))

    @property
    def seen(self):
        return self.steps.step_dw / 10, self.steps.step_pf


def test_a_kettle_is_seen_once_it_is_steady_and_only_once():
    watched = Watched()
    watched.read(60, 90, 10)
    assert watched.read(2060, 90, 3) == 0
    assert watched.read(2060, 90) == 1
    watts, pf = watched.seen
    assert abs(watts - 2000) < 5 and pf >= 995 and watched.steps.clean
    assert watched.read(2060, 90, 50) == 0


@pytest.mark.parametrize("part", [0.02, 0.3, 0.9])
def test_a_reading_in_the_middle_of_the_step_does_not_hide_it(part):
    watched = Watched()
    watched.read(100, 0, 10)
    found = watched.read(100 + 1500 * part)
    assert found + watched.read(1600, 0, 6) == 1
    assert abs(watched.seen[0] - 1500) < 5 and watched.steps.clean


@pytest.mark.parametrize(
    "watts, idle", [(1300, 554), (850, 280), (400, 117), (299, 0), (110, 128), (60, 0)]
)
def test_motors_computers_and_small_loads_are_not(watts, idle):
    watched = Watched()
    watched.read(0, 0, 10)
    assert watched.read(watts, idle, 20) == 0


def test_what_is_switched_off_is_no_load():
    watched = Watched()
    watched.read(2000, 0, 10)
    assert watched.read(200, 0, 20) == 0
    assert watched.read(2000, 0, 20) == 1


def test_a_slow_rise_is_no_step():
    watched = Watched()
    watched.read(500, 0, 10)
    for watts in range(500, 2500, 2):
        assert watched.read(watts) == 0


def test_what_goes_off_in_the_seconds_before_is_no_part_of_the_step():
    watched = Watched()
    watched.read(155, 150, 10)
    watched.read(0)
    watched.read(450)
    assert watched.read(1000, 0, 6) == 1
    assert abs(watched.seen[0] - 1000) < 5 and not watched.steps.clean


def test_a_computer_that_follows_a_fridge_is_no_heater():
    """Half of a reading hides the fridge's end: the idle power it leaves is the computer's."""
    watched = Watched()
    watched.read(110, 128, 10)
    watched.read(78, 91)
    watched.read(139, 41)
    assert watched.read(427, 131, 10) == 0


def test_a_load_much_smaller_than_what_runs_is_not_judged():
    watched = Watched()
    watched.read(3000, 0, 10)
    assert watched.read(3600, 0, 10) == 0
    assert watched.read(4900, 0, 10) == 1


def test_a_wandering_load_does_not_hide_a_heater():
    watched = Watched()
    for i in range(20):
        watched.read(130 + 20 * (i % 3), 190)
    assert sum(watched.read(2130 + 20 * (i % 3), 190) for i in range(8)) == 1


def test_with_the_closing_of_the_contact_all_that_runs_is_a_step():
    watched = Watched()
    watched.read(2000, 0, 10)
    watched.steps.forget()
    assert watched.read(2000, 0, 10) == 1


@pytest.mark.parametrize("gain", [0.992, 1.008])
def test_a_modules_own_error_hides_no_heater_and_makes_none(gain):
    """Active and apparent power are off by 0.8 % against each other."""
    for watts, idle, seen in ((2000, 0, 1), (800, 0, 1), (850, 280, 0), (380, 111, 0)):
        watched = Watched(pf=985)
        watched.read(40 * gain, 59, 10)
        apparent = math.hypot(watts + 40, idle + 59 if idle else 59)
        power = (watts + 40) * gain
        assert watched.read(power, math.sqrt(max(0, apparent**2 - power**2)), 10) == seen


@given(st.lists(st.tuples(*[st.integers(-(1 << 18), 1 << 24)] * 2, st.integers(0, 65_535))))
def test_no_reading_leaves_the_small_ints(readings):
    watched = Watched(min_w=30)
    for power_dw, current_ma, voltage_dv in readings:
        sample = watched.sample
        sample.power_dw = min(power_dw, 262_143)
        sample.current_ma, sample.voltage_dv = abs(current_ma), voltage_dv
        for _ in range(4):
            watched.steps.look(sample)
        assert 0 <= watched.steps.step_pf <= 1000
        assert all(abs(value) < 1 << 30 for value in vars(watched.steps).values())


@given(st.integers(0, (1 << 30) - 1))
def test_the_root(square):
    assert _root(square) == math.isqrt(square)
