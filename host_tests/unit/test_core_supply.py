"""Contacts are moved by claims, and by nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from fakes_core import Relays
from umeter.core.channel import Channel
from umeter.core.sample import Sample
from umeter.core.supply import BOOT, CREDIT, FAULT, OPERATOR, Supply
from umeter_station.words import CLAIM_NAMES


def supply_of(count):
    channels = [Channel(i, Sample(36_000_000), 100_000) for i in range(count)]
    relays = Relays(count)
    return Supply(relays, channels), channels, relays


def test_all_contacts_are_opened_at_once_at_the_start():
    _, _, relays = supply_of(8)
    assert relays.closed == [False] * 8


def test_closings_wait_for_the_dwell_and_follow_each_other():
    supply, channels, relays = supply_of(4)
    for channel in channels:
        channel.claims = 0
    times = {}
    for now_ms in range(100, 10_000, 100):
        supply.tick(100)
        for index, closed in enumerate(relays.closed):
            if closed:
                times.setdefault(index, now_ms)
    assert times == {0: 3000, 1: 3500, 2: 4000, 3: 4500}
    assert relays.log[4:] == [(index, True) for index in range(4)]


def test_opening_waits_for_nothing():
    supply, channels, relays = supply_of(8)
    supply.dwell_ms = 0
    supply.stagger_ms = 100
    for channel in channels:
        channel.claims = 0
    for _ in range(9):
        supply.tick(100)
    assert all(relays.closed)
    for channel in channels:
        channel.claims = FAULT
    supply.tick(0)
    assert not any(relays.closed)


def test_one_claim_is_enough_and_each_is_released_for_itself():
    supply, (channel,), relays = supply_of(1)
    supply.dwell_ms = 0
    channel.claims = CREDIT | OPERATOR
    supply.tick(1000)
    channel.claims &= ~CREDIT
    supply.tick(1000)
    assert relays.closed == [False]
    channel.claims &= ~OPERATOR
    supply.tick(1000)
    assert relays.closed == [True]


def test_the_station_calls_the_bits_by_their_names():
    bits = {"boot": BOOT, "credit": CREDIT, "operator": OPERATOR, "fault": FAULT}
    assert {name: 1 << CLAIM_NAMES.index(name) for name in bits} == bits


STEPS = st.lists(
    st.tuples(st.integers(0, 700), st.lists(st.sampled_from([0, 0, 1, 2, 132]), min_size=3)),
    max_size=80,
)


@given(STEPS)
def test_no_history_of_claims_breaks_the_rules(steps):
    supply, channels, relays = supply_of(3)
    supply.dwell_ms = 1000
    now_ms = 0
    opened_at = [0, 0, 0]
    closed_at = -500
    for dt_ms, claims in steps:
        now_ms += dt_ms
        for channel, bits in zip(channels, claims, strict=False):
            channel.claims = bits
        seen = len(relays.log)
        supply.tick(dt_ms)
        for index, closed in relays.log[seen:]:
            if closed:
                assert now_ms - opened_at[index] >= 1000
                assert now_ms - closed_at >= 500
                closed_at = now_ms
            else:
                opened_at[index] = now_ms
        for channel in channels:
            assert not (channel.claims and relays.closed[channel.index])
            assert channel.contact == relays.closed[channel.index]
