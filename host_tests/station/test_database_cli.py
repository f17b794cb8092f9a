"""`umeter-station --database`: a station whose books are in PostgreSQL, from its first command."""

import os

import pytest

from cli_kit import told
from postgres_kit import server
from station_kit import KEY
from umeter_station import config
from umeter_station.station import Books


@pytest.fixture
def home(tmp_path, monkeypatch):
    # What a command leaves in the environment is taken away again.
    monkeypatch.setenv(config.DATABASE_VARIABLE, "")
    del os.environ[config.DATABASE_VARIABLE]
    return tmp_path / "home"


def test_a_station_is_made_on_postgresql_and_stays_there(home):
    url = server().create("umeter_cli").replace("postgres@", "postgres:s3cret@")
    told(home, "--database", url, "init")
    del os.environ[config.DATABASE_VARIABLE]
    assert "s3cret" not in (home / "config.toml").read_text()
    assert not (home / "station.sqlite").exists()
    books = Books(home)
    books.add_meter("m1", KEY)
    books.sell("m1", 3, 5_000_000, "k1")
    assert books.db.path is None
    books.close()
    assert any("m1" in line for line in told(home, "meters", "list"))


def test_another_database_than_the_configs(home):
    told(home, "init")
    told(home, "--database", "other.sqlite", "meters", "list")
    assert (home / "other.sqlite").exists()
