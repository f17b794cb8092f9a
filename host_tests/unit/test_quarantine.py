"""Energy that no load can have drawn waits for the operator: kept over power cuts, then booked
and charged exactly, or given up, either way once and told.
"""

from types import SimpleNamespace

import pytest

from fakes_core import Board
from umeter.core.energy import UNITS_PER_WH as WH
from umeter.net.orders import carry_out

PRICE_U = 200_000


class Clock:
    when = 0

    def set(self, when):
        self.when = when


def order(board, n, action, ch=1):
    text = '{"n": %d, "op": "quarantine", "ch": %d, "action": "%s"}' % (n, ch, action)
    return carry_out(text, SimpleNamespace(meter=board.meter, clock=Clock()))


@pytest.fixture
def board():
    """After a boot at which channel 1's register had moved by 2000 Wh."""
    board = Board(channels=2)
    board.meter.restore()
    board.credit(0, 10**9)
    board.meter.commit()
    board.run(3000)
    board.chips[0].units += 2000 * WH
    board = board.next_boot()
    board.meter.restore()
    board.run(3000)
    assert board.codes(1)[0] == "register.jump"
    return board


def booked_wh(board):
    return board.channels[0].register.wh


def test_it_is_kept_over_a_power_cut_and_not_booked(board):
    assert board.channels[0].quarantined == 2000
    for _ in range(2):
        board = board.next_boot()
        board.meter.restore()
        assert board.channels[0].quarantined == 2000
        assert booked_wh(board) == 0
        board.run(3000)
        assert board.codes(1) == ["contact.close"]


@pytest.mark.parametrize("action, wh", [("accept", 2000), ("refuse", 0)])
def test_the_operator_decides_once_and_it_is_told(board, action, wh):
    answer = order(board, 7, action)
    assert (answer["code"], answer["wh"]) == ("applied", 2000)
    assert answer["charged_total_u"] == wh * PRICE_U // 1000
    assert order(board, 7, action)["code"] == "replayed"
    assert order(board, 8, action)["code"] == "not_now"
    told = [event[2:] for event in board.events._ring if event[2].startswith("quarantine")]
    assert told == [("quarantine." + ("accepted" if wh else "refused"), 1, 2000, 0)]
    board = board.next_boot()
    board.meter.restore()
    assert board.channels[0].quarantined == 0
    assert booked_wh(board) == wh
    assert board.channels[0].account.charged_total_u == wh * PRICE_U // 1000


@pytest.mark.parametrize("action", ["accept", "refuse"])
def test_what_cannot_be_committed_is_taken_back(board, action):
    board.flash.stuck = range(board.flash.size)
    assert order(board, 7, action)["code"] == "store"
    assert board.channels[0].quarantined == 2000
    assert booked_wh(board) == 0 and board.channels[0].account.charged_total_u == 0
    board.flash.stuck = ()
    assert order(board, 7, action)["code"] == "applied"


def test_nonsense_is_refused(board):
    assert order(board, 1, "keep")["code"] == "malformed"
    assert order(board, 2, "accept", ch=2)["code"] == "not_now"
    assert order(board, 3, "accept", ch=3)["code"] == "range"


def test_a_register_that_ran_back_and_jumps_add_up(board):
    board.chips[0].units += 500 * WH
    board.run(3000)
    assert board.channels[0].quarantined == 2500
    board.chips[0].units -= 1000 * WH
    board.run(3000)
    assert board.channels[0].quarantined == 2500
    assert "register.reset" in board.codes(1)
    assert order(board, 1, "accept")["wh"] == 2500
    assert booked_wh(board) == 2500
