"""The meters' keys at rest: sealed under the station's key, and shown to nobody."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from station_kit import KEY, STATION_KEY, new_database, really_migrate
from umeter_station import config, meters, secrets
from umeter_station import db as databases
from umeter_station.errors import StationError
from umeter_station.models import meters as table
from umeter_station.secrets import KEY_VARIABLE, Safe
from umeter_station.station import Books


@pytest.fixture
def home(tmp_path):
    """A station's home with the meter m1."""
    home = config.create_home(tmp_path, "mqtt://127.0.0.1:1").home
    new_database(tmp_path).close()
    return home


def sealed(books):
    with books.db.read() as conn:
        return conn.execute(sa.select(table.c.key)).scalar_one()


def key_of_m1(home):
    books = Books(home)
    try:
        with books.db.read() as conn:
            return meters.key_of(conn, "m1")
    finally:
        books.close()


def everything_in(home):
    return b"".join(path.read_bytes() for path in home.iterdir() if path.is_file())


def make_plain(home):
    """As an older station left it."""
    db = databases.open_database(home / "station.sqlite")
    with db.write() as conn:
        conn.execute(sa.update(table).values(key=KEY))
    db.close()


def test_what_is_sealed_opens_for_its_meter_alone():
    safe = Safe(STATION_KEY)
    blob = safe.seal("m1", KEY)
    assert blob[:1] == b"\x01" and len(blob) == 1 + 12 + 32 + 16
    assert safe.open("m1", blob) == KEY
    assert safe.seal("m1", KEY) != blob
    for meter, other in [
        ("m2", blob),
        ("m1", b"\x02" + blob[1:]),
        ("m1", blob[:-1] + bytes([blob[-1] ^ 1])),
        ("m1", blob[:20]),
        ("m1", b""),
    ]:
        with pytest.raises(StationError, match=r"sealed under another station key; .*\.$"):
            safe.open(meter, other)
    with pytest.raises(StationError):
        Safe(b"\x01" * 32).open("m1", blob)


def test_no_secret_is_shown(home):
    books = Books(home)
    shown = repr(Safe(STATION_KEY)) + repr(vars(books)) + repr(books.meter("m1"))
    for secret in (STATION_KEY, KEY):
        assert secret.hex() not in shown and repr(secret) not in shown
    url = "mqtt://umeter.station:hush@broker"
    config.set_broker(home, url)
    assert config.load(home).broker == url
    assert "hush" not in repr(config.load(home))
    assert config.without_password(url) == "mqtt://broker"
    assert config.without_password("mqtt://a:b@c@broker:1") == "mqtt://broker:1"


def test_the_key_file_is_made_once_for_its_owner_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(databases, "_migrate", really_migrate)  # four at once
    home = config.create_home(tmp_path / "new", "mqtt://127.0.0.1:1").home
    with ThreadPoolExecutor(4) as pool:
        for books in list(pool.map(Books, [home] * 4)):
            books.close()
    path = home / "station.key"
    assert path.stat().st_mode & 0o777 == 0o600
    text = path.read_text()
    assert len(bytes.fromhex(text)) == 32
    Books(home).close()
    assert path.read_text() == text
    assert [p.name for p in home.glob("station.key*")] == ["station.key"]


def test_a_home_of_an_older_station_has_its_key_file_too(home):
    lines = (home / "config.toml").read_text().splitlines()
    lines = [line for line in lines if not line.startswith("key_file")]
    (home / "config.toml").write_text("\n".join(lines))
    assert config.load(home).key_file == home / "station.key"
    assert key_of_m1(home) == KEY


def test_keys_that_were_not_sealed_are_sealed_and_leave_nothing_behind(home):
    make_plain(home)
    assert KEY in everything_in(home)
    (home / "station.key").unlink()  # the older station had none
    books = Books(home)
    assert len(sealed(books)) == 61
    assert key_of_m1(home) == KEY
    assert KEY not in everything_in(home)


def test_the_environment_goes_before_the_file(home, monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, STATION_KEY.hex())
    (home / "station.key").write_text("no key at all")
    assert key_of_m1(home) == KEY
    (home / "station.key").unlink()
    assert key_of_m1(home) == KEY
    assert not (home / "station.key").exists()


@pytest.mark.parametrize(
    ("in_environment", "in_file", "words"),
    [
        ("11" * 32, None, "sealed under another station key"),
        (None, "11" * 32, "sealed under another station key"),
        ("11", None, "UMETER_STATION_KEY must be 64 hexadecimal digits."),
        (None, "x", "station.key must be 64 hexadecimal digits."),
        (None, None, "station.key is missing; bring it back, or set UMETER_STATION_KEY"),
    ],
)
def test_another_key_is_one_sentence_and_changes_nothing(
    home, monkeypatch, in_environment, in_file, words
):
    if in_environment is not None:
        monkeypatch.setenv(KEY_VARIABLE, in_environment)
    if in_file is None:
        (home / "station.key").unlink()
    else:
        (home / "station.key").write_text(in_file)
    before = {p.name: p.read_bytes() for p in home.iterdir() if not p.name.endswith("-shm")}
    with pytest.raises(StationError) as refusal:
        Books(home)
    text = str(refusal.value)
    assert words in text and text.endswith(".") and "\n" not in text
    after = {p.name: p.read_bytes() for p in home.iterdir() if not p.name.endswith("-shm")}
    assert {k: v for k, v in after.items() if v} == {k: v for k, v in before.items() if v}


def test_a_key_that_cannot_be_made(tmp_path):
    home = config.create_home(tmp_path, "mqtt://127.0.0.1:1").home
    text = (home / "config.toml").read_text()
    (home / "config.toml").write_text(text.replace('"station.key"', '"absent/station.key"'))
    with pytest.raises(StationError, match=r"cannot be made .*name another file as key_file"):
        Books(home)


def test_sealing_that_dies_half_way_did_not_happen(tmp_path, monkeypatch):
    new_database(tmp_path, "m1", "m2").close()
    make_plain(tmp_path)

    def die(self, meter, secret, seal=Safe.seal):
        if meter == "m2":
            raise KeyboardInterrupt
        return seal(self, meter, secret)

    monkeypatch.setattr(Safe, "seal", die)
    db = databases.open_database(tmp_path / "station.sqlite")
    with pytest.raises(KeyboardInterrupt):
        secrets.unlock(db, tmp_path / "station.key")
    with db.read() as conn:
        assert conn.execute(sa.select(table.c.key)).scalars().all() == [KEY, KEY]


def test_set_broker_leaves_all_else_as_it_is(home):
    before = (home / "config.toml").read_text()
    config.set_broker(home, "mqtt://u:\\1p@h")
    text = (home / "config.toml").read_text()
    assert text == before.replace("mqtt://127.0.0.1:1", "mqtt://u:\\\\1p@h")
    assert config.load(home).broker == "mqtt://u:\\1p@h"
    assert os.stat(home / "config.toml").st_mode & 0o777 == 0o600
    (home / "config.toml").write_text(before + '\nbroker = "mqtt://other"')
    with pytest.raises(StationError, match="one line broker"):
        config.set_broker(home, "mqtt://new")


def test_ca_file(home):
    assert config.load(home).ca_file is None
    with open(home / "config.toml", "a") as file:
        file.write('ca_file = "ca.pem"\n')
    assert config.load(home).ca_file == home / "ca.pem"
