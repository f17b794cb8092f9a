"""The whole meter on flash: restore, tick, commit, power cuts."""

import random
import struct

import pytest

from fakes_core import Board, Flash, PowerCut
from umeter.core.book import Book
from umeter.core.energy import UNITS_PER_WH as WH
from umeter.core.journal import Journal
from umeter.core.replay import KEY, window_of
from umeter.core.supply import BOOT, CREDIT, FAULT, OPERATOR

KW = 10_000
SOLD_U = 50_000_000


def started(channels=8, power_dw=KW, flash=None):
    """A board with credit on every channel, all contacts closed."""
    board = Board(flash, channels)
    assert board.meter.restore() is True
    for index in range(channels):
        board.credit(index, SOLD_U)
    board.meter.commit()
    for chip in board.chips:
        chip.power_dw = power_dw
    board.run(9000)
    assert all(board.relays.closed)
    return board


def energy(board):
    return [channel.register.wh * WH + channel.register.residual for channel in board.channels]


def test_first_boot_is_open_and_empty():
    board = Board()
    board.run(10_000)
    assert [channel.claims for channel in board.channels] == [BOOT] * 8
    assert board.meter.restore() is True
    assert board.meter.boot == 1
    board.run(10_000)
    assert [channel.claims for channel in board.channels] == [CREDIT] * 8
    assert not any(board.relays.closed)
    assert board.codes() == ["boot"]


def test_a_front_end_that_never_reads_feeds_nobody():
    board = Board(channels=1)
    board.meter.restore()
    board.chips[0].alive = False
    board.credit(0, 5_000_000)
    board.run(4900)
    assert board.channels[0].claims == BOOT
    board.run(100)
    assert board.channels[0].claims == FAULT
    board.run(60_000)
    assert not board.channels[0].contact
    board.chips[0].alive = True
    board.run(10_000)
    assert board.channels[0].claims == 0 and board.channels[0].contact


def test_contacts_close_one_after_another_and_are_told():
    board = started()
    assert board.relays.log[-8:] == [(i, True) for i in range(8)]
    assert board.codes().count("contact.close") == 8
    assert board.codes(3) == ["credit.back", "contact.close"]


def test_registers_and_charges_equal_the_truth_after_an_hour():
    board = started()
    rng = random.Random(3)
    for _ in range(60):
        for chip in board.chips:
            chip.power_dw = rng.randrange(4 * KW)
        board.run(60_000)
    for channel, chip, units in zip(board.channels, board.chips, energy(board), strict=True):
        assert abs(units - chip.units) <= WH
        assert channel.account.charged_total_u == units * 200_000 // 36_000_000_000


def test_a_power_cut_loses_at_most_four_wh_and_what_the_chips_keep_is_recovered():
    board = started()
    rng = random.Random(5)
    for _ in range(12):
        for chip in board.chips:
            chip.power_dw = rng.randrange(3 * KW)
        board.run(100 * rng.randrange(1, 400))
        before = energy(board)
        after = board.next_boot()
        assert after.meter.restore() is False
        assert 0 <= sum(before) - sum(energy(after)) <= 4 * WH
        after.run(10_000)
        assert "register.jump" not in after.codes()
        for channel, chip, units in zip(after.channels, after.chips, energy(after), strict=True):
            assert abs(units - chip.units) <= WH
            assert channel.account.credited_total_u == SOLD_U
            assert channel.account.charged_total_u == units * 200_000 // 36_000_000_000
        board = after


def test_a_register_that_moved_more_than_a_minute_can_explain_is_quarantined_at_boot():
    board = started(channels=2)
    board.meter.commit()
    board.chips[0].units += 2000 * WH
    after = board.next_boot()
    after.meter.restore()
    booked = after.channels[0].register.wh
    after.run(3000)
    jumps = [event for event in after.events._ring if event[2] == "register.jump"]
    assert [event[3:5] for event in jumps] == [(1, 2000)]
    assert after.channels[0].register.wh - booked <= 1


def test_a_cut_in_a_commit_keeps_money_book_and_command_together():
    """At some of its bytes; test_cut_meter tries all, but does not change a book by itself."""
    first = started(channels=1)
    cells = bytes(first.flash.cells)
    plenty = 1 << 20

    def consumed_after(budget):
        board = Board(Flash(), 1, [first.chips[0].units])
        board.flash.cells[:] = cells
        board.meter.restore()
        window = window_of(board.meter.journal)
        window.record(7, 1)
        book = Book(board.meter, board.channels[0])
        book.account = 77
        book.save()
        board.credit(0, 7_000_000)
        board.flash.budget = budget
        try:
            board.meter.commit({KEY: window.pack()})
        except PowerCut:
            pass
        left = board.flash.budget
        after = board.next_boot()
        after.meter.restore()
        consumed = window_of(after.meter.journal).outcome(7) == 1
        credited_u = after.channels[0].account.credited_total_u
        assert credited_u == SOLD_U + (7_000_000 if consumed else 0)
        assert Book(after.meter, after.channels[0]).account == (77 if consumed else 0)
        return consumed, budget - left

    done, total = consumed_after(plenty)
    assert done and total > 300
    for budget in [*range(0, total, 9), total - 2, total - 1]:
        assert consumed_after(budget) == (False, budget)
    assert consumed_after(total) == (True, total)


def test_a_failing_flash_changes_nothing_and_is_told_once():
    board = started()
    board.flash.stuck = range(board.flash.size)
    with pytest.raises(OSError, match="flash"):
        board.meter.commit({"x": b"x"})
    assert board.meter.journal.get("x") is None
    erases = sum(board.flash.erases)
    board.run(60_000)
    assert board.codes().count("journal.failed") == 1
    assert sum(board.flash.erases) - erases <= 7
    assert all(board.relays.closed)
    board.flash.stuck = ()
    board.run(11_000)
    assert board.next_boot().meter.restore() is False


def test_a_damaged_journal_falls_back_and_is_told():
    board = started()
    while board.meter.journal._newest == 0:
        board.meter.commit()
    board.flash.cells[4096 + 20] ^= 1
    after = board.next_boot()
    assert after.meter.restore() is False
    assert after.codes() == ["boot", "journal.damaged"]
    assert after.channels[0].account.credited_total_u in (0, SOLD_U)


def test_commits_come_by_energy_or_by_the_minute():
    board = started(channels=1, power_dw=100)  # 10 W: 0.17 Wh a minute
    board.meter.commit()
    before = board.meter.journal.sequence
    board.run(600_000)
    assert board.meter.journal.sequence - before == 10
    board.chips[0].power_dw = 36 * 1000  # 1 Wh a second
    board.run(2000)
    before = board.meter.journal.sequence
    board.run(30_000)
    assert board.meter.journal.sequence - before == 10


def test_operator_outlives_a_power_cut_and_a_credit():
    board = started(channels=2)
    board.operator(1, True)
    board.meter.commit()
    board.run(100)
    assert board.relays.closed == [True, False]
    after = board.next_boot()
    after.meter.restore()
    after.run(10_000)
    assert after.channels[1].claims == OPERATOR
    assert after.relays.closed == [True, False]
    after.operator(1, False)
    after.run(5000)
    assert after.relays.closed == [True, True]


def test_only_the_channel_that_runs_out_is_cut_in_its_tick():
    board = started()
    account = board.channels[2].account
    account.charge(account.balance_u - 2000)  # 10 Wh are left
    for _ in range(1000):
        board.run(100)
        assert bool(board.channels[2].contact) == (account.balance_u > 0)
        if account.balance_u <= 0:
            break
    assert [i for i, closed in enumerate(board.relays.closed) if not closed] == [2]
    assert board.codes(3)[-2:] == ["credit.out", "contact.open"]
    board.credit(2, 1_000_000)
    assert board.channels[2].claims == 0
    board.run(5000)
    assert all(board.relays.closed)


def test_boots_and_event_numbers_only_grow():
    board = Board()
    used = set()
    for boot in range(1, 6):
        board.meter.restore()
        assert board.meter.boot == boot
        for _ in range(300):
            board.meter.event("test")
            board.run(100)
        numbers = {event[0] for event in board.events._ring}
        assert not numbers & used
        used |= set(range(min(numbers), max(numbers) + 1))
        board = board.next_boot()


def test_settings_are_restored_and_take_effect():
    board = Board()
    board.meter.restore()
    changes = {"report_s": 5, "dwell_ms": 0, "ch.2.price_u_per_kwh": 7, "fault_s": 30}
    board.meter.settings.apply(changes, 3)
    board.meter.commit({"s": board.meter.settings.to_json()})
    after = board.next_boot()
    after.meter.restore()
    assert after.meter.settings.version == 3
    assert [channel.tariff.price_u_per_kwh for channel in after.channels[:3]] == [
        200_000,
        7,
        200_000,
    ]
    assert after.channels[0].fault_ms == 30_000
    assert after.supply.dwell_ms == 0
    after.run(4900)
    assert not after.meter.reading_due
    after.run(100)
    assert after.meter.reading_due


def test_a_record_of_a_later_format_keeps_the_contacts_open():
    board = started(channels=1)
    board.meter.journal.commit({"c0": b"\x09" + bytes(43)})
    after = board.next_boot()
    with pytest.raises(ValueError, match="format"):
        after.meter.restore()
    after.run(10_000)
    assert after.relays.closed == [False]


def test_the_longest_gap_and_the_clock_are_kept():
    board = Board(channels=1)
    board.meter.now_ms = (1 << 30) - 50
    board.meter.restore()
    board.meter.tick(100, 1234)
    board.meter.tick(700, 1235)
    board.meter.tick(100, 1235)
    assert board.meter.worst_gap_ms == 700
    assert board.meter.now_ms == 850
    assert board.meter.ticks == 3
    board.meter.event("clock.set")
    assert board.events._ring[-1][1] == 1235


def test_boot_number_is_little_endian_in_the_journal():
    flash = Flash()
    Board(flash).meter.restore()
    Board(flash).meter.restore()
    assert Journal(flash).load()["b"] == struct.pack("<I", 2)


def test_an_account_of_a_later_format_is_refused_at_the_boot():
    board = Board()
    board.meter.restore()
    board.meter.commit({"a3": b"\x02" + bytes(300)})
    with pytest.raises(ValueError, match="account record"):
        board.next_boot().meter.restore()


def test_a_boot_has_a_minute_to_learn_the_time_before_the_fallback_rate_is_told():
    board = Board(channels=1)
    board.meter.restore()
    tariff = {"prices": [[100_000, 200_000]], "tables": [[[[0, 1], [700, 2]]]]}
    board.meter.settings.apply({"tariff": tariff}, 1)
    board.meter.configure(board.meter.settings)
    board.run(58_000, 1000)
    assert "tariff.fallback" not in board.codes()
    board.run(10_000, 1000)
    assert board.codes().count("tariff.fallback") == 1
    board.run(7_200_000, 1000)
    assert board.codes().count("tariff.fallback") == 1
