"""The ledger keeps what was written, whatever statement is tried on it."""

import pytest
import sqlalchemy as sa

from station_kit import NOW_S, accounts_u, new_database, order, sell
from umeter_station import account_orders, ledger, models
from umeter_station.errors import Conflict

_ROW = {"debit": "a", "credit": "b", "amount_u": 5, "created_at": NOW_S, "command_id": 1}


@pytest.fixture
def db(tmp_path):
    db = new_database(tmp_path)
    sell(db)
    order(db, account_orders.debit(3, 1_000_000))
    return db


def _post(db, **changes):
    with db.write() as conn:
        return ledger.post(conn, **{"key": "t", **_ROW, **changes})


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE transfers SET amount_u = 1",
        "UPDATE transfers SET key = key",
        "DELETE FROM transfers",
        "REPLACE INTO transfers SELECT id, key, debit, credit, 1, created_at, command_id"
        " FROM transfers",
        "REPLACE INTO transfers SELECT id + 99, key, debit, credit, 1, created_at, command_id"
        " FROM transfers",
        "REPLACE INTO transfers SELECT id, 'new', debit, credit, 1, created_at, command_id"
        " FROM transfers",
        "UPDATE purchases SET amount_u = 1",
        "DELETE FROM purchases",
        "REPLACE INTO purchases SELECT id, 'new', meter, ch, 1, created_at, command_id"
        " FROM purchases",
        "REPLACE INTO purchases SELECT id + 99, 'new', meter, ch, 1, created_at, command_id"
        " FROM purchases",
        "UPDATE order_keys SET purchase_id = 1",
        "DELETE FROM order_keys",
        "REPLACE INTO order_keys SELECT id, 'new', command_id, 1 FROM order_keys",
        "REPLACE INTO order_keys SELECT id + 99, 'new', command_id, 1 FROM order_keys",
        "REPLACE INTO order_keys SELECT id + 99, key, 1, purchase_id FROM order_keys",
    ],
)
def test_rows_cannot_be_changed(db, statement):
    before = accounts_u(db)
    with pytest.raises(sa.exc.IntegrityError, match="append-only"), db.write() as conn:
        conn.exec_driver_sql(statement)
    assert accounts_u(db) == before == (-5_000_000, 5_000_000, 0, 0)


@pytest.mark.parametrize("amount_u", [0, -1, 0.5, "many"])
def test_an_amount_is_a_positive_integer(db, amount_u):
    with pytest.raises(sa.exc.StatementError):
        _post(db, amount_u=amount_u)


def test_a_transfer_goes_from_one_account_to_another(db):
    with pytest.raises(sa.exc.IntegrityError):
        _post(db, credit="a")


def test_the_same_transfer_is_posted_once(db):
    assert _post(db) is True
    assert _post(db) is False
    with db.read() as conn:
        assert ledger.balance_u(conn, "b") == 5


@pytest.mark.parametrize(
    "change", [{"debit": "c"}, {"credit": "c"}, {"amount_u": 6}, {"command_id": 2}]
)
def test_another_transfer_under_the_same_key_is_refused(db, change):
    _post(db)
    with pytest.raises(Conflict):
        _post(db, **change)


def test_a_command_is_settled_one_way_only(db):
    with db.write() as conn:
        assert ledger.post_settlement(conn, "m1", 3, 5_000_000, NOW_S, 1, 1, applied=True)
        with pytest.raises(Conflict):
            ledger.post_settlement(conn, "m1", 3, 5_000_000, NOW_S, 1, 1, applied=False)
    assert accounts_u(db) == (-5_000_000, 0, 5_000_000, 0)


def test_a_sale_is_settled_one_way_only_whichever_order_decides(db):
    with db.write() as conn:
        assert ledger.post_settlement(conn, "m1", 3, 5_000_000, NOW_S, 2, 1, applied=False)
        with pytest.raises(Conflict):
            ledger.post_settlement(conn, "m1", 3, 5_000_000, NOW_S, 1, 1, applied=True)
    assert accounts_u(db) == (-5_000_000, 0, 0, 5_000_000)


def test_the_tables_are_what_the_migrations_make(db):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with db.read() as conn:
        assert compare_metadata(MigrationContext.configure(conn), models.metadata) == []


def test_the_schema_version_is_the_newest_migration(db):
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "umeter_station:migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == models.SCHEMA_VERSION
