"""What only a meter's audit log tells of money moves the ledger once, and nothing else does."""

import itertools

import pytest
import sqlalchemy as sa

from log_kit import Link, Logs, audit_raw
from station_kit import (
    CLOSE,
    CREDITED,
    DEBIT,
    LEND,
    NOW_S,
    TAKEN,
    accounts_u,
    new_database,
    order,
    reading,
    result,
    sell,
    store,
    uplink,
)
from umeter.core import codes
from umeter_station import ledger, models, orders, queries


@pytest.fixture
def db(tmp_path):
    db = new_database(tmp_path)
    sell(db)
    store(db, result(1))
    return db


@pytest.fixture
def link(db):
    return Link(db, Logs())


def _command(db, n=2):
    with db.read() as conn:
        return orders.find(conn, "m1", n)


def _account_u(db, account):
    with db.read() as conn:
        return ledger.balance_u(conn, account)


def _logged(link, *events, first_n=1):
    """The meter's log has these (code, a, b) of channel 3, and the station pulls it."""
    raws = [
        audit_raw(n, code=codes.number(code), ch=3, a=a, b=b)
        for n, (code, a, b) in enumerate(events, start=first_n)
    ]
    link.logs.append("events", raws)
    link.read()
    link.pull()


_EVENTS = {
    "debit": (DEBIT, "debit", TAKEN),
    "close": (CLOSE, "account.closed", TAKEN),
    "lend": (LEND, "account.mode", (-5_000_000, 0, 7_000_000, 0)),
}


@pytest.mark.parametrize(("given", "event", "accounts"), _EVENTS.values(), ids=_EVENTS)
@pytest.mark.parametrize("log_first", [True, False])
def test_a_lost_amount_is_taken_from_the_log(db, link, given, event, accounts, log_first):
    order(db, given)
    lost = result(2, "replayed", first="applied")
    if not log_first:
        store(db, lost)
    _logged(link, (event, 999, 0), ("command", 77, 1), (event, 2_000_000, 0), ("credit.out", 0, 0),
            ("command", 2, 1))  # fmt: skip
    if log_first:
        store(db, lost)
    assert accounts_u(db) == accounts
    assert _command(db).state == "applied"
    store(db, lost)
    assert accounts_u(db) == accounts


_OTHERS = {
    "of another order": [("debit", 2_000_000, 0), ("command", 77, 1), ("command", 2, 1)],
    "of an order that was not stored": [("debit", 2_000_000, 0), ("command", 2, 0)],
    "more than was asked for": [("debit", 4_000_001, 0), ("command", 2, 1)],
    "another event": [("account.closed", 2_000_000, 0), ("command", 2, 1)],
}


@pytest.mark.parametrize("events", _OTHERS.values(), ids=_OTHERS)
def test_a_log_that_tells_of_something_else_moves_nothing(db, link, events):
    order(db, DEBIT)
    store(db, result(2, "replayed", first="applied"))
    _logged(link, *events)
    assert accounts_u(db) == CREDITED and _command(db).state == "unclear"


def test_a_log_with_a_gap_before_the_order_moves_nothing(db, link):
    order(db, DEBIT)
    store(db, result(2, "replayed", first="applied"))
    link.logs.torn = {2}
    _logged(link, ("debit", 2_000_000, 0), ("command", 77, 1), ("command", 2, 1))
    assert accounts_u(db) == CREDITED and _command(db).state == "unclear"


def test_an_allowance_is_posted_once_per_record(db, link):
    _logged(link, ("allowance.given", 1_500_000, 0), ("allowance.expired", 700_000, 0),
            ("allowance.given", 1_500_000, 0))  # fmt: skip
    assert accounts_u(db) == (-5_000_000, 0, 8_000_000, 0)
    assert _account_u(db, ledger.allowance("m1", 3)) == -3_000_000
    with db.write() as conn:  # As if the station had to pull the log once more.
        conn.execute(sa.delete(models.histories))
    link.read()
    assert link.pull() > 0
    assert accounts_u(db) == (-5_000_000, 0, 8_000_000, 0)


def test_an_unsigned_event_explains_a_total_and_moves_nothing(db, link):
    def agrees():
        with db.read() as conn:
            return queries.balances(conn, "m1")[-1].agrees

    totals = {"credited_total_u": [0, 0, 6_500_000], "balance_u": [0, 0, 6_500_000]}
    store(db, uplink("reading", reading(channels=3, seq=50, **totals)), now_s=NOW_S + 1)
    assert not agrees()
    store(db, uplink("event", {"n": 1, "code": "allowance.given", "ch": 3, "a": 1_500_000}))
    assert agrees() and accounts_u(db) == CREDITED
    _logged(link, ("allowance.given", 1_500_000, 0))
    assert agrees() and accounts_u(db) == (-5_000_000, 0, 6_500_000, 0)
    more = {"credited_total_u": [0, 0, 6_500_001], "balance_u": [0, 0, 6_500_001]}
    store(db, uplink("reading", reading(channels=3, seq=51, **more)))
    assert not agrees()


def test_any_order_of_answer_log_and_repetition_gives_the_same_books(tmp_path):
    def log(link):
        _logged(link, ("debit", 2_000_000, 0), ("command", 2, 1))

    def answer(link, **told):
        store(link.db, result(2, "replayed", first="applied", **told))

    steps = (log, answer, answer, lambda link: answer(link, taken_u=2_000_000))
    for number, ordering in enumerate(itertools.permutations(range(4))):
        path = tmp_path / str(number)
        path.mkdir()
        db = new_database(path)
        sell(db)
        store(db, result(1))
        order(db, DEBIT)
        link = Link(db, Logs())
        for step in ordering:
            steps[step](link)
        assert accounts_u(db) == TAKEN, ordering
        db.close()
