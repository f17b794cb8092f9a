"""The terms in force of one channel: what the tick compares with, and when it calls for a turn."""

import pytest

from umeter.core.channel import (
    DUE_LIMIT,
    DUE_MONEY,
    DUE_REVERSE,
    DUE_STEP,
    DUE_STUCK,
    DUE_TIMER,
    DUE_WELD,
    Channel,
)
from umeter.core.energy import UNITS_PER_WH as WH
from umeter.core.sample import Sample
from umeter.core.supply import CREDIT, OPERATOR, OVERLOAD

KW = 10_000


@pytest.fixture
def channel():
    """Fed, with credit, after its first reading; nothing is due."""
    sample = Sample(WH)
    sample.voltage_dv = 2300
    channel = Channel(0, sample, 250_000)
    channel.account.credit(10**9)
    channel.contact = 1
    read(channel)
    channel.claims = channel.news = 0
    assert channel.due == 0
    return channel


def read(channel, times=1, dt_ms=100):
    """Ticks with a fresh reading each; what became due."""
    due = 0
    for _ in range(times):
        channel.sample.fresh += 1
        channel.tick(dt_ms)
        due |= channel.due
        channel.due = 0
    return due


def wait(channel, ms, dt_ms=100):
    """Ticks without a fresh reading; what became due, tick by tick."""
    told = []
    for _ in range(ms // dt_ms):
        channel.tick(dt_ms)
        told.append(channel.due)
        channel.due = 0
    return told


def test_what_is_charged_calls_at_its_alarm(channel):
    channel.tariff.price_u_per_kwh = 1_000_000
    channel.account.alarm(500)
    channel.sample.power_dw = 3 * KW
    while not read(channel) & DUE_MONEY:
        assert channel.account.charged_total_u < 500
    assert 500 <= channel.account.charged_total_u < 500 + 84
    assert read(channel) == DUE_MONEY, "until somebody sets another one"
    channel.account.alarm(3_000_000_000)
    assert read(channel) == 0


def test_credit_comes_back_above_its_own_threshold_alone(channel):
    account = channel.account
    account.configure(-200, 300)
    account.charge(account.balance_u + 199)
    read(channel)
    assert channel.claims == 0
    account.charge(1)
    read(channel)
    assert channel.claims == CREDIT
    account.credit(500)
    read(channel)
    assert account.balance_u == 300 and channel.claims == CREDIT
    account.credit(1)
    read(channel)
    assert channel.claims == 0 and channel.armed == 0


def test_by_hand_what_has_ended_waits_for_the_hand(channel):
    channel.by_hand = 1
    channel.claims = CREDIT | OPERATOR
    read(channel)
    assert (channel.claims, channel.armed) == (CREDIT | OPERATOR, CREDIT)
    channel.account.charge(channel.account.balance_u)
    read(channel)
    assert channel.armed == 0, "it is out again: there is nothing to end"
    channel.end(channel.armed)
    assert channel.claims == CREDIT | OPERATOR
    channel.account.credit(5)
    read(channel)
    channel.clear(OVERLOAD)
    assert channel.armed == CREDIT | OVERLOAD
    channel.end(channel.armed)
    assert (channel.claims, channel.armed) == (OPERATOR, 0)


def test_by_itself_what_has_ended_is_gone(channel):
    channel.claims = OVERLOAD | OPERATOR
    channel.clear(OVERLOAD)
    assert (channel.claims, channel.armed) == (OPERATOR, 0)


@pytest.mark.parametrize("dt_ms", [100, 300, 900])
def test_a_timer_calls_once(channel, dt_ms):
    channel.timer_ms = 2000
    told = wait(channel, 9000, dt_ms)
    calls = -(-2000 // dt_ms)
    assert told == [0] * (calls - 1) + [DUE_TIMER] + [0] * (9000 // dt_ms - calls)
    assert channel.timer_ms == 0


def limited(channel):
    channel.limit_dw, channel.guard_ms = 2 * KW, 3000
    channel.sample.power_dw = 2 * KW + 1


def test_the_limit_calls_after_its_guard_time_once(channel):
    limited(channel)
    assert read(channel, 29) == 0 and channel.over_ms == 2900
    assert read(channel) == DUE_LIMIT
    assert read(channel, 100) == 0
    channel.sample.power_dw = 2 * KW  # as much as it may
    assert read(channel) == 0 and channel.over_ms == 0
    channel.sample.power_dw += 1
    assert read(channel, 29) == 0 and read(channel) == DUE_LIMIT


def test_a_moment_under_the_limit_begins_the_guard_time_anew(channel):
    limited(channel)
    assert read(channel, 29) == 0
    channel.sample.power_dw = 100
    read(channel)
    channel.sample.power_dw = 3 * KW
    assert read(channel, 29) == 0 and read(channel) == DUE_LIMIT


def test_the_guard_time_begins_anew_when_the_contact_opens(channel):
    limited(channel)
    assert read(channel, 29) == 0
    channel.contact = 0
    assert read(channel) == 0 and channel.over_ms == 0
    channel.contact = 1
    assert read(channel, 29) == 0 and read(channel) == DUE_LIMIT
    channel.contact = 0
    read(channel)
    channel.contact = 1
    assert read(channel, 29) == 0 and read(channel) == DUE_LIMIT, "and it is told anew"


def test_a_power_that_is_old_is_over_no_limit(channel):
    limited(channel)
    channel.guard_ms = 10_000
    assert wait(channel, 20_000) == [0] * 200
    assert channel.over_ms == 0


def test_without_a_limit_nothing_is_counted(channel):
    channel.sample.power_dw = 25 * KW
    assert read(channel, 100) == 0 and channel.over_ms == 0


def weld(channel):
    channel.contact, channel.open_ms = 0, 60_000
    channel.sample.power_dw = 150


def stuck(channel):
    channel.sample.behind, channel.sample.voltage_dv = 1, 499


def reverse(channel):
    channel.sample.power_dw = -50


def almost_weld(channel):
    weld(channel)
    channel.sample.power_dw -= 1


def still_open(channel):
    weld(channel)
    channel.open_ms = 2999


def almost_stuck(channel):
    stuck(channel)
    channel.sample.voltage_dv = 500


def in_front(channel):
    stuck(channel)
    channel.sample.behind = 0


def almost_reverse(channel):
    channel.sample.power_dw = -49


def as_usual(channel):
    channel.contact = 1
    channel.sample.power_dw, channel.sample.voltage_dv = 500, 2300


ODD = [(weld, DUE_WELD), (stuck, DUE_STUCK), (reverse, DUE_REVERSE)]


@pytest.mark.parametrize("happens, due", ODD)
def test_an_odd_reading_is_told_at_the_fifth_once_and_again_after_a_change(channel, happens, due):
    for _ in range(2):
        happens(channel)
        assert read(channel, 4) == 0
        assert read(channel) == due
        assert read(channel, 50) == 0
        as_usual(channel)
        assert read(channel) == 0
    happens(channel)
    assert read(channel, 4) == 0
    as_usual(channel)
    assert read(channel) == 0
    happens(channel)
    assert read(channel, 4) == 0, "five in a row"
    assert set(wait(channel, 4000)) == {0}, "one reading counts once"


@pytest.mark.parametrize(
    "happens", [almost_weld, still_open, almost_stuck, in_front, almost_reverse]
)
def test_what_is_just_not_odd_is_not_told(channel, happens):
    happens(channel)
    assert read(channel, 50) == 0


def test_one_odd_thing_after_another_is_told_each(channel):
    weld(channel)
    assert read(channel, 5) == DUE_WELD
    reverse(channel)
    assert read(channel, 4) == 0 and read(channel) == DUE_REVERSE


class Steps:
    """As much of core's Steps as a channel knows."""

    def __init__(self):
        self.looked = self.forgotten = 0

    def look(self, sample):
        self.looked += 1
        return sample.power_dw > KW

    def forget(self):
        self.forgotten += 1


def test_steps_are_looked_for_in_each_reading_behind_a_closed_contact(channel):
    channel.steps = steps = Steps()
    assert read(channel, 3) == 0
    wait(channel, 1000)
    assert (steps.looked, steps.forgotten) == (3, 0)
    channel.sample.power_dw = 2 * KW
    assert read(channel) == DUE_STEP
    channel.contact = 0
    assert read(channel) == 0
    assert (steps.looked, steps.forgotten) == (4, 1)
