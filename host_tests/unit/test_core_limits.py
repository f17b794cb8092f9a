"""Load limit, time slots and banned loads: what trips, what comes back, what stays locked."""

from types import SimpleNamespace

import pytest

from limit_kit import Meter
from umeter.core import limits
from umeter.core.calendar import now as local
from umeter.core.channel import DUE_LIMIT, DUE_STEP, DUE_TIMER
from umeter.core.supply import OPERATOR, OVERLOAD, SCHEDULE

MONDAY_6H = 194_940_000 - 194_940_000 % 604_800 + 5 * 86_400 + 6 * 3600  # 2020-01-01: Wednesday


def apply(meter, when=0):
    return limits.apply(meter.doc, meter.channels[0], meter.book(), local(meter.doc, when))


def look(meter, due):
    """Let the channel have its look; what it told."""
    channel = meter.channels[0]
    channel.due = due
    limits.look(meter, meter.doc, channel, meter.book())
    return meter.told()


def over(meter, watts=2500):
    apply(meter)
    meter.channels[0].sample.power_dw = watts * 10
    return look(meter, DUE_LIMIT)


def test_without_settings_nothing_is_limited():
    meter = Meter()
    assert apply(meter) == 1440
    channel = meter.channels[0]
    assert channel.limit_dw == 0 and channel.steps is None and channel.claims == 0


def test_the_limit_in_force():
    meter = Meter(limit_w=2000, limit_guard_s=45)
    apply(meter)
    assert meter.channels[0].limit_dw == 20_000 and meter.channels[0].guard_ms == 45_000


NIGHT = [["1234567", 0, 700, 500], ["12345", 1000, 1200, 0], ["1", 1300, 1400, 9000]]


@pytest.mark.parametrize(
    "minute, limit_dw, claims, until",
    [
        (0, 5000, 0, 420),
        (419, 5000, 0, 420),
        (420, 20_000, 0, 600),
        (600, 20_000, SCHEDULE, 720),
        (720, 20_000, 0, 780),
        (780, 20_000, 0, 840),  # the slot's limit is the larger one
        (1439, 20_000, 0, 1440),
    ],
)
def test_slots_of_the_day(minute, limit_dw, claims, until):
    meter = Meter(limit_w=2000, slots=NIGHT)
    assert local(meter.doc, MONDAY_6H).weekday == 1
    assert apply(meter, MONDAY_6H - 6 * 3600 + minute * 60) == until
    assert (meter.channels[0].limit_dw, meter.channels[0].claims) == (limit_dw, claims)


def test_a_slot_needs_no_other_limit_and_its_end_gives_the_supply_back():
    meter = Meter(slots=NIGHT)
    apply(meter, MONDAY_6H)
    assert meter.channels[0].limit_dw == 5000
    apply(meter, MONDAY_6H + 5 * 3600)
    assert meter.channels[0].claims == SCHEDULE and meter.channels[0].limit_dw == 0
    apply(meter, MONDAY_6H + 6 * 3600)
    assert meter.channels[0].claims == 0


def test_no_slot_is_in_force_while_the_clock_is_not_trusted():
    meter = Meter(slots=[["1234567", 0, 2400, 0]])
    apply(meter, MONDAY_6H)
    assert meter.channels[0].claims == SCHEDULE
    assert apply(meter, 0) == 1440
    assert meter.channels[0].claims == 0


def test_three_tries_five_minutes_apart_and_then_the_operator():
    meter = Meter(limit_w=2000)
    channel = meter.channels[0]
    for _ in range(3):
        assert over(meter) == [("limit.trip", 1, 2500, 2000)]
        assert channel.claims == OVERLOAD and channel.timer_ms == 300_000
        channel.timer_ms = 0
        assert look(meter, DUE_TIMER) == [("limit.back", 1, 0, 0)]
        assert channel.claims == 0
    assert over(meter) == [("limit.trip", 1, 2500, 2000), ("limit.locked", 1, 3, 0)]
    assert channel.claims == OVERLOAD and channel.timer_ms == 0
    assert meter.book().locked == OVERLOAD
    assert look(meter, DUE_TIMER) == [] and channel.claims == OVERLOAD
    limits.boot(meter.doc, channel, meter.book())
    assert channel.timer_ms == 0, "what is locked does not come back by a power cut"


def test_midnight_counts_the_tries_anew_and_unlocks_nothing():
    meter = Meter(limit_w=2000, limit_tries=1)
    over(meter)
    meter.channels[0].claims = 0
    over(meter)
    book = meter.book()
    limits.midnight(book)
    assert (book.limit_tries, book.locked) == (0, OVERLOAD)


def test_an_alarm_leaves_the_supply_on():
    meter = Meter(limit_w=2000, limit_action="alarm")
    assert over(meter) == [("limit.over", 1, 2500, 2000)]
    assert meter.channels[0].claims == meter.book().limit_tries == 0


def test_by_hand_the_time_only_arms():
    meter = Meter(limit_w=2000)
    channel = meter.channels[0]
    channel.by_hand = 1
    over(meter)
    assert look(meter, DUE_TIMER) == []
    assert channel.claims == channel.armed == OVERLOAD
    channel.end(channel.armed)
    assert channel.claims == 0
    channel.claims, channel.armed = OVERLOAD | OPERATOR, 0
    look(meter, DUE_TIMER)
    channel.end(channel.armed)
    assert channel.claims == OPERATOR


def test_a_power_cut_starts_the_time_again():
    meter = Meter(limit_w=2000, limit_restore_s=60)
    over(meter)
    channel = meter.channels[0]
    channel.timer_ms = 0
    limits.boot(meter.doc, channel, meter.book())
    assert channel.timer_ms == 60_000
    channel.timer_ms, channel.armed = 0, OVERLOAD
    limits.boot(meter.doc, channel, meter.book())
    assert channel.timer_ms == 0, "it waits for the hand, not for the time"


def step(meter, watts, pf=1000, clean=True):
    """A load of so many W is switched on."""
    apply(meter)
    channel = meter.channels[0]
    channel.steps.step_dw, channel.steps.step_pf = watts * 10, pf
    channel.steps.clean = clean
    return look(meter, DUE_STEP)


WINDOWS = {"banned": [[500, 900], [1500, 3000]], "banned_allow": [[1800, 100]]}


@pytest.mark.parametrize(
    "watts, banned",
    [(499, 0), (500, 1), (900, 1), (901, 0), (1499, 0), (1699, 1), (1700, 0), (1800, 0),
     (1900, 0), (1901, 1), (3000, 1), (3001, 0)],
)  # fmt: skip
def test_windows_and_the_white_list(watts, banned):
    meter = Meter(**WINDOWS)
    assert step(meter, watts, 993) == [("load.banned", 1, watts, 993)] * banned
    assert meter.channels[0].claims == OVERLOAD * banned


def test_what_was_switched_beside_an_allowed_load_is_allowed_for():
    assert step(Meter(**WINDOWS), 1950, clean=False) == []
    assert len(step(Meter(**WINDOWS), 2001, clean=False)) == 1


def test_banned_loads_have_their_own_tries_time_and_action():
    meter = Meter(**WINDOWS, banned_tries=1, banned_restore_s=77)
    assert step(meter, 2000) == [("load.banned", 1, 2000, 1000)]
    channel = meter.channels[0]
    assert channel.timer_ms == 77_000
    assert (meter.book().banned_tries, meter.book().limit_tries) == (1, 0)
    channel.timer_ms = 0
    limits.boot(meter.doc, channel, meter.book())
    assert channel.timer_ms == 77_000
    look(meter, DUE_TIMER)
    assert step(meter, 2000)[1] == ("load.locked", 1, 1, 0)
    assert meter.book().locked == OVERLOAD
    alarm = Meter(**WINDOWS, banned_action="alarm")
    assert step(alarm, 2000) == [("load.banned", 1, 2000, 1000)]
    assert alarm.channels[0].claims == 0


def test_steps_are_watched_only_where_loads_are_banned_and_can_be_told():
    meter = Meter(banned=[[800, 900], [300, 3000]], banned_pf=985)
    apply(meter)
    steps = meter.channels[0].steps
    assert (steps.min_dw, steps.pf) == (3000, 985)
    apply(meter)
    assert meter.channels[0].steps is steps, "what it has seen so far is kept"
    meter.set(banned=[])
    apply(meter)
    assert meter.channels[0].steps is None
    meter.set(banned=[[300, 3000]])
    meter.channels[0].sample.measures_power = False  # pulses
    apply(meter)
    assert meter.channels[0].steps is None


def test_a_channel_that_was_tripped_already_is_not_tripped_twice():
    meter = Meter(**WINDOWS, limit_w=1000)
    apply(meter)
    channel = meter.channels[0]
    channel.sample.power_dw = 20_000
    channel.steps = SimpleNamespace(step_dw=20_000, step_pf=1000, clean=1)
    told = look(meter, DUE_LIMIT | DUE_STEP)
    assert [event[0] for event in told] == ["limit.trip", "load.banned"]
    assert (meter.book().limit_tries, meter.book().banned_tries) == (1, 0)
