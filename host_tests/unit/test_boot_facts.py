"""What a boot knows of itself: cause, count, uptime, the length of the power cut; and the guard
against boots that do not last.
"""

import types

from fakes_core import Board
from umeter.app import App
from umeter.net import reports
from umeter.net.reading import reading

POWER = 1
WATCHDOG = 3
CLOCK = types.SimpleNamespace(when=0)


def booted(board=None, cause=POWER):
    board = board.next_boot() if board else Board(channels=1)
    board.meter.restore(cause)
    return board


def told(board, code):
    return [event[3:] for event in board.events._ring if event[2] == code]


def turn(board, seconds, when=0):
    for _ in range(seconds * 10):
        board.meter.tick(100, when)


def test_the_cause_and_the_boot_are_told():
    board = booted(booted(), WATCHDOG)
    assert told(board, "boot") == [(0, 2, WATCHDOG)]
    assert reports.status(board.meter, CLOCK, {})["cause"] == "watchdog"
    board.meter.cause = 99
    assert reports.status(board.meter, CLOCK, {})["cause"] == "unknown"


def test_the_uptime_outlives_the_ticks():
    board = booted()
    board.meter.up_s = (1 << 30) // 1000
    board.meter.now_ms = (1 << 30) - 100
    turn(board, 5)
    assert board.meter.now_ms < 5000
    assert reading(board.meter, CLOCK)["up_s"] == (1 << 30) // 1000 + 5


def test_the_length_of_a_power_cut_is_told_once_the_clock_is_set():
    board = booted()
    turn(board, 1, when=200_000_000)
    board.meter.commit()
    board = booted(board)
    turn(board, 20)
    board = booted(board)  # before anybody told the time
    turn(board, 30)
    assert told(board, "power.cut") == []
    turn(board, 1, when=200_003_600)
    turn(board, 1, when=200_003_601)
    assert told(board, "power.cut") == [(0, 3570, 0)]


def test_a_reset_is_no_power_cut():
    board = booted()
    turn(board, 1, when=200_000_000)
    board.meter.commit()
    board = booted(board, WATCHDOG)
    turn(board, 1, when=200_000_100)
    assert told(board, "power.cut") == []


def test_five_boots_without_a_healthy_minute_leave_the_network_alone_for_ten():
    board = booted(cause=WATCHDOG)
    for _ in range(4):
        turn(board, 59)
        board = booted(board, WATCHDOG)
        assert board.meter.safe_ms == 0
    board = booted(board, WATCHDOG)
    assert told(board, "safe.mode") == [(0, 5, 0)]
    turn(board, 599)
    assert board.meter.safe_ms > 0
    turn(board, 1)
    assert board.meter.safe_ms <= 0
    assert booted(board).meter.safe_ms == 0, "that boot was healthy"


def test_a_healthy_minute_is_committed_at_once():
    board = booted()
    for _ in range(8):
        turn(board, 61)
        board = booted(board)
        assert told(board, "safe.mode") == []


def test_in_safe_mode_the_loop_meters_and_leaves_the_network_alone():
    now = [0]
    clock = types.SimpleNamespace(
        when=0,
        ticks_ms=lambda: now[0],
        ticks_diff=lambda a, b: a - b,
        advance=lambda ms: None,
        sleep_ms=lambda ms: now.__setitem__(0, now[0] + ms),
    )
    turns = []
    meter = booted().meter
    meter.safe_ms = 1000
    wifi = types.SimpleNamespace(step=lambda: turns.append(now[0]))
    app = App(meter, clock, wifi, lambda: None)
    app.session = types.SimpleNamespace(step=lambda: False)
    for _ in range(20):
        app.step()
    assert meter.ticks == 19
    assert turns[0] == 1000 and len(turns) == 10


def test_a_failing_supply_commits_at_once_and_once():
    board = booted()
    board.credit(0, 10**9)
    board.meter.commit()
    board.run(9000)
    board.chips[0].power_dw = 20_000
    board.meter.commit()
    clock = types.SimpleNamespace(
        when=0,
        ticks_ms=lambda: 0,
        ticks_diff=lambda a, b: a - b,
        advance=None,
        sleep_ms=lambda ms: slept.append(ms),
    )
    slept = []
    supply = [False]
    app = App(board.meter, clock, None, None, lambda: supply[0])
    board.run(2000)
    before = board.channels[0].register.residual
    sequence = board.meter.journal.sequence
    app.turn()
    assert board.meter.journal.sequence == sequence
    supply[0] = True
    for _ in range(3):
        app.step()  # the network, which is None here, is left alone
    assert slept == [10] * 3
    assert board.meter.journal.sequence == sequence + 1
    assert board.codes().count("power.fail") == 1
    after = booted(board)
    assert after.channels[0].register.residual == before > 0
    supply[0] = False
    app.turn()
    supply[0] = True
    app.turn()
    assert board.codes().count("power.fail") == 2
