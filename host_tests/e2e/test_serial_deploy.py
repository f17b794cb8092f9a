"""From nothing but MicroPython to a running meter, over the serial port."""

from base64 import b64encode

import pytest
from typer.testing import CliRunner

import serial_kit as kit
from thoroughness import one_in
from umeter_deploy import files, link, parts
from umeter_deploy.cli import app
from umeter_deploy.deploy import deploy
from umeter_deploy.link import Link, LinkError
from umeter_deploy.monitor import listen
from umeter_sim.paths import BOARDS

SPEED = 16


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """A board that has been deployed to once, and the bytes that this took."""
    with kit.bare_board(tmp_path_factory.mktemp("bare"), speed=SPEED) as board:
        with Link(board.port) as there:
            first = deploy(there, kit.software(), kit.documents())
        assert first.files == len(kit.software()) + 4
        assert first.said == "umeter 0.1.0 runs: meter m1"
        yield board


def deployed(board, software=None, documents=None, **more):
    with Link(board.port) as there:
        return deploy(there, software or kit.software(), documents or kit.documents(), **more)


def altered(*names):
    """The software with another version of some modules, which does the same."""
    return kit.software() | {name: kit.software()[name] + b"\0" for name in names}


def slot_of(board):
    return kit.mpremote(board, "fs", "cat", ":slot")


def test_a_board_that_has_it_all_is_sent_nothing(board):
    again = deployed(board)
    assert (again.sent, again.files, again.copied) == (0, 0, 0)
    assert again.said


def test_a_change_is_all_that_is_sent_and_goes_to_the_other_slot(board):
    before = deployed(board).slot
    name = "umeter/core/tell.mpy"
    software = altered(name)
    done = deployed(board, software)
    assert (done.files, done.sent) == (1, len(software[name]))
    assert done.copied == len(software) - 1
    assert done.slot != before
    assert slot_of(board) == f"{done.slot} good"
    back = deployed(board)
    assert (back.files, back.sent, back.slot) == (0, 0, before), "it lay there still"


def test_another_site_is_sent_alone(board):
    site = {**kit.SITE, "wifi": [{"ssid": "another", "password": "a password"}]}
    done = deployed(board, documents=kit.documents(site=site))
    assert (done.files, done.copied) == (1, 0)
    assert deployed(board).files == 1


CHANGED = ("umeter/net/reading.mpy", "umeter/core/tell.mpy", "umeter/core/life.mpy")


@pytest.mark.parametrize("pieces", one_in(3, [0, 1, 3]))
def test_a_copy_that_is_cut_leaves_the_old_software_running(board, pieces):
    running = deployed(board).slot
    calls = []

    def cut(done, whole):
        calls.append(done)
        if len(calls) > pieces:
            raise LinkError("the cable is out")

    since = len(board.said)
    with pytest.raises(LinkError, match="cable"):
        deployed(board, altered(*CHANGED), progress=cut)
    kit.said(board, "maintenance, contacts", since)
    kit.said(board, "runs: meter m1", since)
    assert slot_of(board) == f"{running} good"


@pytest.mark.slow
def test_a_program_that_is_killed_leaves_the_board_to_its_watchdog(board):
    running = deployed(board).slot
    there = Link(board.port)

    def killed(done, whole):
        if done:
            there._transport.serial.close()

    with pytest.raises(LinkError, match="does not answer"):
        deploy(there, altered(*CHANGED), kit.documents(), killed)
    since = len(board.said)
    board.sim.set_speed(3000)
    kit.said(board, "runs: meter m1", since)
    board.sim.set_speed(SPEED)
    assert slot_of(board) == f"{running} good"
    assert deployed(board).files == 0


@pytest.mark.slow
def test_what_arrives_damaged_is_not_run(board, monkeypatch):
    running = deployed(board).slot
    monkeypatch.setattr(link, "b64encode", lambda piece: b64encode(piece[:-1] + b"?"))
    with pytest.raises(LinkError, match="not what was sent"):
        deployed(board, altered("umeter/core/watch.mpy"))
    assert slot_of(board) == f"{running} good"


def test_a_board_with_another_mpy_format_is_refused(board):
    software = dict(kit.software())
    first = next(iter(software))
    software[first] = b"M\x09" + software[first][2:]
    with pytest.raises(LinkError, match="version 6, these have 9"):
        deployed(board, software)


def test_the_monitor_shows_lines_and_channels_and_stops_nothing(board):
    boot = None
    for heard in listen(board.port):
        if isinstance(heard, dict):
            assert len(heard["energy_wh"]) == 8
            assert boot in (None, heard["boot"])
            if boot is not None:
                break
            boot = heard["boot"]
    assert kit.reading(board)["boot"] == boot


@pytest.mark.slow
def test_a_board_of_other_parts_runs_with_no_more_than_they_need(tmp_path):
    folder = BOARDS / "circuitsetup_6ch"  # SPI, buttons, a display
    document = files.read(folder / "board.json")
    software = parts.software(document, kit.SITE)
    with kit.bare_board(tmp_path, board_dir=folder, speed=SPEED) as board:
        done = deployed(board, software, kit.documents(document))
        assert done.said == "umeter 0.1.0 runs: meter m1"
        assert len(kit.reading(board)["energy_wh"]) == 6


def test_the_commands_of_the_command_line(board, tmp_path):
    (tmp_path / "site.json").write_text(kit.documents()["site.json"].decode())
    words = ["deploy", "--port", board.port, str(BOARDS / "sim8"), str(tmp_path)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "Nothing had changed, nothing was copied" in done.output
    done = CliRunner().invoke(app, ["deploy", "--port", "/dev/null", *words[3:]])
    assert done.exit_code == 1
    assert "flash the board first" in done.output or "cannot be opened" in done.output
