"""The clock: the port's calendar, trusted only when somebody vouched for it."""

import calendar
import datetime
import time as host_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umeter.hal.clock import Clock

NOON = datetime.datetime(2026, 3, 2, 12, 0, 0, tzinfo=datetime.UTC)
POWER_ON = (2000, 1, 1, 5, 0, 0, 0, 0)


def when_of(moment):
    return int((moment - datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)).total_seconds())


class Rtc:
    """machine.RTC and the `time` that reads it, as on a port that counts from `epoch_year`."""

    ticks_ms = ticks_diff = sleep_ms = staticmethod(lambda *_: 0)

    def __init__(self, now=POWER_ON, epoch_year=2000):
        self.now = now
        self.epoch = calendar.timegm((epoch_year, 1, 1, 0, 0, 0))

    def datetime(self, fields):
        self.now = fields

    def time(self):
        year, month, day, _, *clock = self.now
        return self.mktime((year, month, day, *clock, 0))

    def mktime(self, fields):
        assert len(fields) == 8
        return calendar.timegm(fields) - self.epoch

    def gmtime(self, seconds):
        return tuple(host_time.gmtime(seconds + self.epoch))[:8]


def a_clock(now=POWER_ON, epoch_year=2000):
    rtc = Rtc(now, epoch_year)
    return Clock(rtc, rtc, True), rtc


def test_after_a_power_cut_the_time_is_not_known():
    clock, _ = a_clock()
    assert clock.when == 0
    clock.advance(5000)
    assert clock.when == 0


@pytest.mark.parametrize("epoch_year", [1970, 2000])
def test_after_a_reset_the_rtc_is_believed(epoch_year):
    clock, rtc = a_clock(epoch_year=epoch_year)
    clock.set(when_of(NOON))
    assert rtc.now == (2026, 3, 2, 0, 12, 0, 0, 0)
    assert Clock(rtc, rtc, True).when == when_of(NOON) == clock.when


@pytest.mark.parametrize("year", [1970, 2000, 2020, 2025, 2054, 2099])
def test_a_year_that_cannot_be_is_not_believed(year):
    assert a_clock((year, 6, 1, 0, 0, 0, 0, 0))[0].when == 0


@pytest.mark.parametrize("t", [1_767_225_600, 2_650_838_399])
def test_what_a_time_order_can_set_is_believed_after_a_reset_and_a_small_int(t):
    clock, rtc = a_clock()
    clock.set(t - 1_577_836_800)
    assert Clock(rtc, rtc, True).when == t - 1_577_836_800 < 1 << 30


def test_a_time_that_was_only_lent_is_never_believed():
    clock, rtc = a_clock()
    clock.lend(when_of(NOON))
    assert rtc.now == (2026, 3, 2, 0, 12, 0, 0, 0)
    assert clock.when == 0
    assert Clock(rtc, rtc, False).when == 0


@given(st.lists(st.integers(1, 5000), max_size=100))
def test_advances_by_what_it_is_told(steps):
    clock, _ = a_clock()
    clock.set(when_of(NOON))
    for dt_ms in steps:
        clock.advance(dt_ms)
    assert clock.when - when_of(NOON) == sum(steps) // 1000
