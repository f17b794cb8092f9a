"""Loads, contacts, time, and what survives the end of the power."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulated_chip import RELAY_PINS, START_UNIX, Chip, board
from thoroughness import share

UNITS_PER_WH = 36_000_000
HOURS = share(24, 8)


def units(truth):
    return truth["wh"] * UNITS_PER_WH + truth["residual"]


def test_a_load_draws_only_while_its_contact_is_closed():
    chip = Chip(loads=[1000])
    chip.pass_ms(5_000)
    assert units(chip.truth(1)) == 0
    pin = chip.close(1)
    chip.pass_ms(7_321)
    pin.off()
    chip.pass_ms(5_000)
    assert units(chip.truth(1)) == 1000 * 7_321
    assert units(chip.truth(2)) == 0
    assert chip.edges == [(1, True), (1, False)]


@given(
    steps=st.lists(st.integers(1, 20_000), min_size=1, max_size=12), load=st.integers(0, 250_000)
)
def test_energy_is_exact_however_time_is_cut(steps, load):
    chip = Chip(loads=[load])
    chip.close(2)
    for ms in steps:
        chip.pass_ms(ms)
        assert chip.truth(2)["power_dw"] == load
    assert units(chip.truth(2)) == load * sum(steps)
    assert chip.truth(2)["pzem_wh"] == load * sum(steps) // UNITS_PER_WH


def test_an_active_low_relay_is_open_at_power_up_and_closes_at_low():
    relays = {"type": "gpio", "pins": list(RELAY_PINS), "active": "low"}
    chip = Chip(board=board(relays=relays))
    pin = chip.machine.Pin(23, chip.machine.Pin.OUT, value=1)
    assert not chip.truth(5)["contact"]
    pin.value(0)
    assert chip.truth(5)["contact"]


def test_a_welded_contact_feeds_on():
    chip = Chip(loads=[1000])
    pin = chip.close(1)
    chip.ask("fault", kind="welded", ch=1, value=True)
    pin.off()
    chip.pass_ms(1000)
    truth = chip.truth(1)
    assert truth["contact"] and not truth["relay"] and units(truth) == 1000 * 1000


def test_profiles_repeat_by_its_seed_and_differs_by_another():
    def hours(seed):
        chip = Chip(loads=["household", "fridge", "shop", "night", "kiosk"], seed=seed)
        for channel in range(1, 6):
            chip.close(channel)
        chip.pass_ms(HOURS * 3_600_000)
        return [units(chip.truth(channel)) for channel in range(1, 6)]

    first = hours(1)
    assert first == hours(1)
    assert first != hours(2)
    assert all(12 * HOURS * UNITS_PER_WH < drawn < 40_000 * UNITS_PER_WH for drawn in first)


def test_questions_that_make_no_sense_are_answered_with_a_sentence():
    chip = Chip()
    for question in (
        {"op": "what"},
        {"op": "load", "ch": 1, "want": "casino"},
        {"op": "load", "ch": 9, "want": 1},
        {"op": "fault", "kind": "gremlin", "ch": 1},
        {"op": "net", "wormhole": True},
    ):
        assert len(chip.ask(**question)["error"]) > 20


def test_ticks_wrap_and_the_world_does_not():
    chip = Chip()
    w = chip.world.world
    w.ticks = (1 << 30) - 300
    w._plan()
    before = chip.time.ticks_ms()
    chip.close(1)
    chip.site.site.settle()
    chip.pass_ms(1000)
    assert chip.time.ticks_ms() == 700
    assert chip.time.ticks_diff(chip.time.ticks_ms(), before) == 1000
    assert w.elapsed_ms() == 1000


@given(st.integers(0, 1_700_000_000))
def test_calendar_there_and_back(seconds):
    time = Chip().time
    assert time.mktime(time.gmtime(seconds)) == seconds


def test_calendar_against_a_known_day():
    assert Chip().time.gmtime(START_UNIX - 946_684_800) == (2026, 3, 2, 6, 0, 0, 0, 61)


def test_everything_raises_after_a_power_cut():
    chip = Chip()
    m = chip.machine
    pin, uart, wdt = chip.close(1), m.UART(1, 9600), m.WDT(timeout=8000)
    counter = m.Counter(0, m.Pin(14, m.Pin.IN))
    sock, wlan = chip.socket.socket(), chip.network.WLAN(0)
    poll, partition = chip.select.poll(), chip.esp32.Partition("journal")
    chip.control.cut_power()
    calls = [
        pin.on,
        pin.value,
        uart.any,
        lambda: uart.write(b"x"),
        lambda: uart.readinto(bytearray(1)),
        counter.value,
        wdt.feed,
        m.reset,
        m.idle,
        m.RTC().memory,
        m.RTC().datetime,
        lambda: m.Pin(2, m.Pin.OUT, value=1),
        chip.time.ticks_ms,
        chip.time.time,
        lambda: chip.time.sleep_ms(1),
        chip.socket.socket,
        sock.close,
        lambda: sock.read(1),
        lambda: sock.write(b"x"),
        lambda: sock.connect(("127.0.0.1", 1)),
        lambda: chip.socket.getaddrinfo("127.0.0.1", 1),
        lambda: poll.poll(0),
        wlan.isconnected,
        lambda: partition.readblocks(0, bytearray(1)),
        lambda: partition.writeblocks(0, b"x", 0),
        lambda: partition.ioctl(6, 0),
    ]
    for call in calls:
        with pytest.raises(chip.world.PowerCut):
            call()
    assert not chip.truth(1)["contact"] and chip.edges == [(1, True), (1, False)]


def test_an_ordered_power_cut_comes_in_the_middle_of_a_sleep():
    chip = Chip(loads=[1000])
    chip.close(1)
    chip.ask("fault", kind="power_cut", after_ms=1234)
    with pytest.raises(chip.world.PowerCut):
        chip.time.sleep(60)
    assert chip.world.world.elapsed_ms() == 1234
    chip.control.cut_power()
    assert units(chip.truth(1)) == 1000 * 1234


def test_the_watchdog_resets_a_board_that_does_not_feed_it():
    chip = Chip()
    wdt = chip.machine.WDT(timeout=2000)
    for _ in range(5):
        chip.pass_ms(1999)
        wdt.feed()
    with pytest.raises(chip.world.BoardReset) as reset:
        chip.pass_ms(2000)
    assert reset.value.args[0] == chip.machine.WDT_RESET


def after(chip, off_ms=0):
    return Chip(state=chip.control.state(off_ms), loads=[1000])


def test_a_power_cut_keeps_the_site_and_forgets_the_chip():
    chip = Chip(loads=[1000])
    chip.close(1)
    chip.machine.RTC().datetime((2026, 3, 2, 0, 6, 0, 0, 0))
    chip.machine.RTC().memory(b"warm")
    chip.pass_ms(60_000)
    chip.control.cut_power()
    later = after(chip, off_ms=3_600_000)
    assert later.world.world.elapsed_ms() == 3_660_000
    assert units(later.truth(1)) == 1000 * 60_000 and not later.truth(1)["relay"]
    assert later.machine.reset_cause() == later.machine.PWRON_RESET
    assert later.machine.RTC().memory() == b""
    assert later.machine.RTC().datetime()[0] == 2000
    assert later.time.ticks_ms() == 0


def test_a_reset_keeps_the_clock_and_its_memory():
    chip = Chip(loads=[1000])
    chip.machine.RTC().datetime((2026, 3, 2, 0, 6, 0, 0, 0))
    chip.machine.RTC().memory(b"warm")
    chip.pass_ms(60_000)
    chip.control.reset(chip.machine.WDT_RESET)
    later = after(chip)
    assert later.machine.reset_cause() == later.machine.WDT_RESET
    assert later.machine.RTC().memory() == b"warm"
    assert later.machine.RTC().datetime() == (2026, 3, 2, 0, 6, 1, 0, 0)


def test_the_random_numbers_go_on_after_a_cut():
    chip = Chip()
    chip.control.cut_power()
    state = chip.control.state(0)
    assert Chip(state=state).random.getrandbits(30) == chip.random.getrandbits(30)
