"""When a meter works its terms out anew, and what becomes of turns and commits that fail."""

import pytest

from fakes_core import Board, in_blocks_u
from umeter.core import meter as meter_module
from umeter.core.channel import DUE_LIMIT, NO_BLOCK
from umeter.core.energy import UNITS_PER_WH as WH
from umeter.core.hot import Hot
from umeter.core.meter import SETTINGS_KEY
from umeter.core.supply import CREDIT, OPERATOR, OVERLOAD
from umeter.core.transient import run

KW = 10_000
NOON = 200_016_000
PRICES = (123_456, 7_654_321, 99_999_999)
ENDS_WH = (1000, 2000)
BLOCKS = {"prices": [[price] for price in PRICES], "blocks_kwh": [1, 2]}


def started(**settings):
    """A board of one channel under load, its contact closed."""
    board = Board(channels=1)
    board.meter.restore()
    configure(board, **settings)
    board.credit(0, 10**12)
    board.chips[0].power_dw = 20
    board.run(9000)
    assert board.channels[0].contact
    return board


def configure(board, **settings):
    board.meter.settings.apply(settings, board.meter.settings.version + 1)
    board.meter.later[SETTINGS_KEY] = board.meter.settings.to_json()
    board.meter.configure(board.meter.settings)


def booked(board):
    return board.channels[0].register.wh * WH + board.channels[0].register.residual


class Turns:
    """Counts the turns of a board by the second of its uptime; they fail while `failing`."""

    def __init__(self, board, monkeypatch):
        self.failing = False
        self.told = []
        self._meter = board.meter
        self._run = meter_module.run
        monkeypatch.setattr(meter_module, "run", self.run)

    def run(self, name, function, *args):
        if name == "core.turn":
            self.told.append((function, self._meter.up_s))
            if self.failing:
                raise MemoryError("as expected")
        return self._run(name, function, *args)


@pytest.fixture
def board():
    return started(tariff=BLOCKS)


@pytest.fixture
def turns(board, monkeypatch):
    return Turns(board, monkeypatch)


def silent_for(board, ms):
    """The front end is silent, and then tells in one tick what was drawn."""
    board.chips[0].alive = False
    board.run(ms)
    board.chips[0].alive = True
    board.chips[0].read()
    board.run(100)


def test_energy_past_two_blocks_in_one_tick_costs_what_it_should(board):
    configure(board, tariff=BLOCKS, fault_s=600)
    board.chips[0].power_dw = 25 * KW
    before = booked(board)
    silent_for(board, 400_000)
    channel = board.channels[0]
    assert before < ENDS_WH[0] * WH and booked(board) > ENDS_WH[1] * WH
    assert channel.account.charged_total_u == in_blocks_u(PRICES, ENDS_WH, booked(board))
    assert (channel.late, channel.due, channel.block_end_wh) == (0, 0, NO_BLOCK)
    assert channel.tariff.price_u_per_kwh == PRICES[2]
    board.run(10_000)
    assert channel.account.charged_total_u == in_blocks_u(PRICES, ENDS_WH, booked(board))


def test_block_by_block_the_charge_is_exact(board):
    board.chips[0].power_dw = 25 * KW
    for _ in range(40):
        board.run(9_700)
        assert board.channels[0].account.charged_total_u == in_blocks_u(
            PRICES, ENDS_WH, booked(board)
        )
    assert booked(board) > ENDS_WH[1] * WH


def test_energy_past_a_block_is_charged_though_the_turn_fails(board, turns):
    configure(board, tariff=BLOCKS, fault_s=600)
    board.chips[0].power_dw = 25 * KW
    turns.failing = True
    silent_for(board, 400_000)
    channel = board.channels[0]
    assert channel.register.wh > ENDS_WH[1]
    # At the price that nobody could change, but all of it.
    assert channel.account.charged_total_u == booked(board) * PRICES[0] // (1000 * WH)
    assert channel.late == 0
    turns.failing = False
    board.run(61_000)
    assert channel.tariff.price_u_per_kwh == PRICES[2] and channel.due == 0


@pytest.mark.parametrize("when", [0, NOON])
def test_a_turn_that_fails_is_told_once_and_tried_again_each_minute(board, turns, when):
    def tick(seconds):
        for _ in range(seconds * 10):
            board.meter.tick(100, when and when + board.meter.up_s)

    tick(1)
    turns.failing = True
    del turns.told[:]
    start_s = board.meter.up_s
    board.meter.turn()
    tick(179)
    assert [up_s - start_s for _, up_s in turns.told] == [0, 60, 120]
    assert board.codes().count("turn.failed") == 1
    turns.failing = False
    tick(2)
    assert turns.told[-1] == ("turn", start_s + 180)
    tick(120)
    assert turns.told[-1][1] == start_s + 180
    turns.failing = True
    board.meter.turn()
    assert board.codes().count("turn.failed") == 2


def test_settings_that_come_while_turns_fail_are_in_force_a_minute_later(board, turns):
    turns.failing = True
    board.meter.turn()
    turns.failing = False
    board.run(30_000)
    configure(board, price_u_per_kwh=777, tariff=None)
    assert board.channels[0].tariff.price_u_per_kwh == PRICES[0]
    board.run(31_000)
    assert board.channels[0].tariff.price_u_per_kwh == 777


def test_what_is_due_waits_for_the_turn_that_works(board, turns):
    channel = board.channels[0]
    configure(board, limit_w=100)
    turns.failing = True
    channel.due |= DUE_LIMIT
    channel.limit_dw = 10
    board.run(30_000)
    assert channel.due == DUE_LIMIT and not channel.claims
    turns.failing = False
    board.run(40_000)
    assert channel.due == 0 and channel.claims == OVERLOAD


def test_a_hand_and_a_step_of_the_clock_are_not_put_off_by_a_failure(board, turns):
    channel = board.channels[0]
    turns.failing = True
    board.meter.turn()
    turns.failing = False
    channel.claims = channel.armed = OVERLOAD
    board.meter.hand(0, False)
    assert channel.claims == 0
    run("core.turn", "stepped", board.meter, NOON, NOON + 86_400)
    assert board.meter.when == NOON + 86_400


def test_a_cover_that_could_not_be_told_is_told_a_minute_later(board, turns):
    turns.failing = True
    board.meter.cover(True)
    board.run(30_000)
    assert "cover.open" not in board.codes()
    assert [function for function, _ in turns.told] == ["cover"]
    turns.failing = False
    board.run(200_000)
    assert board.codes().count("cover.open") == 1


def test_a_turn_comes_each_hour_without_a_clock(board, turns):
    board.meter.turn()
    start_s = board.meter.up_s
    board.run(7_300_000, 1000)
    assert [up_s - start_s for _, up_s in turns.told] == [0, 3600, 7200]


def test_a_turn_comes_when_the_clock_says(board, turns):
    board.meter.tick(100, NOON + 100)
    del turns.told[:]
    board.meter.next_when = NOON + 200
    for second in (150, 199, 200, 201):
        board.meter.tick(100, NOON + second)
    assert [function for function, _ in turns.told] == ["turn"]
    assert NOON + 200 < board.meter.next_when <= NOON + 86_400


def test_by_hand_a_credit_waits_for_the_consumer():
    board = started()
    configure(board, reclose="armed")
    channel = board.channels[0]
    channel.account.charge(channel.account.balance_u)
    board.run(100)
    assert channel.claims == CREDIT and not channel.contact
    board.credit(0, 5_000_000)
    board.run(10_000)
    assert (channel.claims, channel.armed, channel.contact) == (CREDIT, CREDIT, 0)
    board = board.next_boot()
    board.meter.restore()
    board.run(10_000)
    channel = board.channels[0]
    assert (channel.claims, channel.armed) == (CREDIT, CREDIT), "a power cut is no hand"
    channel.claims |= OPERATOR
    board.meter.hand(0, False)
    assert (channel.claims, channel.armed) == (OPERATOR, 0)


class Memory:
    """RTC memory, and how often it was written."""

    def __init__(self):
        self.image = b""
        self.saves = 0

    def __call__(self, image=None):
        if image is None:
            return self.image
        self.image = bytes(image)
        self.saves += 1


def test_nothing_is_kept_hot_while_a_commit_is_due(board):
    memory = Memory()
    hot = Hot(memory, 1)
    meter = board.meter
    meter.commit()
    hot.save(meter)
    assert memory.saves == 1 and meter.is_safe
    meter.urgent()
    hot.save(meter)
    assert memory.saves == 1
    board.run(100)
    hot.save(meter)
    assert memory.saves == 2, "the tick has committed"
    board.flash.stuck = range(board.flash.size)
    board.chips[0].power_dw = 25 * KW  # no commit but for energy
    board.run(3000)
    hot.save(meter)
    assert memory.saves == 2 and "journal.failed" in board.codes()
    board.flash.stuck = ()
    board.run(11_000)
    hot.save(meter)
    assert memory.saves == 3


def test_a_book_that_is_not_durable_is_in_no_hot_image(board):
    """Else a reset would bring back what was charged without the mark up to where it was."""
    memory = Memory()
    meter = board.meter
    configure(board, tariff={"prices": [[0]], "standing_u_per_day": 1000})
    meter.tick(100, NOON)
    hot = Hot(memory, 1)
    hot.save(meter)
    board.flash.stuck = range(board.flash.size)
    charged_u = board.channels[0].account.charged_total_u
    meter.tick(100, NOON + 86_400)
    assert board.channels[0].account.charged_total_u == charged_u + 1000
    hot.save(meter)
    board.flash.stuck = ()
    after = board.next_boot()
    after.meter.hot = Hot(memory, 1)
    after.meter.restore()
    after.meter.tick(100, NOON + 86_400)
    assert after.channels[0].account.charged_total_u == charged_u + 1000, "once"
