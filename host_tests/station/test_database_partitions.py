"""Readings and intervals by month on PostgreSQL: every row has a place, and one place only."""

import pytest
import sqlalchemy as sa

from log_kit import intervals as profile
from postgres_kit import new_postgres
from station_kit import NOW_S
from umeter_station.logs import LOGS, Stored
from umeter_station.migrations import partitions
from umeter_station.models import intervals

MONTH_S = 31 * 86_400  # January, in which NOW_S is


@pytest.fixture
def db():
    db = new_postgres()
    yield db
    db.close()


def _rows(db, table):
    with db.read() as conn:
        return conn.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()


def _ensure(db, now_s):
    with db.write() as conn:
        partitions.ensure(conn, now_s)


def _store(db, t_end, n=1):
    raw = profile(1)[0]
    row = LOGS["profile"].row(raw) | {"meter": "m1", "raw": raw, "received_at": NOW_S}
    with db.write() as conn:
        conn.execute(intervals.insert().values(row | {"n": n, "t_end": t_end}))


def test_a_row_goes_into_its_month(db):
    _ensure(db, NOW_S)
    for n, t_end in enumerate((NOW_S, NOW_S + MONTH_S, 0, NOW_S + 12 * MONTH_S), start=1):
        _store(db, t_end, n)
    counts = [_rows(db, f"intervals_{part}") for part in ("2027_01", "2027_02", "default")]
    assert counts == [1, 1, 2]
    assert _rows(db, "intervals") == 4


def test_what_came_before_its_month_was_there_moves(db):
    _store(db, NOW_S)
    assert _rows(db, "intervals_default") == 1
    _ensure(db, NOW_S)
    _ensure(db, NOW_S)
    assert [_rows(db, f"intervals_{part}") for part in ("2027_01", "default")] == [1, 0]
    with pytest.raises(sa.exc.IntegrityError, match="append-only"), db.write() as conn:
        conn.exec_driver_sql("DELETE FROM intervals_default")
        conn.exec_driver_sql("UPDATE intervals SET n = 2")


@pytest.mark.parametrize("part", ["intervals", "intervals_2027_01"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET n = 2", "DELETE FROM {}"])
def test_no_row_of_a_month_can_be_changed(db, part, statement):
    _ensure(db, NOW_S)
    _store(db, NOW_S)
    with pytest.raises(sa.exc.IntegrityError, match="append-only"), db.write() as conn:
        conn.exec_driver_sql(statement.format(part))


def test_the_same_record_is_stored_once_across_a_new_month(db):
    raw = profile(1)[0]
    stored = []
    for _ in range(2):
        with db.write() as conn:
            stored.append(LOGS["profile"].store(conn, "m1", raw, NOW_S))
        _ensure(db, LOGS["profile"].row(raw)["t_end"])
    assert stored == [Stored.NEW, Stored.KNOWN]
    assert _rows(db, "intervals") == 1


def test_every_month_has_the_keys_and_indexes_of_the_whole(db):
    _ensure(db, NOW_S)
    with db.read() as conn:
        inspector = sa.inspect(conn)
        for table in ("readings", "intervals"):
            key = inspector.get_pk_constraint(table)["constrained_columns"]
            names = [sorted(i["column_names"]) for i in inspector.get_indexes(table)]
            for part in (f"{table}_default", f"{table}_2027_03"):
                assert partitions.is_part(part)
                assert inspector.get_pk_constraint(part)["constrained_columns"] == key
                assert [sorted(i["column_names"]) for i in inspector.get_indexes(part)] == names
                refers = [key["referred_table"] for key in inspector.get_foreign_keys(part)]
                assert refers == (["meters"] if table == "intervals" else [])
