"""The rules about load profiles: what is not metered, whose it is, and what is usual."""

from dataclasses import replace

import numpy as np
import pytest

from umeter_station.watch import rules_localise, rules_sums, rules_use
from umeter_station.watch.fit import fit
from umeter_station.watch.limits import Thresholds
from watch_kit import (
    DAY_S,
    NOW_S,
    channels_seen,
    event,
    intervals,
    readings,
    usage,
    window,
    with_inlet,
)


def profiled(wh, rows=None, **more):
    return window(
        rows, intervals=intervals(wh), inlet_ch=1, channels=wh.shape[1], profile_min=15, **more
    )


# A03


def calm(days=1, **more):
    return with_inlet(usage(days), **more)


def test_what_class_and_rounding_explain_is_no_loss():
    assert not rules_sums.unmetered(profiled(calm()))
    for off in (0.985, 1.015):
        assert not rules_sums.unmetered(profiled(calm(class_error=off)))


@pytest.mark.parametrize(("rows", "seen"), [(2, False), (3, True)])
def test_three_intervals_with_a_loss(rows, seen):
    wh = calm()
    wh[-rows:, 0] += 60
    found = rules_sums.unmetered(profiled(wh))
    assert bool(found) is seen
    if found:
        assert found[0].evidence["lost_wh"] == pytest.approx(180, abs=15)


def test_more_metered_than_went_in_is_as_wrong():
    wh = calm()
    wh[-4:, 0] -= 60
    assert rules_sums.unmetered(profiled(wh))


def test_an_old_loss_is_no_news():
    wh = calm()
    wh[10:20, 0] += 60
    assert not rules_sums.unmetered(profiled(wh))


def test_intervals_that_cannot_be_trusted_are_left_out():
    wh = calm()
    wh[-6:, 0] += 60
    flags = np.zeros(len(wh), np.int64)
    flags[-6:] = 1
    made = replace(profiled(wh), intervals=intervals(wh, flags=flags))
    assert not rules_sums.unmetered(made)


def test_without_an_inlet_nothing_is_summed():
    wh = calm()
    wh[:, 0] += 600
    assert not rules_sums.unmetered(replace(profiled(wh), inlet_ch=0))
    assert not rules_localise.localise(replace(profiled(wh), inlet_ch=0))


def test_the_meter_has_said_it_itself():
    told = (event("energy.unmetered", 1, a=120, b=9),)
    assert rules_sums.unmetered(profiled(calm(), events=told))


@pytest.mark.parametrize("watts", [16, -16])
def test_a_small_steady_loss_adds_up(watts):
    wh = calm(days=20)
    assert not rules_sums.drift(profiled(wh))
    wh[-48:, 0] += watts // 4
    (seen,) = rules_sums.drift(profiled(wh))
    assert NOW_S - 13 * 3600 < seen.since_s < NOW_S - 8 * 3600
    # Far below what each interval is allowed to be off.
    assert not rules_sums.unmetered(profiled(wh))


def test_a_loss_that_is_over_is_no_drift():
    wh = calm(days=20)
    wh[-96:-30, 0] += 10
    assert not rules_sums.drift(profiled(wh))


def test_five_days_are_the_least_to_learn_from():
    wh = calm(days=6)
    wh[-48:, 0] += 6
    assert not rules_sums.drift(profiled(wh))


def test_what_was_learned_while_it_was_wrong_is_left_out():
    wh = calm(days=20)
    wh[8 * 96 : 12 * 96, 0] += 40
    spoiled = ((NOW_S - 12 * DAY_S, NOW_S - 8 * DAY_S),)
    assert not rules_sums.drift(profiled(wh, spoiled=spoiled))
    wh[-48:, 0] += 6
    assert rules_sums.drift(profiled(wh, spoiled=spoiled))


def test_an_open_finding_is_judged_by_what_was_before_it():
    wh = calm(days=20)
    wh[-12 * 96 :, 0] += 6
    begun = {("A03", 0): NOW_S - 12 * DAY_S}
    assert rules_sums.drift(profiled(wh, open_since=begun))


# A04


def robbed(part, days=2, channel=2, **more):
    """A share of one channel's consumption goes round its front end."""
    users = usage(days, channels=3)
    wh = with_inlet(users, **more)
    wh[:, channel] = np.floor(wh[:, channel] * (1 - part))
    return wh


def test_the_channel_that_is_robbed_is_named():
    assert not rules_localise.localise(profiled(robbed(0)))
    (seen,) = rules_localise.localise(profiled(robbed(0.1)))
    assert seen.ch == 3
    assert seen.evidence["share_ppm"] == pytest.approx(111_000, abs=6000)


def test_five_per_cent_of_a_channel_are_found_within_a_day():
    (seen,) = rules_localise.localise(profiled(robbed(0.05, days=1)))
    assert seen.ch == 3


def test_errors_of_class_one_are_nobodys_theft():
    for off in (0.985, 1.015):
        assert not rules_localise.localise(profiled(robbed(0, class_error=off)))


def test_a_load_of_its_own_is_blamed_on_nobody():
    wh = with_inlet(usage(3, channels=3))
    day = np.arange(len(wh)) * (2 * np.pi / 96)
    wh[:, 0] += np.floor(60 + 50 * np.sin(day)).astype(np.int64)
    assert not rules_localise.localise(profiled(wh))


def test_a_front_end_that_counts_too_much_is_named_too():
    wh = with_inlet(usage(2, channels=3))
    wh[:, 1] = wh[:, 1] * 108 // 100
    (seen,) = rules_localise.localise(profiled(wh))
    assert seen.ch == 2 and seen.evidence["share_ppm"] < 0


def test_a_few_odd_intervals_name_nobody():
    wh = robbed(0)
    wh[-3:, 0] += 300
    assert not rules_localise.localise(profiled(wh))


def test_half_a_day_is_only_enough_once_a_loss_is_known():
    wh = robbed(0)
    wh[-60:] = robbed(0.3)[-60:]
    assert not rules_localise.localise(profiled(wh[-60:]))
    known = {("A03", 0): NOW_S - 15 * 3600}
    assert channels_seen(rules_localise.localise(profiled(wh, open_since=known))) == [3]


def test_a_channel_that_is_not_used_spoils_nothing():
    users = usage(2, channels=3)
    users[:, 1] = 0
    model = fit(users, users[:, 0] * 0.1 + 1.0, np.arange(len(users)) * 900)
    assert model.shares[0] == pytest.approx(0.1, abs=1e-3)
    assert abs(model.shares[1]) < 1e-6
    assert fit(users[:10], users[:10, 0] * 0.1, np.arange(10) * 900) is None


# A09, A10, A11


def months(days=28, base=40):
    random = np.random.default_rng(5)
    return random.integers(base - 10, base + 10, (days * 96, 3))


def test_a_week_of_nothing():
    wh = months()
    wh[-7 * 96 :, 1] = 0
    assert channels_seen(rules_use.zero(profiled(wh, readings()))) == [2]
    wh[-7 * 96, 1] = 1
    assert not rules_use.zero(profiled(wh, readings()))


def test_a_week_of_nothing_where_it_is_known_or_cut_or_was_always_so():
    wh = months()
    wh[-7 * 96 :, 1] = 0
    known = Thresholds({(2, "vacant"): 1})
    assert not rules_use.zero(profiled(wh, readings(), limits=known))
    contact = np.ones((24, 3), np.int64)
    contact[:, 1] = 0
    assert not rules_use.zero(profiled(wh, readings(contact=contact)))
    wh[:, 1] = 0
    assert not rules_use.zero(profiled(wh, readings()))
    wh[-7 * 96 :, 2] = 0
    assert not rules_use.zero(profiled(wh[:-96], readings()))


@pytest.mark.parametrize(("times", "seen"), [(8, True), (2, False), (0.02, True)])
def test_a_day_unlike_those_before(times, seen):
    wh = months()
    wh[-96:, 2] = (wh[-96:, 2] * times).astype(np.int64)
    assert (channels_seen(rules_use.usage(profiled(wh))) == [3]) is seen


def test_a_weekend_is_compared_with_weekends():
    days = np.arange(35)
    until_s = NOW_S - 10 - (34 - days) * DAY_S
    weekend = ((until_s - 1) // DAY_S + 3) % 7 >= 5
    wh = np.repeat(np.where(weekend, 200, 20), 96)[:, None] * np.ones((1, 3), np.int64)
    for back in range(7):
        part = wh[: len(wh) - back * 96].astype(np.int64)
        now_s = NOW_S - back * DAY_S
        made = replace(profiled(part), now_s=now_s, intervals=intervals(part, now_s - 10))
        assert not rules_use.usage(made)


def test_a_young_meter_has_nothing_usual():
    wh = months(days=5)
    wh[-96:, 2] *= 9
    assert not rules_use.usage(profiled(wh))


def test_a_spike():
    wh = months()
    wh[-50, 0] = 800
    limits = (6000, 6000, 6000)
    assert channels_seen(rules_use.spike(profiled(wh, limit_w=limits))) == [1]
    # Not above half of the limit; not the only one of the day; not the first in weeks.
    assert not rules_use.spike(profiled(wh, limit_w=(6500, 6500, 6500)))
    often = wh.copy()
    often[[-20, -30], 0] = 700
    assert not rules_use.spike(profiled(often, limit_w=limits))
    before = wh.copy()
    before[-1000, 0] = 600
    assert not rules_use.spike(profiled(before, limit_w=limits))
