"""The rules about contacts, registers, money and orders: what they see, and what they let pass."""

from dataclasses import replace

import numpy as np
import pytest

from umeter_station.watch import (
    rules_contact,
    rules_events,
    rules_orders,
    rules_register,
)
from umeter_station.watch.limits import Thresholds
from umeter_station.watch.window import NONE, Difference, Money, Order
from watch_kit import (
    NOW_S,
    REPORT_S,
    channels_seen,
    event,
    intervals,
    readings,
    spoiled,
    window,
)

LAST = slice(-12, None)


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
