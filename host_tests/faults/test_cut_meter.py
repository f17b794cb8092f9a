"""The whole meter under power cuts: after every byte of a scripted day, and at random bytes of
random ones. `make bench` tries more of the latter.
"""

import json

import pytest

from thoroughness import every, share
from umeter_sim import cut_board, cuts
from umeter_sim.cut_board import WH, CutBoard, CutFlash, PowerCut, carry_out

KEPT = [True, False, True]
PRICE = {"price_u_per_kwh": 777_777}
SCRIPT = (
    [("tick",)] * 8
    + [("order", {"op": "credit", "ch": 1, "amount_u": 1_500_000})]
    + [("tick",)] * 4
    + [("order", {"op": "set", "version": 4, "set": PRICE})]
    + [("order", {"op": "credit", "ch": 3, "amount_u": 2_500_000})]
    + [("tick",)] * 4
    + [("order", {"op": "supply", "ch": 2, "state": "open"})]
    + [("prepare",)]
    + [("tick",)] * 6
    + [("order", {"op": "credit", "ch": 1, "amount_u": 3_500_000})]
    + [("tick",)] * 3
)


def powered(cells, torn=(0, 2048)):
    """A board that went on from these cells of flash, its front ends at what they were."""
    board = CutBoard(CutFlash(2, lambda size: torn), KEPT)
    board.flash.cells[:] = cells
    board.power_up()
    board.meter.restore()
    board.powers = [11_000, 9_000, 12_000]
    return board


@pytest.fixture(scope="module")
def evening():
    """The cells of a board with credit, shortly before its sector is full."""
    board = powered(b"\xff" * 8192)
    for ch in (1, 2, 3):
        order(board, {"op": "credit", "ch": ch, "amount_u": 10_000_000, "n": ch})
    while board.meter.journal._tail < 3400:
        board.meter.commit()
    return bytes(board.flash.cells)


def order(board, fields):
    return carry_out(json.dumps(fields).encode(), board)


def follow(board, at):
    """Do the script from at[0] on, one step after the other; an order is done when answered."""
    while at[0] < len(SCRIPT):
        kind, *fields = SCRIPT[at[0]]
        if kind == "tick":
            board.tick(1000)
        elif kind == "prepare":
            board.meter.journal.prepare()
        else:
            answer = order(board, {**fields[0], "n": 100 + at[0]})
            assert "applied" in (answer["code"], answer.get("first"))
        at[0] += 1


def came_back(board):
    """The next meter on this flash. What it finds is what a commit had."""
    before = board.booked()
    board.flash.budget = None
    expected = (board.durable, board.attempt)
    board.power_up()
    board.meter.restore()
    assert board.state() in expected
    lost = [then - now for then, now in zip(before, board.booked(), strict=True)]
    assert min(lost) >= 0 and sum(lost) <= 4 * WH


def credited(board):
    return [channel.account.credited_total_u for channel in board.meter.channels]


def bytes_of_script(evening):
    board = powered(evening)
    board.flash.budget = 1 << 30
    follow(board, [0])
    assert max(board.flash.erased) == 1, "the sector was turned over"
    return (1 << 30) - board.flash.budget


@pytest.mark.parametrize(
    "torn, stride", [((0, 2048), every(13)), ((1000, 4096), cut_board.ERASE_COST // share(8, 4))]
)
def test_a_cut_after_bytes_and_at_every_erase(evening, torn, stride):
    total = bytes_of_script(evening)
    assert total > 1000
    for budget in range(0, total, stride):
        board = powered(evening, torn)
        board.flash.budget = budget
        at = [0]
        with pytest.raises(PowerCut):
            follow(board, at)
        came_back(board)
        follow(board, at)
        assert credited(board) == [15_000_000, 10_000_000, 12_500_000]
        assert board.meter.settings.get("price_u_per_kwh") == 777_777
        assert board.meter.channels[1].claims & 4
        for kept, booked, units in zip(KEPT, board.booked(), board.units, strict=True):
            assert booked < units + WH
            assert booked >= units // WH * WH - (0 if kept else 4 * WH)


def test_thousands_of_random_cuts_some_of_them_during_the_recovery():
    figures = cuts.run(share(5000, 2000), seed=3)
    assert figures["power_cuts_tried"] >= 2000
    assert figures["purchases_lost"] == figures["purchases_doubled"] == 0
    assert 0 < figures["energy_lost_wh_max"] <= 4
    assert figures["energy_invented_wh_max"] == 0


@pytest.mark.parametrize("fault", ["split", "late", "twice"])
def test_the_judge_sees_a_journal_that_is_not_atomic(monkeypatch, fault):
    commit = cut_board._Journal.commit

    def faulty(journal, batch):
        if fault == "split":  # the number is consumed before the money is safe
            for key in sorted(batch, reverse=True):
                commit(journal, {key: batch[key]})
        elif fault == "late":  # answered before it is durable
            commit(journal, journal.__dict__.pop("_late", batch))
            journal._late = batch
        else:
            commit(journal, {key: batch[key] for key in batch if key != "n"})

    monkeypatch.setattr(cut_board._Journal, "commit", faulty)
    with pytest.raises(cuts.Broken):
        cuts.run(3000, seed=3)
