"""`umeter-station broker-config`: the files for Mosquitto, and the station's own password."""

import base64
import hashlib
import json

import pytest

from cli_kit import run
from umeter_station import broker_config, config
from umeter_station.broker_config import STATION_USER, Tls, contents, hashed
from umeter_station.errors import StationError
from umeter_station.station import Books

TEMPLATE = {
    "wifi": [{"ssid": "home", "password": "wifi"}],
    "brokers": [{"host": "a.lan"}, {"host": "b.lan", "port": 1884}],
    "plain_tcp": True,
}


def test_a_hash_is_what_mosquitto_reads():
    _, kind, iterations, salt, digest = hashed("pass word").split("$")
    assert (kind, iterations) == ("7", "101")
    salt, digest = base64.b64decode(salt), base64.b64decode(digest)
    assert len(salt) == 12 and len(digest) == 64
    assert digest == hashlib.pbkdf2_hmac("sha512", b"pass word", salt, 101)
    assert hashed("pass word") != hashed("pass word")


def test_files(tmp_path):
    made = contents(tmp_path, {"m1": "$7$hash"})
    assert made["passwd"] == "m1:$7$hash\n"
    assert f"password_file {tmp_path}/passwd\n" in made["mosquitto.conf"]
    assert "\nlistener 1883\n" in made["mosquitto.conf"]
    assert "allow_anonymous false\n" in made["mosquitto.conf"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"port": 70_000}, "70000 is no port"),
        ({"port": 1883, "local_port": 1883}, "Port 1883 cannot be both"),
        ({"tls": ("absent", "absent")}, "There is no file"),
        ({"tls": ("here", "here", "here")}, "add a --local-port for it"),
    ],
)
def test_what_cannot_work_is_refused(tmp_path, options, words):
    (tmp_path / "here").touch()
    if "tls" in options:
        options = options | {"tls": Tls(*(tmp_path / name for name in options["tls"]))}
    with pytest.raises(StationError, match=words):
        contents(tmp_path, {}, **options)


@pytest.fixture
def home(tmp_path):
    run(tmp_path / "home", "init", "--broker", "mqtt://127.0.0.1:1")
    (tmp_path / "template.json").write_text(json.dumps(TEMPLATE))
    return tmp_path / "home"


def test_broker_config_command(home, tmp_path):
    for name in "m1", "m2", "m3":
        to = tmp_path / name
        done = run(
            home,
            "meters",
            "add",
            name,
            "--new",
            "--template",
            tmp_path / "template.json",
            "--to",
            to,
        )
        assert done.exit_code == 0
    run(home, "meters", "add", "m4", "--key", "ab" * 32)
    assert run(home, "meters", "retire", "m3", "--yes").exit_code == 0
    done = run(home, "broker-config", "--to", tmp_path / "to", "--port", 1885)
    assert done.exit_code == 0
    assert "The station's own password is now in" in done.stdout
    assert "meters that can connect: 2." in done.stdout
    assert "shut out: m4." in done.stderr
    passwd = dict(
        line.split(":") for line in (tmp_path / "to" / "passwd").read_text().splitlines()
    )
    assert list(passwd) == [STATION_USER, "m1", "m2"]
    broker = json.loads((tmp_path / "m1" / "site.json").read_text())["brokers"][1]
    assert matches(passwd["m1"], broker["password"])
    known = config.load(home)
    user, password = known.broker.removeprefix("mqtt://").split("@")[0].split(":")
    assert user == STATION_USER and matches(passwd[user], password)
    assert known.broker.endswith("@127.0.0.1:1")
    assert password not in done.output
    assert (tmp_path / "to" / "passwd").stat().st_mode & 0o777 == 0o600
    again = run(home, "broker-config", "--to", tmp_path / "to")
    assert "own password" not in again.stdout and config.load(home).broker == known.broker


def matches(entry, password):
    _, _, iterations, salt, digest = entry.split("$")
    salt, digest = base64.b64decode(salt), base64.b64decode(digest)
    return digest == hashlib.pbkdf2_hmac("sha512", password.encode(), salt, int(iterations))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--tls-cert c", "both --tls-cert and --tls-key"),
        ("--ca c", "both --tls-cert and --tls-key"),
        ("--tls-cert c --tls-key k", "There is no file c"),
        ("--port 0", "0 is no port"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_no_trace(home, tmp_path, options, words):
    before = (home / "config.toml").read_text()
    done = run(home, "broker-config", "--to", tmp_path / "to", *options.split())
    assert done.exit_code == 1 and words in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "to").exists() and (home / "config.toml").read_text() == before


def test_another_user_of_the_station_is_refused(home, tmp_path):
    config.set_broker(home, "mqtt://me:secret@broker")
    done = run(home, "broker-config", "--to", tmp_path / "to")
    assert done.exit_code == 1 and f"must be {STATION_USER}" in done.stderr
    assert "secret" not in done.output


def test_passwords_are_for_meters_in_service(home):
    books = Books(home)
    with books.db.read() as conn:
        assert broker_config.passwords(conn) == ({}, [])
    assert len(broker_config.new_password()) == 32
