"""`umeter doctor` by the real mpremote, on a board whose wires somebody has mixed up."""

import json

import pytest
from typer.testing import CliRunner

import serial_kit as kit
from umeter_deploy.cli import app
from umeter_deploy.doctor_wiring import Limits, Wiring
from umeter_deploy.link import Link
from umeter_sim.build import build_firmware, names_of
from umeter_sim.serial_port import SerialBoard

SPEED = 60
LOADS = [1000, 2000, 3000, 4000, 500, 600, 700, 800]


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    folder = tmp_path_factory.mktemp("doctor")
    with SerialBoard(site=kit.SITE, workdir=folder, speed=SPEED, loads=LOADS) as board:
        kit.said(board, "runs: meter m1")
        yield board


def address(board, ch, value):
    place = f'__import__("site").site.places[{ch - 1}].meter'
    board.sim.ask("eval", expression=f'setattr({place}, "address", {value})')


def doctor(board, *words, said=None):
    """Its output, and exit code; the meter runs again after it."""
    since = len(board.said)
    arguments = ["doctor", *words, "--port", board.port]
    done = CliRunner().invoke(app, arguments, input=said, env={"COLUMNS": "150"})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    kit.said(board, "runs: meter m1", since)
    rows = [" ".join(line.split()) for line in done.stdout.splitlines()]
    return done, rows


def test_a_board_that_is_wired_right_and_meters_on(board):
    earlier = len(board.sim.edges())
    done, rows = doctor(board, "--yes")
    assert done.exit_code == 0, done.output
    assert all(f"{ch} ok" in rows for ch in range(1, 9))
    assert [edge[1] for edge in board.sim.edges()[earlier:] if edge[2]] == list(range(1, 9))
    assert kit.contacts(board) == [False] * 8


@pytest.mark.slow
def test_what_is_mixed_up_is_found(board):
    for ch, value in ((1, 3), (3, 1), (7, 6)):
        address(board, ch, value)
    for kind, ch in (("dead", 4), ("welded", 5), ("jammed", 8)):
        board.sim.ask("fault", kind=kind, ch=ch)
    board.sim.ask("fault", kind="swapped", ch=6, value=4711)
    done, rows = doctor(board, "--yes")
    assert done.exit_code == 1
    assert "1 power on channel 3 instead" in rows and "3 power on channel 1 instead" in rows
    assert "2 ok" in rows
    for start in ("4 silent", "5 does not open", "6 garbled", "7 silent", "8 no power"):
        assert any(row.startswith(start) for row in rows), (start, rows)
    assert "a 4 - - - channel 4: nothing answers" in rows
    assert "a 6 ? ? ? channel 6: garbled, do two modules have this address?" in rows
    assert kit.contacts(board) == [False] * 4 + [True] + [False] * 3, "that one is welded"


@pytest.mark.slow
def test_the_one_that_is_connected_gets_its_address(board):
    address(board, 7, 6)
    done, _ = doctor(board, "address", "--to", "7")
    assert done.exit_code == 1 and "exactly one module" in done.stderr
    for ch in range(1, 9):
        board.sim.ask("fault", kind="dead", ch=ch, value=ch != 7)
    done, rows = doctor(board, "address", "--to", "7")
    assert rows == ["The module had address 6, and has 7 now."]
    done, rows = doctor(board, "--no-wiring")
    assert any(row.startswith("a 7 2") and row.endswith("channel 7") for row in rows)


def test_a_cable_that_is_pulled_leaves_no_contact_closed(board):
    """The board goes on to the end of the trial, and after some minutes alone it meters again."""
    for ch in (1, 3):
        board.sim.ask("fault", kind="dead", ch=ch, value=False)
        address(board, ch, ch)
    edges = len(board.sim.edges())
    there = Link(board.port)
    document = json.loads(there.ask("_read('board.json')"))
    wiring = Wiring(there, document, names_of(build_firmware().folder), Limits())
    since = len(board.said)
    there._transport.exec_raw_no_follow(wiring._script._spoken("try_contact(0, 5000, 3000)"))
    there._transport.serial.close()
    kit.said(board, "runs: meter m1", since)
    assert [edge[1:] for edge in board.sim.edges()[edges:]] == [(1, True), (1, False)]
