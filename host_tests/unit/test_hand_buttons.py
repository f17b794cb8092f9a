"""The buttons that the users share: who is meant, and what a press does."""

import pytest

from hand_kit import DARK, Panel

SELECT, ACT = 0, 4
USER = 8


def dark(**more):
    """Without a display, past the moment in which a button that is down is taken for stuck."""
    panel = Panel(hand=DARK | {"maintenance": SELECT}, **more)
    panel.poll(300)
    return panel


def lit():
    panel = Panel()
    panel.poll(6000)  # the start screen is over: that of the first user since a second
    return panel


def test_select_goes_from_user_to_user():
    panel = dark()
    seen = []
    for _ in range(5):
        panel.press(SELECT)
        seen.append(panel.hand.selected)
    assert seen == [0, 1, 2, 0, 1]


def test_a_selection_ends_by_itself():
    panel = dark()
    panel.press(SELECT)
    panel.poll(29_000)
    assert panel.hand.selected == 0
    panel.poll(1000)
    assert panel.hand.selected == -1


def test_act_is_for_the_selected_user():
    panel = dark()
    panel.press(SELECT)
    panel.press(SELECT)
    panel.press(ACT)
    panel.press(ACT, 3500)
    assert panel.told == [(1, "short"), (1, "long")]


def test_act_without_a_selection_or_a_display_is_for_nobody():
    panel = dark()
    panel.press(ACT)
    panel.press(ACT, 4000)
    assert panel.told == []


def test_a_single_user_needs_no_selection():
    panel = dark(users=1)
    panel.press(ACT)
    assert panel.told == [(0, "short")]


def test_act_is_for_the_user_who_is_shown():
    panel = lit()
    panel.press(ACT, 3500)
    assert panel.told == [(0, "long")]
    panel.poll(10_000)
    assert panel.hand.shown == 0, "the screen stays while somebody is selected"


def test_who_presses_as_the_screen_changes_only_selects():
    panel = lit()
    while panel.hand.shown == 0:
        panel.poll()
    panel.press(ACT, 3500)
    assert panel.told == [] and panel.hand.selected == 1
    panel.press(ACT)
    assert panel.told == [(1, "short")]


def test_select_begins_behind_the_user_who_is_shown():
    panel = lit()
    panel.press(SELECT)
    assert (panel.hand.selected, panel.hand.shown) == (1, 1)


def test_a_display_that_is_not_there_shows_nobody():
    panel = Panel(missing=True)
    panel.poll(6000)
    panel.press(ACT)
    assert panel.told == []
    panel.press(SELECT)
    assert panel.hand.selected == 0


def test_a_press_restores_the_supply_and_a_long_one_takes_emergency_credit():
    panel = dark()
    panel.press(SELECT)
    panel.channel(0).claims = USER
    panel.press(ACT)
    assert panel.channel(0).claims == 0
    panel.meter.settings.apply({"emergency_u": 5_000_000, "emergency_at_u": 20_000_000}, 1)
    panel.put(0, emergency=1)
    panel.press(ACT, 3500)
    assert panel.book(0).emergency == 2


@pytest.mark.parametrize("ms, told", [(100, []), (200, ["short"]), (2900, ["short"])])
def test_a_short_press_is_told_as_it_ends(ms, told):
    panel = dark(users=1)
    panel.press(ACT, ms)
    assert panel.told == [(0, one) for one in told]


def test_a_long_press_is_told_once_while_it_lasts():
    panel = dark(users=1)
    panel.scenes.levels[ACT] = 0
    panel.poll(3000)
    assert panel.told == []
    panel.poll(17_000)
    assert panel.told == [(0, "long")]
    panel.scenes.levels[ACT] = 1
    panel.poll(300)
    panel.press(ACT)
    assert panel.told == [(0, "long"), (0, "short")]


def test_a_bounce_neither_presses_nor_ends_a_press():
    panel = dark(users=1)
    for level in (0, 1, 0, 1, 0, 1):
        panel.scenes.levels[ACT] = level
        panel.poll()
    panel.poll(1000)
    assert panel.told == []
    for level in (0, 0, 0, 1, 0, 0, 1, 0):
        panel.scenes.levels[ACT] = level
        panel.poll()
    panel.press(ACT, 3500)
    assert panel.told == [(0, "long")]


def test_a_button_that_is_stuck_since_the_start_is_no_hand():
    panel = Panel(users=1, stuck=(SELECT, ACT), hand=DARK | {"maintenance": SELECT})
    panel.poll(10_000)
    panel.scenes.levels.update({SELECT: 1, ACT: 1})
    panel.poll(1000)
    assert panel.told == [] and panel.hand.selected == -1 and not panel.hand.maintenance
    panel.press(ACT)
    assert panel.told == [(0, "short")]


def test_a_tick_that_comes_late_makes_no_tap_long():
    panel = dark(users=1)
    panel.scenes.levels[ACT] = 0
    panel.poll(200)
    panel.poll(4000, dt_ms=4000)
    panel.scenes.levels[ACT] = 1
    panel.poll(300)
    assert panel.told == [(0, "short")]


def test_a_button_held_for_five_seconds_asks_for_maintenance():
    panel = dark()
    panel.press(SELECT, 4900)
    assert not panel.hand.maintenance
    panel.press(SELECT, 5200)
    assert panel.hand.maintenance and panel.meter.maintenance == 30
    assert panel.hand.selected == -1, "which is no tap on select"


def test_maintenance_may_have_a_button_of_its_own():
    panel = Panel(hand={"maintenance": 14})
    panel.poll(300)
    panel.press(14, 5200)
    assert panel.hand.maintenance is True and panel.meter.maintenance == 30
