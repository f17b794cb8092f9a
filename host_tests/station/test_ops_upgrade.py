"""A newer station on an older station's books."""

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from cli_kit import run, told
from postgres_kit import server
from station_kit import NOW_S, STATION_KEY
from umeter_station import config
from umeter_station.clock import SystemClock
from umeter_station.db import Database
from umeter_station.errors import StationError
from umeter_station.lock import IngestLock
from umeter_station.models import SCHEMA_VERSION
from umeter_station.ops import backup, health, manifest, upgrade

_OLD = "0006"


def _migrate(database, revision):
    alembic = Config()
    alembic.set_main_option("script_location", "umeter_station:migrations")
    with database.write() as conn:
        alembic.attributes["connection"] = conn
        command.upgrade(alembic, revision)


def _sold(conn):
    """One sale of 5.00 that its meter has applied, as the station of that time wrote it."""
    tell = conn.exec_driver_sql
    none = "''::bytea" if conn.dialect.name == "postgresql" else "x''"
    tell(f"INSERT INTO meters (meter, key, added_at) VALUES ('m1', {none}, {NOW_S})")
    tell(
        "INSERT INTO commands (id, meter, n, op, args, created_at, exp, state, answered_at, code)"
        " VALUES (1, 'm1', 1, 'credit', '{\"ch\":3,\"amount_u\":5000000}',"
        f" {NOW_S}, {NOW_S + 9}, 'applied', {NOW_S}, 'applied')"
    )
    tell(
        "INSERT INTO purchases (id, key, meter, ch, amount_u, created_at, command_id)"
        f" VALUES (1, 'k1', 'm1', 3, 5000000, {NOW_S}, 1)"
    )
    for number, key, debit, credit in (
        (1, "sale:1", "cash:desk", "transit:m1/3"),
        (2, "settle:1", "transit:m1/3", "customer:m1/3"),
    ):
        tell(
            "INSERT INTO transfers (id, key, debit, credit, amount_u, created_at, command_id)"
            f" VALUES ({number}, '{key}', '{debit}', '{credit}', 5000000, {NOW_S}, 1)"
        )


@pytest.fixture(params=["sqlite", "postgresql"])
def home(request, tmp_path):
    """A home whose database an older station has left."""
    where = "station.sqlite"
    if request.param == "postgresql":
        where = server().create(f"old_{tmp_path.name[-20:]}".lower().replace("-", "_"))
    home = config.create_home(tmp_path / "home", "mqtt://127.0.0.1:1", database=where).home
    (home / "station.key").write_text(STATION_KEY.hex())
    database = Database(config.load(home).database)
    _migrate(database, _OLD)
    with database.write() as conn:
        _sold(conn)
    database.close()
    return home


def test_an_old_station_is_saved_changed_and_checked(home, tmp_path):
    done = upgrade.upgrade(home, tmp_path / "kept", NOW_S)
    assert (done.before, done.after, done.wrong) == (_OLD, SCHEMA_VERSION, ())
    saved = manifest.read(done.backup)
    manifest.check_files(done.backup, saved)
    assert saved.facts.schema == _OLD and saved.facts.transferred_u == 10_000_000
    again = upgrade.upgrade(home, tmp_path / "kept", NOW_S)
    assert again.backup is None and backup.all_in(tmp_path / "kept") == [done.backup]


@pytest.mark.parametrize("home", ["sqlite"], indirect=True)
def test_a_newer_database_is_left_as_it_is(home, tmp_path):
    database = Database(config.load(home).database)
    with database.write() as conn:
        conn.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    done = run(home, "upgrade", "--to", tmp_path / "kept")
    assert done.exit_code == 1 and "Nothing was changed" in done.stderr
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize("home", ["sqlite"], indirect=True)
def test_a_station_that_runs_is_not_upgraded(home, tmp_path):
    lock = IngestLock(home / "ingest.lock")
    lock.acquire()
    with pytest.raises(StationError, match="running already"):
        upgrade.upgrade(home, tmp_path / "kept")
    lock.release()
    database = Database(config.load(home).database)
    _migrate(database, "head")
    with database.write() as conn:
        conn.execute(sa.text("UPDATE alembic_version SET version_num = '0006'"))
        health.beat(conn, "web", 0, 0, SystemClock().now_s())
    database.close()
    with pytest.raises(StationError, match=r"is running \(web"):
        upgrade.upgrade(home, tmp_path / "kept")


@pytest.mark.parametrize("home", ["sqlite"], indirect=True)
def test_an_upgrade_that_fails_changes_nothing_and_leaves_the_backup(home, tmp_path, monkeypatch):
    def fail(_where):
        raise StationError("It cannot be changed.")

    monkeypatch.setattr(upgrade, "open_database", fail)
    with pytest.raises(StationError):
        upgrade.upgrade(home, tmp_path / "kept", NOW_S)
    monkeypatch.undo()
    (folder,) = backup.all_in(tmp_path / "kept")
    assert manifest.read(folder).facts.schema == _OLD
    assert upgrade.upgrade(home, tmp_path / "kept", NOW_S + 1).before == _OLD


@pytest.mark.parametrize("home", ["sqlite"], indirect=True)
def test_an_older_backup_is_restored_by_a_newer_station(home, tmp_path):
    done = upgrade.upgrade(home, tmp_path / "kept", NOW_S)
    lines = told(tmp_path / "new", "restore", done.backup)
    assert "1 meters" in lines[0] and "agree with themselves" in lines[-1]


def test_where_there_is_no_station_there_is_nothing_to_upgrade(tmp_path):
    assert run(tmp_path / "none", "upgrade").exit_code == 1
    home = config.create_home(tmp_path / "home", "mqtt://127.0.0.1:1").home
    done = run(home, "upgrade")
    assert done.exit_code == 1 and "no database" in done.stderr
