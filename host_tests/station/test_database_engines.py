"""The database on SQLite and on PostgreSQL: what it refuses, what excludes what, what it says."""

import threading

import pytest
import sqlalchemy as sa

from postgres_kit import new_postgres, server
from station_kit import KEY, NOW_S, Killed, killed_at_statement, new_database, order, sell
from umeter_station import account_orders, db_engines, ledger, meters, models
from umeter_station import db as databases
from umeter_station.errors import StationError, Unavailable
from umeter_station.migrations.partitions import is_part
from umeter_station.sql import greatest, insert


def test_the_tables_are_what_the_migrations_make(any_db):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    def is_known(name, kind, _parents):
        return kind != "table" or not is_part(name)

    with any_db.read() as conn:
        context = MigrationContext.configure(conn, opts={"include_name": is_known})
        assert compare_metadata(context, models.metadata) == []


@pytest.mark.parametrize("table", ["transfers", "purchases", "order_keys"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET key = key", "DELETE FROM {}"])
def test_rows_cannot_be_changed(any_db, table, statement):
    sell(any_db)
    order(any_db, account_orders.debit(3, 1_000_000))
    with (
        pytest.raises(sa.exc.IntegrityError, match=f"{table} is append-only"),
        any_db.write() as conn,
    ):
        conn.exec_driver_sql(statement.format(table))


def test_a_table_cannot_be_emptied():
    db = new_postgres()
    with pytest.raises(sa.exc.IntegrityError, match="append-only"), db.write() as conn:
        conn.exec_driver_sql("TRUNCATE purchases CASCADE")
    db.close()


def test_sums_are_integers(any_db):
    sell(any_db, 2**39)
    with any_db.read() as conn:
        balance_u = ledger.balance_u(conn, ledger.transit("m1", 3))
        assert (type(balance_u), balance_u) == (int, 2**39)
        assert conn.execute(sa.select(greatest(2**40, 7))).scalar() == 2**40


def test_an_insert_tells_how_many_rows_it_added(any_db):
    rows = [{"name": name, "count": 1} for name in "abc"]
    with any_db.write() as conn:
        new = insert(conn, models.counters).on_conflict_do_nothing()
        assert [conn.execute(new.values(rows[0])).rowcount for _ in range(2)] == [1, 0]
        assert conn.execute(new, rows).rowcount == 2


def test_what_is_read_is_one_state(any_db):
    with any_db.read() as conn:
        before = meters.all_meters(conn)
        with any_db.write() as other:
            meters.add(other, "m2", KEY, NOW_S)
        assert meters.all_meters(conn) == before
    with any_db.read() as conn:
        assert len(meters.all_meters(conn)) == 2


def test_writers_exclude_each_other_from_their_start(any_db):
    order_of_events, first_in = [], threading.Event()

    def second():
        first_in.wait()
        with any_db.write() as conn:
            order_of_events.append(("second", meters.all_meters(conn)[-1].meter))

    thread = threading.Thread(target=second)
    thread.start()
    with any_db.write() as conn:
        first_in.set()
        thread.join(0.1)
        meters.add(conn, "m2", KEY, NOW_S)
        order_of_events.append("first")
    thread.join()
    assert order_of_events == ["first", ("second", "m2")]


def test_what_only_appends_does_not_wait_on_postgresql():
    db = new_postgres()
    with db.write() as conn, db.append() as other:
        databases.count(other, "a")
        databases.count(conn, "b")
    with db.read() as conn:
        assert databases.read_counters(conn) == {"a": 1, "b": 1}
    db.close()


def test_what_died_half_way_did_not_happen(any_db):
    with pytest.raises(Killed), killed_at_statement(any_db, 5):
        sell(any_db)
    with any_db.read() as conn:
        assert conn.execute(sa.select(models.commands)).all() == []
    assert not sell(any_db).repeated


def test_a_file_that_is_locked_is_unavailable_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(db_engines, "_PATIENCE_MS", 0)
    db = new_database(tmp_path)
    other = databases.open_database(tmp_path / "station.sqlite")
    with (
        other.write(),
        pytest.raises(Unavailable, match="cannot be used now: database is locked; try"),
    ):
        sell(db)
    assert not sell(db).repeated


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://anna:s3cret@127.0.0.1:1/x", "does not answer"),
        ("postgresql://postgres:s3cret@/nothing?host={folder}", "no database of that name"),
        ("mysql://anna:s3cret@host/x", "neither"),
        ("postgresql://anna:s3cret@host:port/x", "neither"),
    ],
)
def test_what_is_wrong_is_said_without_the_password(url, words):
    with pytest.raises(StationError, match=words) as refused:
        databases.open_database(url.format(folder=server().folder))
    assert "s3cret" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_server_that_was_restarted_is_used_again():
    db = new_postgres()
    sell(db, key="before")
    server().stop()
    with pytest.raises(Unavailable):
        sell(db, key="meanwhile")
    server().start()
    sell(db, key="after")
    with db.read() as conn:
        assert len(conn.execute(sa.select(models.purchases)).all()) == 2
    db.close()
