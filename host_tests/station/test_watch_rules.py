"""Each rule about readings and events: what it sees, what it lets pass, and where it turns."""

from dataclasses import replace

import numpy as np
import pytest

from umeter_station.watch import (
    catalog,
    rules_contact,
    rules_events,
    rules_grid,
    rules_orders,
    rules_presence,
    rules_register,
)
from umeter_station.watch.limits import TABLE, Thresholds, check
from umeter_station.watch.window import NONE, Difference, Money, Order, Readings, Traffic, Twins
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
        assert [(rule.id, seen) for rule, seen in catalog.look(calm, pace) if seen] == []


def test_rules_without_anything_new_keep_their_opinion():
    old = window(since_s=NOW_S - 1)
    assert {rule.id for rule, _ in catalog.look(old, catalog.FAST)} == {
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


# A06, A07, A16, A19


def opened(**columns):
    rows = readings(**columns)
    for name, value in (("contact", 0), ("power_dw", 0), ("current_ma", 0), ("voltage_dv", 0)):
        rows = spoiled(name, (LAST, 1), value, rows)
    energy = rows.energy_wh.copy()
    energy[LAST, 1] = energy[-12, 1]
    return replace(rows, energy_wh=energy)


def test_nothing_behind_an_open_contact():
    assert not rules_contact.energy_while_open(window(opened()))


def test_current_behind_an_open_contact():
    welded = spoiled("current_ma", (slice(-3, None), 1), 60, opened())
    assert channels_seen(rules_contact.energy_while_open(window(welded))) == [2]
    stale = spoiled("age_s", (slice(-3, None), 1), 4000, welded)
    assert not rules_contact.energy_while_open(window(stale))


def test_energy_through_an_open_contact():
    rows = spoiled("energy_wh", (slice(-3, None), 1), opened().energy_wh[-1, 1] + 2, opened())
    assert channels_seen(rules_contact.energy_while_open(window(rows))) == [2]
    between = (event("contact.close", 2, ago_s=5 + 2 * REPORT_S + 60),)
    assert not rules_contact.energy_while_open(window(rows, events=between))
    one = spoiled("energy_wh", (slice(-3, None), 1), opened().energy_wh[-1, 1] + 1, opened())
    assert not rules_contact.energy_while_open(window(one))


def test_what_the_meter_says_of_its_contacts():
    welded = (event("contact.welded", 1, a=20, b=230),)
    assert channels_seen(rules_contact.energy_while_open(window(events=welded))) == [1]
    stuck = (event("contact.stuck", 3),)
    assert channels_seen(rules_contact.no_voltage(window(events=stuck))) == [3]


def test_no_voltage_behind_a_closed_contact():
    low = spoiled("voltage_dv", (slice(-3, None), 2), 1800)
    assert channels_seen(rules_contact.no_voltage(window(low))) == [3]
    assert not rules_contact.no_voltage(window(spoiled("voltage_dv", (slice(-3, None), 2), 1850)))
    open_ = spoiled("contact", (slice(-3, None), 2), 0, low)
    assert not rules_contact.no_voltage(window(open_))


def test_without_voltage_anywhere_no_channel_is_to_blame():
    dark = spoiled("voltage_dv", (slice(-3, None), slice(None)), 0)
    assert not rules_contact.no_voltage(window(dark))


def out_of_credit(state=16):
    rows = spoiled("state", (LAST, 1), state)
    return spoiled("balance_u", (LAST, 1), -10, rows)


def test_energy_without_credit():
    (seen,) = rules_contact.without_credit(window(out_of_credit()))
    assert seen.ch == 2
    assert seen.evidence["moved_wh"] == 11 * 50


@pytest.mark.parametrize("let", [8, 32, 64, 128])
def test_emergency_friendly_hours_protection_and_credit_mode_are_no_fault(let):
    assert not rules_contact.without_credit(window(out_of_credit(16 | let)))


def test_without_credit_and_without_supply_all_is_well():
    cut = spoiled("contact", (LAST, 1), 0, out_of_credit())
    assert not rules_contact.without_credit(window(cut))
    # An older meter that does not tell its state.
    assert not rules_contact.without_credit(window(out_of_credit(NONE)))


@pytest.mark.parametrize(("closings", "seen"), [(6, False), (7, True)])
def test_a_contact_that_chatters(closings, seen):
    events = tuple(event("contact.close", 2, ago_s=3000 - 100 * i, n=i) for i in range(closings))
    assert bool(rules_contact.chatter(window(events=events))) is seen


def test_closings_over_hours_are_no_chatter():
    events = tuple(event("contact.close", 2, ago_s=9000 - 900 * i, n=i) for i in range(9))
    assert not rules_contact.chatter(window(events=events))


def test_a_contact_at_the_end_of_its_life():
    assert not rules_contact.chatter(window(moves=(160_000, 0, 0)))
    assert channels_seen(rules_contact.chatter(window(moves=(160_001, 0, 0)))) == [1]


# A08, A12, A13


def test_a_register_that_stands_still():
    rows = spoiled("energy_wh", (slice(-7, None), 0), 2000)
    assert channels_seen(rules_register.stuck(window(rows))) == [1]
    shorter = spoiled("energy_wh", (slice(-6, None), 0), 2000)
    assert not rules_register.stuck(window(shorter))
    idle = spoiled("power_dw", (-4, 0), 100, rows)
    assert not rules_register.stuck(window(idle))
    silent = spoiled("age_s", (-4, 0), 4000, rows)
    assert not rules_register.stuck(window(silent))
    unmeasured = spoiled("power_dw", (slice(-7, None), 0), NONE, rows)
    assert not rules_register.stuck(window(unmeasured))


def test_a_register_that_goes_back():
    rows = readings()
    back = spoiled("energy_wh", (slice(-2, None), 1), int(rows.energy_wh[-3, 1]) - 1)
    assert channels_seen(rules_register.jump(window(back))) == [2]
    boot = rows.boot.copy()
    boot[-2:] += 1
    assert not rules_register.jump(window(replace(back, boot=boot)))
    further = spoiled("energy_wh", (slice(-2, None), 1), int(rows.energy_wh[-3, 1]) - 5, back)
    assert rules_register.jump(window(replace(further, boot=boot)))


def test_a_register_that_jumps():
    most_wh = 30_000 * REPORT_S // 3600 + 2
    rows = readings()
    before = int(rows.energy_wh[-2, 1])
    assert not rules_register.jump(window(spoiled("energy_wh", (-1, 1), before + most_wh)))
    assert rules_register.jump(window(spoiled("energy_wh", (-1, 1), before + most_wh + 1)))
    weak = Thresholds({(2, "max_w"): 3000})
    assert rules_register.jump(window(spoiled("energy_wh", (-1, 1), before + 400), limits=weak))


def test_readings_that_came_in_another_order_are_put_in_theirs():
    rows = readings()
    swapped = np.arange(24)
    swapped[[-3, -2]] = swapped[[-2, -3]]
    mixed = rows.rows(swapped)
    mixed = replace(mixed, received_s=rows.received_s)
    assert not rules_register.jump(window(mixed))
    assert np.array_equal(window(mixed).ordered.seq, rows.seq)


def test_energy_that_the_meter_holds_back():
    assert channels_seen(
        rules_register.jump(window(events=(event("register.jump", 2, a=70),)))
    ) == [2]


def anchored(extra_wh=0, **columns):
    """A day with a register that moves 50 Wh in five minutes, and its intervals of 150 Wh."""
    rows = readings(300)
    profile = intervals([[150, 150, 150]] * 90, NOW_S - 10 - 2 * 900)
    profile.wh[40, 1] += extra_wh
    return window(anchors=rows, intervals=replace(profile, **columns))


def test_intervals_are_the_register():
    assert not rules_register.interval_sum(anchored())
    (seen,) = rules_register.interval_sum(anchored(90))
    assert seen.ch == 2
    assert rules_register.interval_sum(anchored(-90))


def test_between_two_readings_the_register_may_be_anything():
    assert not rules_register.interval_sum(anchored(20))


def test_what_was_estimated_is_no_contradiction():
    estimated = np.zeros(90, np.int64)
    estimated[41] = 2
    assert not rules_register.interval_sum(anchored(90, estimated=estimated))


# A15, A17, A20, A23


def test_credit_of_which_meter_and_ledger_differ():
    fine, off = Money(1, 5, 5, 0, 0, True), Money(2, 9, 5, 0, 0, False)
    assert channels_seen(rules_orders.credit(window(money=(fine, off)))) == [2]


def test_hands_on_the_meter():
    assert rules_events.tamper(window(events=(event("cover.open"),)))
    assert not rules_events.tamper(window(events=(event("cover.closed"),)))
    assert rules_events.tamper(window(events=(event("link.forged", a=3),)))


def test_a_front_end_that_is_torn_off():
    silent = event("frontend.silent", 2, ago_s=1000)
    soon = event("frontend.back", 2, ago_s=940, n=2)
    assert channels_seen(rules_events.tamper(window(events=(silent,)))) == [2]
    assert not rules_events.tamper(window(events=(silent, soon)))
    assert not rules_events.tamper(window(events=(event("frontend.silent", 2, ago_s=200),)))
    old = spoiled("age_s", (-1, 2), 5000)
    assert channels_seen(rules_events.tamper(window(old))) == [3]


def test_a_chip_that_resets_again_and_again():
    resets = [event("frontend.reset", 1, ago_s=s, n=s) for s in (50_000, 20_000, 300)]
    assert not rules_events.tamper(window(events=tuple(resets[1:])))
    assert channels_seen(rules_events.tamper(window(events=tuple(resets)))) == [1]


def test_settings_that_are_not_as_desired():
    waiting = Difference("price", "waiting", NOW_S - 86_400)
    assert not rules_orders.twin(window(differences=(waiting,)))
    assert rules_orders.twin(window(differences=(replace(waiting, since_s=NOW_S - 86_401),)))
    assert rules_orders.twin(window(differences=(replace(waiting, state="refused"),)))


def test_orders_without_an_answer():
    order = Order(1, "credit", "sent", NOW_S - 2000, NOW_S + 9)
    (seen,) = rules_orders.unconfirmed(window(orders=(order,)))
    assert seen.severity == "alarm"
    assert not rules_orders.unconfirmed(window(orders=(order,), seen_s=NOW_S - 1500))
    young = replace(order, created_s=NOW_S - 800)
    assert not rules_orders.unconfirmed(window(orders=(young,)))
    assert not rules_orders.unconfirmed(window(orders=(replace(order, op="history"),)))
    unclear = replace(young, state="unclear")
    assert rules_orders.unconfirmed(window(orders=(unclear,)))


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
    told = dict(catalog.look(window(rows, limits=off), catalog.FAST))
    assert told[catalog.BY_ID["A05"]] == []


def test_rules_bear_a_meter_that_has_said_nothing_yet():
    empty = window(Readings(), channels=8, seen_s=0)
    for pace in (catalog.FAST, catalog.HOUR, catalog.SLOW):
        assert not [seen for _, seen in catalog.look(empty, pace) if seen]
