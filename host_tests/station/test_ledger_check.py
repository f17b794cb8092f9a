"""The check of the books: silent while they are right, one sentence for each way to be wrong."""

from contextlib import contextmanager

import pytest

from postgres_kit import ENGINES, new_on
from station_kit import NOW_S, result, sell, store
from umeter_station import holding, ledger, ledger_check
from umeter_station.desk import sales
from umeter_station.inbox import Inbox

# Sale 1 is applied, 2 refunded, 3 held and sent again, 4 open; 5 was sold at the desk.


@pytest.fixture(scope="module", params=ENGINES)
def books(request, tmp_path_factory):
    """Made once: what a test does to them, it takes back."""
    db = new_on(request.param, tmp_path_factory.mktemp("books"))
    for number in range(1, 5):
        sell(db, number * 1_000_000, key=f"k{number}")
    store(db, result(1), result(2, code="too_much"), result(3, code="not_now"))
    with db.write() as conn:
        holding.refund(conn, "k2", NOW_S)
        holding.resend(conn, "k3", "again", NOW_S)
    store(db, result(5))
    with db.write() as conn:
        sales.sell_at_desk(conn, "m1", 3, 7_000_000, "k5", NOW_S)
        _post(conn, "extra", "tax")
    yield db
    db.close()


def _post(conn, key, account):
    ledger.post(conn, key=key, debit="suspense", credit=account, amount_u=5, created_at=NOW_S)


@contextmanager
def _taken_back(db):
    with db.engine.connect() as conn, conn.begin():
        yield conn
        conn.rollback()


def test_books_that_are_right_give_no_finding(books):
    with books.read() as conn:
        assert ledger_check.check(conn) == []
        assert ledger_check.imbalance_u(conn) == 0


def test_a_sale_that_is_refused_or_applied_gives_none(books):
    with _taken_back(books) as conn:
        Inbox(10).store(conn, [result(4, code="range"), result(6)], NOW_S)
        assert ledger_check.check(conn) == []


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DELETE FROM transfers WHERE key = 'sale:1'", "Purchase k1 has no transfer"),
        (
            "UPDATE transfers SET amount_u = 1 WHERE key = 'sale:4'",
            "transit:m1/3 holds 7000001; its open sales come to 11000000",
        ),
        ("DELETE FROM transfers WHERE key = 'settle:1'", "k1 was applied, but its money is still"),
        (
            "UPDATE transfers SET amount_u = 1 WHERE key = 'settle:1'",
            "k1 of 1000000 is settled by 1",
        ),
        (
            "UPDATE transfers SET credit = 'customer:m1/3' WHERE key = 'settle:2'",
            "k2 is settled to the customer, but no meter has applied it",
        ),
        (
            "UPDATE transfers SET credit = 'refund-due:m1/3' WHERE key = 'settle:1'",
            "k1 was applied, but its money is due back",
        ),
        ("UPDATE commands SET state = 'applied' WHERE n = 3", "k3 was applied by 2 orders"),
        ("UPDATE commands SET op = 'debit' WHERE n = 1", "Purchase k1 has no order to its meter"),
        ("DELETE FROM order_keys", "Order 5 to m1 credits what nobody bought"),
        (
            "UPDATE transfers SET credit = 'transit:m1/9' WHERE key = 'extra'",
            "Transfer extra puts into transit what nobody bought",
        ),
        (
            "UPDATE transfers SET credit = debit WHERE key = 'extra'",
            "Transfer extra moves 5 from 'suspense' to 'suspense'",
        ),
        (
            "UPDATE transfers SET debit = 'cash:9' WHERE key = 'sale:6'",
            "7000000 was paid for purchase k5, but 0 is booked",
        ),
        (
            "UPDATE registers SET next_receipt = 3",
            "1 receipts, 1 papers, and says that the next is 3",
        ),
        ("UPDATE sales SET receipt_no = 7", "says that the next is 2"),
    ],
)
def test_books_that_were_altered_are_found_out(books, statement, words):
    with _taken_back(books) as conn:
        _let_anything_pass(conn)
        conn.exec_driver_sql(statement)
        found = ledger_check.check(conn)
    assert any(words in sentence for sentence in found), found


def _let_anything_pass(conn):
    tell = conn.exec_driver_sql
    if conn.dialect.name == "sqlite":
        tell("PRAGMA ignore_check_constraints=ON")
        for name in tell("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars().all():
            tell(f"DROP TRIGGER {name}")
    else:
        tell("SET LOCAL session_replication_role = replica")
        tell("ALTER TABLE transfers DROP CONSTRAINT transfers_check")


def test_what_is_in_transit_without_a_sale_is_an_imbalance(books):
    with _taken_back(books) as conn:
        _post(conn, "a", "transit:m1/8")
        _post(conn, "b", "transit:m1/9")
        assert ledger_check.imbalance_u(conn) == 10
        assert len(ledger_check.check(conn)) == 4
