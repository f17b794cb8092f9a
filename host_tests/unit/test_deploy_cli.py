"""`umeter check`: what it says, and what it leaves for the board."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from umeter_deploy import files
from umeter_deploy.cli import app

SIM8 = Path(__file__).resolve().parents[2] / "boards" / "sim8"
NOW_T = 1_790_000_000
SITE = {
    "meter": "m1",
    "key": "ab" * 32,
    "wifi": [{"ssid": "home", "password": "wifi-secret"}],
    "broker": {"host": "broker.lan", "password": "mqtt-secret"},
    "plain_tcp": True,
}


@pytest.fixture(autouse=True)
def now(monkeypatch):
    monkeypatch.setattr("time.time", lambda: NOW_T + 0.5)


@pytest.fixture
def site(tmp_path):
    path = tmp_path / "m1.json"
    path.write_text(json.dumps(SITE))
    return path


def umeter(*arguments):
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done


def test_both_files_are_written_for_the_board(site, tmp_path):
    to = tmp_path / "new" / "folder"
    done = umeter("check", SIM8, site, "--to", to)
    assert done.exit_code == 0
    assert f"{SIM8 / 'board.json'} is good: sim8, 8 channels." in done.stdout
    assert f"{site} is good: meter m1, broker broker.lan." in done.stdout
    assert (to / "board.json").read_text() == files.board_text(files.read(SIM8 / "board.json"))
    assert (to / "site.json").read_text() == files.site_text(SITE, NOW_T)
    assert {path.stat().st_mode & 0o777 for path in to.iterdir()} == {0o600}
    for secret in ("ab" * 32, "wifi-secret", "mqtt-secret"):
        assert secret not in done.output


def test_what_is_already_there_gives_way(site, tmp_path):
    (tmp_path / "site.json").write_text("old")
    (tmp_path / "site.json").chmod(0o644)
    assert umeter("check", site, "--to", tmp_path).exit_code == 0
    assert (tmp_path / "site.json").read_text() == files.site_text(SITE, NOW_T)
    assert (tmp_path / "site.json").stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "board.json").exists()


def test_without_a_folder_nothing_is_written(site, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert umeter("check", SIM8, site).exit_code == 0
    assert list(tmp_path.iterdir()) == [site]


def test_a_file_edited_after_its_check_is_stamped_anew(tmp_path):
    text = files.site_text(SITE, NOW_T).replace("broker.lan", "10.0.0.2")
    (tmp_path / "site.json").write_text(text)
    assert umeter("check", tmp_path / "site.json", "--to", tmp_path / "to").exit_code == 0
    written = (tmp_path / "to" / "site.json").read_text()
    assert json.loads(written)["brokers"][0]["host"] == "10.0.0.2" and written[:22] != text[:22]


@pytest.mark.parametrize(
    "text, sentence",
    [
        (None, "cannot be read: No such file or directory."),
        ("{", "is not JSON: "),
        ("[]", ": board.json: the document is [], it must be an object"),
        ('{"meter": "m1"}', ": site.json: key must be 64 hex digits"),
    ],
)
def test_what_is_not_good_is_told_and_nothing_is_written(tmp_path, text, sentence):
    path = tmp_path / "file.json"
    if text is not None:
        path.write_text(text)
    done = umeter("check", path, "--to", tmp_path / "to")
    assert done.exit_code == 1
    assert done.stderr.startswith(str(path)) and sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "to").exists()


def test_one_bad_file_keeps_the_other_back(site, tmp_path):
    site.write_text(json.dumps(SITE | {"key": "short"}))
    done = umeter("check", SIM8, site, "--to", tmp_path / "to")
    assert done.exit_code == 1 and "key must be 64 hex digits" in done.stderr
    assert not (tmp_path / "to").exists()


def test_the_written_file_is_not_taken_for_the_source(tmp_path):
    source = (SIM8 / "board.json").read_text()
    (tmp_path / "board.json").write_text(source)
    done = umeter("check", tmp_path, "--to", tmp_path)
    assert done.exit_code == 1 and "would be overwritten" in done.stderr
    assert (tmp_path / "board.json").read_text() == source


def test_a_folder_that_cannot_be_made(site):
    done = umeter("check", site, "--to", site / "below")
    assert done.exit_code == 1 and "cannot be written" in done.stderr


def test_nothing_to_check():
    done = umeter("check")
    assert done.exit_code == 1 and done.stderr.startswith("Nothing to check")


def test_board_check(tmp_path):
    done = umeter("board", "check", SIM8)
    assert done.exit_code == 0 and "is good: sim8, 8 channels." in done.stdout
    (tmp_path / "board.json").write_text("{}")
    done = umeter("board", "check", tmp_path)
    assert done.exit_code == 1 and "the document lacks the key" in done.stderr
