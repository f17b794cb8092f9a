"""Energy past the end of a block: it waits for the next block's price, and costs exactly that."""

import pytest

from fakes_core import in_blocks_u
from umeter.core.channel import DUE_BLOCK, NO_BLOCK, Channel
from umeter.core.energy import UNITS_PER_WH as WH
from umeter.core.sample import Sample

PRICES = (1_234_567, 7_654_321, 99_999_999)
ENDS_WH = (3, 5)


@pytest.fixture
def channel():
    return Channel(0, Sample(WH), 250_000)


@pytest.mark.parametrize(
    "steps",
    [
        (WH, 10 * WH),  # past both ends at once
        (3 * WH, 2 * WH, 1),  # just to them
        (3 * WH - 1, 1, 2 * WH - 1, 1, 1),
        (3 * WH + 1, WH - 7, 8 * WH + 6),
        (123_456_789, 98_765_432, 1_234_567),
    ],
)
def test_what_passes_the_end_of_a_block_waits_for_the_next_price(channel, steps):
    channel.tariff.price_u_per_kwh = PRICES[0]
    channel.block_end_wh = ENDS_WH[0]
    block = total = 0
    for units in steps:
        channel.book(units)
        total += units
        while channel.late or channel.due & DUE_BLOCK:
            # As a turn does: in which block does the energy begin that is not charged yet?
            channel.due = 0
            begun = total - channel.late
            while block < 2 and begun >= ENDS_WH[block] * WH:
                block += 1
            channel.tariff.price_u_per_kwh = PRICES[block]
            channel.block_end_wh = (*ENDS_WH, NO_BLOCK)[block]
            channel.charge_late()
        assert channel.account.charged_total_u == in_blocks_u(PRICES, ENDS_WH, total)
    assert block == 2


def test_what_a_tick_books_twice_past_an_end_waits_once(channel):
    channel.block_end_wh = 3
    channel.book(3 * WH + 5)
    channel.book(7)
    assert channel.late == 12
    channel.tariff.price_u_per_kwh = PRICES[2]
    channel.block_end_wh = NO_BLOCK
    channel.charge_late()
    assert channel.account.charged_total_u == 12 * PRICES[2] // (1000 * WH)
    assert channel.late == 0


def test_nothing_waits_before_the_end_of_a_block(channel):
    channel.block_end_wh = 3
    channel.book(3 * WH - 1)
    assert (channel.late, channel.due) == (0, 0)
    channel.book(1)
    assert (channel.late, channel.due) == (0, DUE_BLOCK)
