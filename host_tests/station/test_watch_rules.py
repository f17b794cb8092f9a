"""Each rule about readings and events: what it sees, what it lets pass, and where it turns."""

from dataclasses import replace

import numpy as np
import pytest

from umeter_station.watch import catalog, looks, rules_grid, rules_presence
from umeter_station.watch.limits import TABLE, Thresholds, check
from umeter_station.watch.window import Readings, Traffic, Twins
from watch_kit import (
    NOW_S,
    REPORT_S,
    channels_seen,
    event,
    intervals,
    readings,
    spoiled,
    window,
    without,
)

LAST = slice(-12, None)


def test_a_calm_meter_is_let_be_by_every_rule():
    calm = window(intervals=intervals([[150, 70, 75]] * 8), events=(event("contact.close", 1),))
    for pace in (catalog.FAST, catalog.HOUR, catalog.SLOW):
        assert [(rule.id, seen) for rule, seen in looks.look(calm, pace) if seen] == []


def test_rules_without_anything_new_keep_their_opinion():
    old = window(since_s=NOW_S - 1)
    assert {rule.id for rule, _ in looks.look(old, catalog.FAST)} == {
        "A01",
        "A02",
        "A22",
        "A23",
    }


# A01, A02


def test_two_of_four_readings_that_did_not_come():
    kept = [*range(12), *range(14, 24)]
    (seen,) = rules_presence.missing(window(without(kept)))
    assert seen.evidence["missed"] == 2
    kept = [*range(12), *range(13, 14), *range(15, 24)]
    assert rules_presence.missing(window(without(kept)))


def test_one_reading_that_did_not_come_is_no_news():
    assert not rules_presence.missing(window(without([*range(12), *range(13, 24)])))
    assert not rules_presence.missing(window(without([*range(14), *range(15, 21), 22, 23])))


def test_what_was_missing_long_ago_is_no_news():
    kept = [*range(6), *range(8, 24)]
    assert not rules_presence.missing(window(without(kept)))


def test_missing_for_a_day_is_an_alarm():
    kept = [*range(12), *range(14, 24)]
    long = {("A01", 0): NOW_S - 2 * 86_400}
    (seen,) = rules_presence.missing(window(without(kept), open_since=long))
    assert seen.severity == "alarm"


def test_a_gap_of_the_profile_that_stays():
    holey = intervals([[1, 1, 1]] * 12)
    holey = replace(holey, n=holey.n + np.where(np.arange(12) >= 4, 3, 0))
    (seen,) = rules_presence.missing(window(intervals=holey))
    assert (seen.evidence["first_n"], seen.evidence["last_n"]) == (5, 7)
    late = replace(holey, t_end=holey.t_end + 7 * 900)
    assert not rules_presence.missing(window(intervals=late))


@pytest.mark.parametrize(("silent_s", "seen"), [(900, False), (901, True)])
def test_offline_after_three_report_intervals(silent_s, seen):
    assert (
        bool(rules_presence.offline(window(readings().rows(slice(0, 1)), seen_s=NOW_S - silent_s)))
        is seen
    )


def test_offline_is_told_of_afterwards_too():
    kept = [*range(12), *range(17, 24)]
    (seen,) = rules_presence.offline(window(without(kept)))
    assert seen.evidence["silent_s"] == 6 * REPORT_S
    assert not rules_presence.offline(window(without(kept), since_s=NOW_S - 600))


# A14, A21, A22


@pytest.mark.parametrize(
    ("off_s", "severity"), [(10, "none"), (16, None), (-40, None), (90, "alarm")]
)
def test_a_clock_that_is_off(off_s, severity):
    rows = readings()
    seen = rules_presence.clock(window(replace(rows, t=rows.received_s + off_s)))
    assert (seen[0].severity if seen else "none") == severity


def test_one_late_reading_is_no_wrong_clock():
    rows = readings()
    late = rows.t.copy()
    late[-1] -= 600
    assert not rules_presence.clock(window(replace(rows, t=late)))


def test_a_clock_that_is_not_set():
    rows = readings()
    clock = rows.clock.copy()
    clock[-2:] = 0
    assert not rules_presence.clock(window(replace(rows, clock=clock)))
    clock[-6:] = 0
    assert rules_presence.clock(window(replace(rows, clock=clock)))


def test_a_clock_that_was_moved():
    assert rules_presence.clock(window(events=(event("clock.set", a=1000, b=5000),)))
    assert not rules_presence.clock(window(events=(event("clock.set", a=0, b=5000),)))
    assert not rules_presence.clock(window(events=(event("clock.set", a=4990, b=5000),)))


def test_an_earlier_boot_that_speaks_later():
    rows = readings()
    boot = rows.boot.copy()
    boot[[18, 21]] = 2
    (seen,) = rules_presence.clone(window(replace(rows, boot=boot)))
    assert (seen.evidence["boot"], seen.evidence["newest_boot"]) == (2, 4)


def test_a_late_message_of_the_boot_before_is_no_clone():
    rows = readings()
    boot, t = rows.boot.copy(), rows.t.copy()
    boot[:18] = 3
    boot[19] = 3  # came after the first of boot 4, and was made before
    t[19] = t[17] + 5
    assert not rules_presence.clone(window(replace(rows, boot=boot, t=t)))


def test_signs_of_two_boards_that_the_ingest_has_noted():
    signs = (Twins(3, 5, NOW_S - 100, 4),)
    assert rules_presence.clone(window(twins=signs))
    assert not rules_presence.clone(window(twins=signs, since_s=NOW_S - 50))


def test_a_storm_of_messages():
    assert not rules_presence.storm(window(traffic=Traffic(3600, 60, 3)))
    assert rules_presence.storm(window(traffic=Traffic(3600, 600, 0)))
    assert rules_presence.storm(window(traffic=Traffic(3600, 12, 21)))
    assert not rules_presence.storm(window(traffic=Traffic(3600, 12, 20)))


# A05, A18


def test_power_that_flows_back():
    rows = spoiled("power_dw", (LAST, 1), -900)
    (seen,) = rules_grid.reverse(window(rows))
    assert seen.ch == 2
    assert seen.evidence["back_wh"] == 90 * 12 * REPORT_S // 3600
    assert not rules_grid.reverse(window(spoiled("power_dw", (-1, 1), -900)))
    assert not rules_grid.reverse(window(spoiled("power_dw", (LAST, 1), -40)))
    assert channels_seen(rules_grid.reverse(window(events=(event("energy.reverse", 3),)))) == [3]


@pytest.mark.parametrize(
    ("voltage_dv", "rows", "seen"),
    [(2070, 4, False), (2069, 4, True), (2069, 2, False), (2531, 4, True), (2530, 4, False)],
)
def test_voltage_outside_of_its_band_for_ten_minutes(voltage_dv, rows, seen):
    spoilt = spoiled("voltage_dv", (slice(-rows, None), slice(None)), voltage_dv)
    assert bool(rules_grid.quality(window(spoilt))) is seen


def test_a_channel_without_voltage_is_not_the_grid():
    assert not rules_grid.quality(window(spoiled("voltage_dv", (LAST, 0), 0)))


def test_a_heavy_load_with_a_poor_power_factor():
    poor = spoiled("current_ma", (LAST, 2), 6000)
    (seen,) = rules_grid.quality(window(poor))
    assert seen.ch == 3
    light = spoiled("power_dw", (LAST, 2), 1500, poor)
    assert not rules_grid.quality(window(light))


# Limits


def test_every_limit_is_within_its_own_bounds():
    for name, limit in TABLE.items():
        check(name, limit.default)


def test_a_channels_own_limit_comes_first():
    own = Thresholds({(0, "stuck_w"): 50, (2, "stuck_w"): 70})
    assert [own.get("stuck_w", ch) for ch in (0, 1, 2)] == [50, 50, 70]
    assert own.get("open_ma", 2) == TABLE["open_ma"].default


def test_a_rule_can_be_switched_off_for_a_channel():
    rows = spoiled("power_dw", (LAST, 1), -900)
    off = Thresholds({(2, "A05_on"): 0})
    told = dict(looks.look(window(rows, limits=off), catalog.FAST))
    assert told[catalog.BY_ID["A05"]] == []


def test_rules_bear_a_meter_that_has_said_nothing_yet():
    empty = window(Readings(), channels=8, seen_s=0)
    for pace in (catalog.FAST, catalog.HOUR, catalog.SLOW):
        assert not [seen for _, seen in looks.look(empty, pace) if seen]
