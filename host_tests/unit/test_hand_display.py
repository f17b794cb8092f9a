"""The display's side of the local hand: a page in a tick, and one that is not always there."""

import pytest

from hand_kit import DARK, Panel

ROW = 128


def taken(panel, ticks):
    """Bytes of the frame that went to the display in each tick."""
    seen = []
    for _ in range(ticks):
        panel.bus.taken.clear()
        panel.poll()
        seen.append(list(panel.bus.taken))
    return seen


def drawn(panel):
    """Does the display show what the frame holds, and anything at all?"""
    return panel.bus.display.shows() == bytes(panel.hand.display.buffer) != bytes(1024)


def test_the_start_screen_is_there_before_the_first_tick():
    panel = Panel()
    assert panel.screen()[0] == "umeter" and drawn(panel)


def test_users_follow_each_other_every_five_seconds():
    panel = Panel()
    seen = []
    for _ in range(200):
        panel.poll()
        seen.append(panel.hand.shown)
    assert seen == [-1] * 49 + [0] * 50 + [1] * 50 + [2] * 50 + [0]


def test_the_network_has_a_screen_only_while_it_is_off():
    panel = Panel()
    panel.hand.session.connected = False
    panel.poll(20_500)
    assert panel.hand.shown == 3 and panel.screen()[0] == "offline"
    panel.hand.session.connected = True
    panel.poll(5000)
    panel.poll(15_000)
    assert panel.hand.shown == 0


def test_a_tick_writes_one_page_at_most_and_only_what_has_changed():
    panel = Panel()
    panel.poll(5300)
    while panel.hand._page_ms:
        panel.poll()
    ticks = taken(panel, 48)
    assert all(len(tick) <= 1 for tick in ticks)
    assert {size for tick in ticks for size in tick} == {ROW}
    # From one user to the next who has as much credit: the number alone, in two pages.
    assert sum(map(len, ticks)) == 2
    assert drawn(panel)


def test_nothing_is_written_between_two_screens():
    panel = Panel()
    panel.poll(6000)
    before = panel.bus.display.written
    panel.poll(3000)
    assert panel.bus.display.written == before


def test_a_display_that_is_missing_is_tried_every_ten_seconds():
    panel = Panel(missing=True)
    tries = []
    really = panel.bus.writeto

    def writeto(address, data):
        tries.append(len(data))
        really(address, data)

    panel.bus.writeto = writeto
    panel.poll(40_000)
    assert 3 <= len(tries) <= 5
    panel.bus.display.missing = False
    panel.poll(11_000)
    assert panel.hand.display.is_there and drawn(panel)


def test_a_display_that_comes_off_is_left_alone_and_drawn_anew_when_it_is_back():
    panel = Panel()
    panel.poll(6000)
    panel.bus.display.missing = True
    panel.poll(6000)
    assert not panel.hand.display.is_there
    panel.bus.display.lose_power()
    panel.bus.display.missing = False
    panel.poll(12_000)
    assert drawn(panel)


def test_a_display_that_lost_its_power_unnoticed_is_lit_again_within_a_minute():
    panel = Panel()
    panel.poll(6000)
    panel.bus.display.lose_power()
    assert not any(panel.bus.display.shows())
    panel.poll(61_000)
    assert drawn(panel)


def test_the_other_address():
    panel = Panel(hand={"display": {"bus": "i2c", "address": 0x3D}})
    assert not panel.hand.display.is_there
    panel.bus.display.address = 0x3D
    panel.poll(11_000)
    assert drawn(panel)


def test_what_draws_does_not_stay():
    panel = Panel()
    panel.poll(6000)
    there = {name for name in panel.modules.modules if "hand" in name}
    assert there == {"hand_scenes", "umeter.hal.hand", "umeter.hal.hand_display"}


def test_a_board_without_a_display_loads_nothing_for_one():
    panel = Panel(hand=DARK)
    panel.poll(6000)
    assert "ssd1306" not in panel.modules.modules
    assert "umeter.hal.hand_display" not in panel.modules.modules


def test_a_screen_that_cannot_be_made_does_not_stop_the_meter():
    panel = Panel()

    def broken(key):
        raise MemoryError

    really = panel.meter.get
    panel.meter.get = broken
    panel.poll(30_000)
    assert 1 <= len(panel.said) <= 2
    panel.meter.get = really
    panel.poll(66_000)
    assert panel.screen()[1] == "1234W" and drawn(panel)


@pytest.mark.parametrize("gpio", [0, 4])
def test_a_selected_user_has_a_bright_head(gpio):
    panel = Panel()
    panel.poll(6500)
    head = panel.bus.display.shows()[:64]
    panel.press(gpio)
    panel.poll(1000)
    bright = panel.bus.display.shows()[:64]
    assert sum(byte.bit_count() for byte in bright) > 256 > sum(b.bit_count() for b in head)
