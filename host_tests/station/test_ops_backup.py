"""Backups beside a writer, and what is restored from them, on both engines."""

import os
import shutil
import threading
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from api_kit import password_hash
from cli_kit import run, told
from postgres_kit import new_postgres, server
from station_kit import (
    KEY,
    NOW_S,
    STATION_KEY,
    new_database,
    order,
    reading,
    result,
    sell,
    store,
    uplink,
)
from umeter_station import account_orders, config, meters
from umeter_station import db as databases
from umeter_station.errors import StationError
from umeter_station.models import commands, transfers
from umeter_station.ops import backup, manifest, restore
from umeter_station.ops.models_ops import restores
from umeter_station.people import accounts, acts, sessions
from umeter_station.secrets import Safe


@pytest.fixture(params=["sqlite", "postgresql"])
def there(request, tmp_path):
    """A station's home with its database, and where the backup goes."""
    home = tmp_path / "home"
    home.mkdir()
    if request.param == "sqlite":
        db = new_database(home)
        config.create_home(home, "mqtt://127.0.0.1:1")
    else:
        db = new_postgres()
        (home / "station.key").write_text(STATION_KEY.hex())
        config.create_home(home, "mqtt://127.0.0.1:1", database=db.url)
    yield SimpleNamespace(
        db=db, home=home, to=tmp_path / "kept", new=tmp_path / "new", engine=request.param
    )
    db.close()


def _save(there, now_s=NOW_S):
    return backup.make(config.load(there.home), there.db, there.to, now_s).folder


def _restore(there, folder, now_s=NOW_S + 500):
    """Into a new home; returns what was done, and the database."""
    url = None
    if there.engine == "postgresql":
        url = server().create(f"restored_{os.urandom(4).hex()}")
    done = restore.restore(folder, there.new, url, now_s)
    db = databases.open_database(config.load(there.new).database)
    db.unlock(Safe(STATION_KEY))
    return done, db


def _facts(db):
    with db.read() as conn:
        return manifest.facts(conn)


def test_what_is_saved_comes_back_and_the_key_is_not_in_it(there):
    sell(there.db)
    store(there.db, result(1))
    sell(there.db, key="k2")
    store(there.db, *(uplink("reading", reading(seq=n)) for n in range(1, 4)))
    folder = _save(there)
    assert sorted(p.name for p in folder.iterdir()) == sorted(
        ["config.toml", "manifest.json", "station." + ("sqlite" if there.db.path else "dump")]
    )
    assert all(p.stat().st_mode & 0o077 == 0 for p in (folder, *folder.iterdir()))
    assert not any(STATION_KEY.hex().encode() in p.read_bytes() for p in folder.iterdir())
    before = _facts(there.db)
    assert manifest.read(folder).facts == before and before.transfers == 3
    done, db = _restore(there, folder)
    assert (done.made_at, done.meters, done.open_orders, done.open_money) == (NOW_S, 1, 1, 1)
    assert done.last_purchase == "k2" and not done.key_there
    with db.read() as conn:
        assert meters.key_of(conn, "m1") == KEY
        assert acts.newest(conn, 1)[0].act == "station.restored"
        (told_of,) = conn.execute(sa.select(restores)).all()
        assert (told_of.made_at, told_of.restored_at) == (NOW_S, NOW_S + 500)
    after = _facts(db)
    assert after.tables["readings"] == before.tables["readings"] == 3
    assert (after.transfers, after.transferred_u) == (before.transfers, before.transferred_u)
    db.close()


def test_no_order_number_or_settings_version_is_used_twice(there):
    sell(there.db)
    folder = _save(there)
    for number in range(5):
        sell(there.db, key=f"lost{number}")
    with there.db.read() as conn:
        used = conn.execute(sa.select(sa.func.max(commands.c.n))).scalar()
    _, db = _restore(there, folder)
    sell(db, key="new")
    order(db, account_orders.account(3, "close"))
    with db.read() as conn:
        numbers = conn.execute(sa.select(commands.c.n).order_by(commands.c.id)).scalars().all()
        version = conn.execute(sa.text("SELECT settings_version FROM meters")).scalar()
    assert numbers[0] == 1 and numbers[1] > used + 100_000 and numbers[2] == numbers[1] + 1
    assert version >= 10_000
    # What the meter answers to an order that these books do not have any more changes nothing.
    store(db, result(used))
    with db.read() as conn:
        assert set(conn.execute(sa.select(commands.c.state)).scalars()) == {"created"}
    db.close()


def test_whoever_was_signed_in_has_to_sign_in_again(there):
    with there.db.write() as conn:
        accounts.add(conn, "anna", "owner", password_hash(), "system", NOW_S)
        sessions.start(conn, accounts.named(conn, "anna").id, "owner", "::1", "", NOW_S)
    _, db = _restore(there, _save(there))
    facts = _facts(db)
    assert facts.tables["people"] == 1 and facts.tables["web_sessions"] == 0
    db.close()


def test_a_writer_goes_on_and_the_backup_is_one_state_of_the_books(there):
    stop, sold = threading.Event(), []

    def write():
        while not stop.is_set():
            sell(there.db, key=f"k{len(sold)}")
            sold.append(1)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while not sold:
            stop.wait(0.001)
        began = len(sold)
        folders = [_save(there, NOW_S + n) for n in range(3)]
        ended = len(sold)
    finally:
        stop.set()
        writer.join()
    counts = [manifest.read(folder).facts for folder in folders]
    assert counts == sorted(counts, key=lambda facts: facts.transfers)
    assert began <= counts[0].transfers and counts[-1].transfers <= ended + 1
    for facts in counts:
        assert facts.transfers == facts.tables["purchases"] == facts.tables["commands"]
    _, db = _restore(there, folders[1])
    with db.read() as conn:
        rows = conn.execute(sa.select(sa.func.count()).select_from(transfers)).scalar()
    assert rows == counts[1].transfers
    db.close()


@pytest.mark.parametrize("there", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", ["station.sqlite", "config.toml", "manifest.json"])
def test_a_backup_that_was_changed_is_refused(there, name):
    sell(there.db)
    folder = _save(there)
    path = folder / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(StationError, match=r"changed since|damaged|does not have|newer"):
        restore.restore(folder, there.new)
    assert not (there.new / "config.toml").exists()
    path.unlink()
    with pytest.raises(StationError, match=r"changed since|no backup"):
        restore.restore(folder, there.new)


@pytest.mark.parametrize("there", ["sqlite"], indirect=True)
def test_nothing_is_written_over(there):
    folder = _save(there)
    with pytest.raises(StationError, match="is not empty"):
        restore.restore(folder, there.home)
    (there.new / "x").mkdir(parents=True)
    with pytest.raises(StationError, match="is not empty"):
        restore.restore(folder, there.new)
    (there.new / "x").rmdir()
    text = (folder / "config.toml").read_text()
    assert text == (there.home / "config.toml").read_text()
    with pytest.raises(StationError, match="name another database"):
        restore.restore(folder, there.new, "postgresql://127.0.0.1/x")
    (there.new / "station.key").write_text(STATION_KEY.hex())
    assert restore.restore(folder, there.new, None, NOW_S).key_there


@pytest.mark.parametrize("there", ["postgresql"], indirect=True)
def test_a_database_that_is_not_empty_is_not_restored_into(there):
    folder = _save(there)
    with pytest.raises(StationError, match=r"is not empty.*createdb"):
        restore.restore(folder, there.new)
    assert not (there.new / "config.toml").exists()


@pytest.mark.parametrize("there", ["sqlite"], indirect=True)
def test_a_restore_that_is_cut_off_can_be_done_again(there, monkeypatch):
    sell(there.db)
    folder = _save(there)

    class Cut(BaseException):
        pass

    renames = []

    def rename(source, target):
        if len(renames) == 0:
            raise Cut
        renames.append(target)

    monkeypatch.setattr(restore.os, "rename", rename)
    monkeypatch.setattr(restore.shutil, "rmtree", lambda *_, **__: None)
    with pytest.raises(Cut):
        restore.restore(folder, there.new)
    monkeypatch.undo()
    assert [p.name for p in there.new.iterdir()] != []
    assert restore.restore(folder, there.new, None, NOW_S).meters == 1


@pytest.mark.parametrize("there", ["sqlite"], indirect=True)
def test_what_is_missing_afterwards_is_named(there):
    with open(there.home / "config.toml", "a") as file:
        file.write('ca_file = "ca.pem"\n[mail]\npassword_file = "word"\n')
    (there.home / "word").write_text("hush")
    done = restore.restore(_save(there), there.new, None, NOW_S)
    assert [p.name for p in done.missing] == ["ca.pem", "word"]
    lines = "\n".join(restore.to_do(done, there.new))
    assert "word; config.toml names it" in lines and "station.key" in lines


@pytest.mark.parametrize("there", ["sqlite"], indirect=True)
def test_the_newest_are_kept_and_what_was_cut_off_goes(there):
    folders = [_save(there, NOW_S + n) for n in range(4)]
    with pytest.raises(StationError, match="already"):
        _save(there, NOW_S)
    abandoned = there.to / ".umeter-20260101T000000Z.part"
    abandoned.mkdir()
    os.utime(abandoned, (0, 0))
    other = there.to / "mine"
    other.mkdir()
    assert set(backup.keep_newest(there.to, 2)) == {*folders[:2], abandoned}
    assert backup.all_in(there.to) == folders[2:] and other.is_dir()


def test_a_backup_that_fails_leaves_nothing(there, monkeypatch):
    monkeypatch.setattr(manifest, "write", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(StationError, match="cannot be written"):
        _save(there)
    assert list(there.to.iterdir()) == []


def test_the_commands_say_what_was_done(tmp_path):
    home = tmp_path / "home"
    told(home, "init")
    lines = told(home, "backup", "--to", tmp_path / "kept", "--keep", 3)
    assert "0 meters, 0 transfers of 0.00" in lines[0]
    (folder,) = backup.all_in(tmp_path / "kept")
    shutil.copy(home / "station.key", tmp_path)
    shutil.rmtree(home)
    lines = told(home, "restore", folder)
    assert "with 0 meters" in lines[0] and any("station.key" in line for line in lines)
    assert run(home, "restore", folder).exit_code == 1
    assert "up to date" in told(home, "upgrade")[0]
