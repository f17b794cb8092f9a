"""Energy commits: a channel's record once in a while, in between only what was booked since."""

import random

import pytest

from fakes_core import Board
from thoroughness import share
from umeter.core.channel_record import RECORD_BYTES, pack
from umeter.core.energy import UNITS_PER_WH as WH

KW = 10_000


def packed(board):
    """The whole persistent state of each channel."""
    records = []
    for channel in board.channels:
        record = bytearray(RECORD_BYTES)
        pack(channel, record)
        records.append(bytes(record))
    return records


def started(power_dw=KW, channels=8):
    board = Board(channels=channels)
    board.meter.restore()
    for index in range(channels):
        board.credit(index, 50_000_000)
    board.meter.commit()
    for chip in board.chips:
        chip.power_dw = power_dw
    board.run(9000)
    return board


def watch(board):
    """The batches committed from now on."""
    batches = []
    commit = board.meter.journal.commit

    def spy(batch):
        batches.append(dict(batch))
        commit(batch)

    board.meter.journal.commit = spy
    return batches


def record_bytes(batch):
    return 11 + sum(3 + len(key) + len(value) for key, value in batch.items())


def test_an_energy_commit_of_eight_channels_takes_67_bytes():
    board = started()
    batches = watch(board)
    board.run(100_000)
    assert len(batches) > 50
    energy = [batch for batch in batches if list(batch) == ["e"]]
    assert {record_bytes(batch) for batch in energy} == {67}
    assert len(energy) >= len(batches) - 8


def test_a_channel_gets_a_new_record_before_its_energy_leaves_31_bits():
    board = started(power_dw=20 * KW, channels=1)
    batches = watch(board)
    board.run(600_000)
    assert board.channels[0].register.wh > 3000
    records = sum("c0" in batch for batch in batches)
    assert 3000 // 60 < records < 3000 // 60 + 20


@pytest.mark.parametrize("seed", range(share(8, 3)))
def test_what_is_restored_is_what_was_committed(seed):
    rng = random.Random(seed)
    board = started()
    for turn in range(40):
        for chip in board.chips:
            chip.power_dw = rng.choice((0, 3, 77, KW, 3 * KW))
        board.run(100 * rng.randrange(1, 200))
        index = rng.randrange(8)
        match rng.randrange(8):
            case 0:
                board.credit(index, rng.randrange(1, 10**9))
            case 1:
                board.operator(index, rng.random() < 0.5)
            case 2:  # as an order does: what is committed is not yet in force
                price = {"ch.%d.price_u_per_kwh" % (index + 1): rng.randrange(10**8)}
                board.meter.settings.apply(price, turn)
                board.meter.commit({"s": board.meter.settings.to_json()})
                if rng.random() < 0.5:
                    board.meter.configure(board.meter.settings)
            case 3:
                board.chips[index].units += rng.choice((-500, 900)) * WH
            case 4:
                board.chips[index].alive ^= True
        prices = [channel.tariff.price_u_per_kwh for channel in board.channels]
        board.meter.commit()
        before = packed(board)
        after = board.next_boot()
        cells = bytes(board.flash.cells)
        after.meter.restore()
        for channel, price in zip(after.channels, prices, strict=True):
            channel.tariff.price_u_per_kwh = price
        assert packed(after) == before
        if rng.random() < 0.3:
            after.meter.configure(after.meter.settings)
            board = after
        else:  # as if that boot had not been
            board.flash.cells[:] = cells
