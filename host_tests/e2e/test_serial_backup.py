"""A meter's books from one board to another over the serial port, and never back in time."""

import time

import pytest
from typer.testing import CliRunner

import serial_kit as kit
from umeter_deploy import backup as backups
from umeter_deploy import journal_books, restoring
from umeter_deploy.cli import app
from umeter_deploy.link import Link, LinkError
from umeter_deploy.onboard_script import Script
from umeter_sim.serial_port import SerialBoard

SPEED = 30


def umeter(*words):
    done = CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "150"})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A backup of a board that runs on after it."""
    folder = tmp_path_factory.mktemp("backup")
    file = folder / "m1.backup"
    with kit.fed_board(folder, speed=SPEED) as board:
        kit.said(board, "runs: meter m1")
        kit.reading(board)
        done = umeter("backup", file, "--port", board.port)
        assert done.exit_code == 0, done.output
        since = len(board.said)
        kit.said(board, "runs: meter m1", since)
        yield board, file


def balances(cells):
    return [channel.balance_u for channel in journal_books.read(cells).channels]


def test_a_backup_is_the_journal_that_the_board_has_and_names_its_software(saved):
    board, file = saved
    found = backups.read(file)
    assert len(found.journal) == 64 * 4096
    assert all(8_900_000 < balance <= 9_000_000 for balance in balances(found.journal))
    assert found.about["meter"] == "m1" and found.about["board"] == "sim8"
    program = (
        "import umeter\nfrom umeter.hal.software import digest\nprint(digest(umeter.__path__))"
    )
    assert found.about["software"] == kit.mpremote(board, "exec", program).strip()


def test_a_board_that_has_gone_on_is_left_alone(saved):
    board, file = saved
    since = len(board.said)
    with Link(board.port):  # whoever had its prompt before: this one restarts it
        pass
    kit.said(board, "runs: meter m1", since)
    charged_u = sum(c.charged_u for c in journal_books.read(backups.read(file).journal).channels)
    end_s = time.monotonic() + 60
    while sum(kit.reading(board)["charged_total_u"]) <= charged_u and time.monotonic() < end_s:
        time.sleep(0.2)
    done = umeter("restore", file, "--port", board.port, "--confirm")
    assert done.exit_code == 1 and "The board's own journal is newer" in done.stderr, done.output


def stop_at(piece):
    def progress(done, whole):
        if done == piece:
            raise LinkError("somebody has stopped it")

    return progress


def stopped_restore(board, backup, piece):
    """The tool ends before this piece, the board restarts."""
    with Link(board.port) as there:
        script = Script(there, "sectors")
        cells = backups.journal(script, lambda *_: None)
        past, present = map(journal_books.read, (backup.journal, cells))
        flash = restoring.BoardFlash(script)
        with pytest.raises(LinkError, match="stopped"):
            restoring.put(flash, len(cells), past, present, stop_at(piece))


def test_a_board_in_place_of_a_dead_one_sells_on(saved, tmp_path):
    _, file = saved
    past = journal_books.read(backups.read(file).journal)
    with SerialBoard(site=kit.SITE, workdir=tmp_path, speed=SPEED) as board:
        kit.said(board, "runs: meter m1")
        for piece in (0, 2):
            since = len(board.said)
            stopped_restore(board, backups.read(file), piece)
            kit.said(board, "runs: meter m1", since)
            assert balances(board.sim.flash()) == [0] * 8
        since = len(board.said)
        done = umeter("restore", file, "--port", board.port, "--confirm")
        assert done.exit_code == 0, done.output
        kit.said(board, "runs: meter m1", since)
        told = kit.reading(board)
        for ch, channel in enumerate(past.channels):
            assert told["credited_total_u"][ch] == 9_000_000
            assert channel.balance_u - 20_000 < told["balance_u"][ch] <= channel.balance_u
            assert told["energy_wh"][ch] >= channel.wh
        assert told["boot"] == past.boot + 1001
