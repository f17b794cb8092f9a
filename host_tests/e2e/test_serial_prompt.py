"""The prompt of a board that meters: the real mpremote at its serial port, and what stopping the
meter does to contacts, journal and watchdog.
"""

import time

import pytest

import serial_kit as kit
from umeter_sim.board_api import open_board

READY = "runs: meter m1"


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    with kit.fed_board(tmp_path_factory.mktemp("fed"), speed=8) as board:
        kit.said(board, READY)
        yield board


def running(board):
    """The board, restarted if somebody sits at its prompt, with a contact closed."""
    if not any(kit.contacts(board)):
        since = len(board.said)
        board.sim.reset("hard")
        kit.said(board, READY, since)
        until = time.monotonic() + kit.WITHIN_S
        while not any(kit.contacts(board)) and time.monotonic() < until:
            time.sleep(0.1)
    return board


def test_ctrl_c_makes_the_books_durable_and_opens_every_contact(board):
    running(board)
    assert any(kit.contacts(board))
    boot = kit.reading(board)["boot"]
    before = board.sim.flash("journal")
    since = len(board.said)
    board.sim.type(b"\x03\x03")
    kit.said(board, ">>> ", since)
    assert "KeyboardInterrupt" in kit.said(board, "maintenance, contacts are open", since)
    assert kit.contacts(board) == [False] * 8
    assert board.sim.flash("journal") != before
    running(board)
    assert kit.reading(board)["boot"] == boot + 1


def test_mpremote_lists_reads_and_copies_files(board, tmp_path):
    listed = kit.mpremote(running(board), "fs", "ls")
    assert "boot.py" in listed and "a/" in listed and "frozen" not in listed
    content = bytes(range(256)) * 40
    (tmp_path / "there.bin").write_bytes(content)
    kit.mpremote(board, "resume", "fs", "cp", tmp_path / "there.bin", ":back.bin")
    kit.mpremote(board, "fs", "cp", ":back.bin", tmp_path / "back.bin")
    assert (tmp_path / "back.bin").read_bytes() == content
    assert '"checked"' in kit.mpremote(board, "resume", "fs", "cat", ":board.json")
    kit.mpremote(board, "resume", "fs", "rm", ":back.bin")
    assert "back.bin" not in kit.mpremote(board, "fs", "ls")


@pytest.mark.slow
def test_a_soft_reset_keeps_the_watchdog_and_the_files(board):
    program = "import machine, os; print(machine.reset_cause(), os.listdir('a'))"
    assert kit.mpremote(running(board), "exec", program).strip() == "5 ['umeter']"
    # Thirty minutes of the board's, eight times as fast as ours: too long to wait for here.
    board.sim.set_speed(3000)
    since = len(board.said)
    kit.said(board, READY, since)
    board.sim.set_speed(8)
    assert kit.reading(board)["boot"] > 1


def test_a_soft_reset_at_the_friendly_prompt_starts_the_meter(board):
    running(board)
    since = len(board.said)
    board.sim.type(b"\x03\x03")
    kit.said(board, ">>> ", since)
    board.sim.type(b"6*7\r")
    kit.said(board, "\n42", since)
    board.sim.type(b"\x04")
    text = kit.said(board, READY, since)
    assert "soft reboot" in text


def test_what_is_typed_else_does_not_stop_the_meter(board):
    ticks = kit.reading(running(board))["seq"]
    board.sim.type(b"hello\r\n\x01\x02\x04")
    assert kit.reading(board)["seq"] > ticks


def test_maintenance_that_was_forgotten_ends_by_the_watchdog(tmp_path):
    with open_board(site=kit.SITE, workdir=tmp_path, runtime="cpython") as sim:
        sim.run_for(10_000)
        sim.ask("eval", expression="setattr(app.meter, 'maintenance', 2)")
        sim.run_for(119_000)
        assert sim.ask("meter")["boot"] == 1
        assert any("maintenance" in line for line in sim.log)
        sim.run_for(10_000)
        assert sim.ask("meter")["boot"] == 2
        assert sim.ask("eval", expression="app.meter.cause")["value"] == 3
