"""The pace of a PZEM bus: who is asked when, and what a dead or deaf module costs the others."""

from random import Random

import pytest

from pzem_line import TICK_MS, a_bus, reply, run


def test_eight_modules_are_read_in_eight_ticks():
    bus, line, samples = a_bus({a: reply(a, wh=a * 1000) for a in range(1, 9)})
    run(bus, line, 9)
    assert [s.count for s in samples.values()] == [a * 1000 for a in range(1, 9)]
    run(bus, line, 80)
    assert [s.fresh for s in samples.values()] == [11] * 8


def test_a_dead_module_costs_one_slot_more_and_then_none():
    bus, line, samples = a_bus({a: reply(a) for a in (1, 2, 4)}, addresses=(1, 2, 3, 4))
    run(bus, line, 21)
    assert line.asked() == [1, 2, 3, 3, 4] * 3 + [1, 2, 4] * 2
    assert samples[3].fresh == 0 and samples[3].silent_ms == 21 * TICK_MS
    assert samples[3].bad_frames == 0


def longest_gaps(line, bus, samples, seconds):
    """By address: the longest time between two good readings, ms."""
    last = dict.fromkeys(samples, 0)
    gaps = dict.fromkeys(samples, 0)
    run(bus, line, 2 * len(samples))
    fresh = {address: sample.fresh for address, sample in samples.items()}
    for address in samples:
        last[address] = line.now_ms
    for _ in range(seconds * 1000 // TICK_MS):
        run(bus, line, 1)
        for address, sample in samples.items():
            if sample.fresh != fresh[address]:
                fresh[address] = sample.fresh
                gaps[address] = max(gaps[address], line.now_ms - last[address])
                last[address] = line.now_ms
    return gaps


@pytest.mark.parametrize("dead", range(1, 9))
def test_a_dead_module_delays_no_other_by_more_than_100_ms(dead):
    living = {a: reply(a) for a in range(1, 9)}
    bus, line, samples = a_bus(living, addresses=tuple(range(1, 9)))
    assert set(longest_gaps(line, bus, samples, 5).values()) == {800}
    del living[dead]
    gaps = longest_gaps(line, bus, samples, 60)
    assert max(gap for address, gap in gaps.items() if address != dead) <= 900


@pytest.mark.parametrize("lost", range(6))
def test_one_of_six_frames_lost_and_every_channel_is_read_each_second(lost):
    bus, line, samples = a_bus({a: reply(a) for a in range(1, 9)}, addresses=tuple(range(1, 9)))
    line.loses = lambda number: number % 6 == lost
    assert max(longest_gaps(line, bus, samples, 60).values()) <= 1100


def test_one_of_six_frames_lost_at_random_on_two_buses_of_four():
    for seed in range(20):
        random = Random(seed)
        bus, line, samples = a_bus({a: reply(a) for a in range(1, 5)}, addresses=(1, 2, 3, 4))
        line.loses = lambda number, random=random: random.randrange(6) == 0
        # Four lost in a row would need longer: once in 1300 scans.
        assert max(longest_gaps(line, bus, samples, 20).values()) <= 1500


def test_a_dead_module_rests_and_comes_back():
    bus, line, samples = a_bus({a: reply(a) for a in (1, 2, 4)}, addresses=(1, 2, 3, 4))
    run(bus, line, 15 + 300)
    asked = line.asked()[15:]
    assert asked.count(1) == pytest.approx(asked.count(3) * 10, abs=10)
    assert 9 <= asked.count(3) <= 10
    line.answers[3] = reply(3, wh=7)
    run(bus, line, 31)
    assert samples[3].count == 7
    fresh = samples[3].fresh
    run(bus, line, 40)
    assert samples[3].fresh == fresh + 10


def test_a_bus_without_a_living_module_keeps_asking_once_a_second_each():
    bus, line, samples = a_bus({}, addresses=(1, 2))
    run(bus, line, 13)
    line.requests.clear()
    run(bus, line, 100)
    assert 9 <= line.asked().count(1) <= 11 and 9 <= line.asked().count(2) <= 11
    assert samples[1].silent_ms == 113 * TICK_MS
