"""Latching relays: one coil at a time, whatever is ordered and however late the ticks come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_kit import Rig, document
from umeter_sim.paths import BOARD_SIDE, FIRMWARE, SHIMS
from umeter_sim.runtimes.namespace import Namespace

RELAYS = {"type": "latching", "coils": 2, "active": "high", "pins": [[16, 17], [18, 19], [23, 25]]}
BRIDGES = {**RELAYS, "coils": 1, "active": "low", "pulse_ms": 60, "gap_ms": 0}


@pytest.fixture(params=[RELAYS, BRIDGES], ids=["two coils", "one coil"])
def rig(request, tmp_path):
    return Rig(tmp_path, document(request.param))


def test_boot_pulses_all_open_one_after_the_other(rig):
    assert all(rig.closed), "as they are shipped"
    rig.boot()
    assert not any(rig.closed)
    assert rig.device.most == 1


def test_the_driver_alone_opens_all_too(rig):
    rig.start()
    rig.run(2000)
    assert not any(rig.closed)
    rig.run(5000)
    assert rig.device.most == 1 and rig.device.longest_ms == 100


def test_orders_are_queued_and_the_gap_is_kept(tmp_path):
    rig = Rig(tmp_path, document(RELAYS)).boot().start()
    rig.run(2000)
    rig.device.shortest_gap_ms = -1
    rig.close(0, 1, 2)
    rig.run(100)
    assert not any(rig.closed), "the first pulse has begun"
    rig.run(900)
    assert all(rig.closed)
    assert rig.device.shortest_gap_ms >= 200 and rig.device.longest_ms == 100


def test_who_is_cut_goes_first(tmp_path):
    rig = Rig(tmp_path, document(RELAYS)).boot().start()
    rig.run(2000)
    rig.close(2)
    rig.run(1000)
    rig.close(0, 1)
    rig.relays.set(2, False)
    del rig.edges[:]
    rig.run(2000)
    assert rig.edges == [(3, False), (1, True), (2, True)]


def test_the_newest_wish_wins(rig):
    rig.boot().start()
    rig.run(2000)
    del rig.edges[:]
    for closed in (True, False, True, False):
        rig.relays.set(1, closed)
    rig.run(2000)
    assert rig.edges == []
    rig.relays.set(1, True)
    rig.run(100)
    rig.relays.set(1, False)  # in the middle of its pulse
    rig.run(2000)
    assert rig.edges == [(2, True), (2, False)]


def test_a_contact_stays_through_reset_and_power_cut(rig):
    rig.boot().start()
    rig.run(2000)
    rig.close(1)
    rig.run(1000)
    for again in (rig.restarted(), rig.powered_again()):
        assert again.closed == [False, True, False]
        again.boot()
        assert not any(again.closed)


def test_a_pulse_that_a_hang_prolongs_ends_with_the_reset(tmp_path):
    rig = Rig(tmp_path, document(RELAYS)).boot().start()
    rig.run(2000)
    rig.close(0)
    rig.run(100)
    rig.chip.pass_ms(8000)  # nobody polls; then the watchdog
    again = rig.restarted()
    assert rig.device.longest_ms == 8000
    assert again.closed[0]
    again.boot()
    assert not any(again.closed) and again.device.most == 1


class Clock:
    ticks = 0


def bench(active, pulse_ms, gap_ms):
    """The driver on pins that lead straight to the simulated relays."""
    levels = {}

    class Pin:
        OUT = 3

        def __init__(self, number, mode, value):
            self.number = number
            self.value(value)

        def value(self, level):
            levels[self.number] = level
            device.pin_driven(self.number, level)

    clock = Clock()
    relays = {"active": active, "pins": [[0, 1], [2, 3], [4, 5], [6, 7]]}
    machine = type("machine", (), {"Pin": Pin})
    modules = Namespace([SHIMS, BOARD_SIDE, FIRMWARE], {"machine": machine}, None, print)
    device = modules.load("relay_latching").Device(clock, relays, lambda index, closed: None)
    driver = modules.load("umeter.hal.relay_latching")
    high = active == "high"
    return (
        driver.LatchingRelays(Pin, relays["pins"], high, pulse_ms, gap_ms),
        device,
        clock,
        levels,
    )


STEP = st.one_of(
    st.tuples(st.just("set"), st.integers(0, 3), st.booleans()),
    st.tuples(st.just("poll"), st.sampled_from([0, 1, 100, 130, 2500]), st.none()),
)


@given(
    st.lists(STEP, max_size=60),
    st.sampled_from(["high", "low"]),
    st.sampled_from([20, 100, 350]),
    st.sampled_from([0, 200]),
)
def test_never_two_coils_and_at_last_what_was_ordered(steps, active, pulse_ms, gap_ms):
    relays, device, clock, levels = bench(active, pulse_ms, gap_ms)
    on = 1 if active == "high" else 0
    wished = [False] * 4
    for what, value, closed in steps:
        if what == "set":
            relays.set(value, closed)
            wished[value] = closed
        else:
            clock.ticks += value
            relays.poll(value)
        assert list(levels.values()).count(on) <= 1
    for _ in range(100):
        clock.ticks += 100
        relays.poll(100)
    assert device.closed == wished
    assert device.most <= 1
    assert on not in levels.values(), "and all coils rest"
    if device.shortest_gap_ms >= 0:
        assert device.shortest_gap_ms >= gap_ms
