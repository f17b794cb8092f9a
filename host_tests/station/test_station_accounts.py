"""What a meter takes back, lends or gives moves the ledger once, whatever is lost or repeated."""

import pytest

from station_kit import (
    CLOSE,
    CREDITED,
    DEBIT,
    LEND,
    NOW_S,
    TAKEN,
    Killed,
    accounts_u,
    counted,
    killed_at_statement,
    new_database,
    order,
    reading,
    result,
    sell,
    store,
    uplink,
)
from umeter_station import account_orders, keyed, orders, queries
from umeter_station.errors import Conflict, StationError


@pytest.fixture
def db(tmp_path):
    db = new_database(tmp_path)
    sell(db)
    store(db, result(1))
    assert accounts_u(db) == CREDITED
    return db


def _command(db, n=2):
    with db.read() as conn:
        return orders.find(conn, "m1", n)


_MOVED = {
    "debit": (DEBIT, {"taken_u": 2_000_000}, TAKEN),
    "close": (CLOSE, {"refund_u": 2_000_000}, TAKEN),
    "reset": (account_orders.account(3, "reset"), {"refund_u": 2_000_000}, TAKEN),
    "lend": (LEND, {"lend_u": 2_000_000}, (-5_000_000, 0, 7_000_000, 0)),
    "nothing": (DEBIT, {"taken_u": 0}, CREDITED),
    "mode": (account_orders.account(3, "prepaid"), {}, CREDITED),
    "open": (account_orders.account(3, "open", account=7), {}, CREDITED),
    "debt": (account_orders.debt(3, 1, 10), {}, CREDITED),
}


@pytest.mark.parametrize(("given", "told", "accounts"), _MOVED.values(), ids=_MOVED)
def test_the_answer_moves_what_it_tells_once(db, given, told, accounts):
    order(db, given)
    answer = result(2, **told)
    store(db, answer, answer)
    store(db, answer, result(2, "replayed", first="applied"), result(2, "old"))
    assert accounts_u(db) == accounts
    assert _command(db).state == "applied"
    assert counted(db) == {"result.repeated": 4}


@pytest.mark.parametrize("code", ["range", "not_now", "too_much", "wrong_account", "expired"])
def test_a_refused_debit_moves_nothing(db, code):
    order(db, DEBIT)
    store(db, result(2, code), result(2, taken_u=1))
    assert accounts_u(db) == CREDITED
    assert counted(db) == {"result.contradiction": 1}


def test_the_same_key_is_the_same_order(db):
    first = order(db, DEBIT)
    again = order(db, DEBIT)
    assert again == keyed.Given(first.command_id, "o1", repeated=True)
    store(db, result(2, taken_u=2_000_000))
    assert order(db, DEBIT) == again
    assert _command(db, 3) is None and accounts_u(db) == TAKEN


@pytest.mark.parametrize(
    "other",
    [
        account_orders.debit(3, 4_000_001),
        account_orders.debit(4, 4_000_000),
        account_orders.debit(3, 4_000_000, account=7),
        CLOSE,
    ],
)
def test_the_same_key_for_another_order_is_refused(db, other):
    order(db, DEBIT)
    with pytest.raises(Conflict, match="use a new key"):
        order(db, other)
    assert _command(db, 3) is None


@pytest.mark.parametrize("second", [DEBIT, CLOSE])
def test_the_next_one_waits_until_it_is_known_what_the_last_one_moved(db, second):
    order(db, DEBIT)
    with pytest.raises(StationError, match="wait"):
        order(db, second, "o2")
    store(db, result(2, "replayed", first="applied"))
    with pytest.raises(StationError, match="wait"):
        order(db, second, "o2")
    assert not order(db, account_orders.debit(4, 1), "o4").repeated
    store(db, result(2, taken_u=1))
    assert not order(db, second, "o2").repeated


@pytest.mark.parametrize("impossible", [None, -1, 4_000_001, 1.0, True, "1"])
def test_an_amount_that_cannot_be_is_not_booked(db, impossible):
    order(db, DEBIT)
    store(db, result(2, taken_u=impossible))
    assert accounts_u(db) == CREDITED
    assert _command(db).state == "unclear"


def test_a_lost_amount_is_taken_from_a_later_answer(db):
    order(db, DEBIT)
    lost = result(2, "replayed", first="applied")
    store(db, lost, lost, result(2, "old"))
    assert accounts_u(db) == CREDITED and _command(db).state == "unclear"
    store(db, result(2, "range"))
    told = result(2, "replayed", first="applied", taken_u=2_000_000)
    store(db, told, told)
    assert accounts_u(db) == TAKEN and _command(db).state == "applied"
    assert counted(db) == {"result.repeated": 3, "result.contradiction": 1}


def test_the_books_agree_with_a_meter_that_lent_and_took_back(db):
    def balance():
        with db.read() as conn:
            return queries.balances(conn, "m1")[-1]

    lent = {"ch": 3, "credited_total_u": 7_000_000, "charged_total_u": 0}
    order(db, LEND)
    totals = {"credited_total_u": [0, 0, 7_000_000], "balance_u": [0, 0, 7_000_000]}
    store(db, uplink("reading", reading(channels=3, **totals)))
    assert balance().agrees  # Its answer is on the way.
    store(db, result(2, lend_u=2_000_000, **lent))
    assert balance().agrees and balance().given_u == 2_000_000
    order(db, DEBIT, "o2")
    store(db, result(3, taken_u=3_000_000, **lent | {"charged_total_u": 3_000_500}))
    assert balance().agrees and balance().returned_u == 3_000_000
    assert balance().balance_u == 7_000_000 - 3_000_500


def test_a_meter_that_never_charged_what_it_took_back_is_found(db):
    order(db, DEBIT)
    store(db, result(2, taken_u=3_000_000))
    totals = {"credited_total_u": [0, 0, 5_000_000], "balance_u": [0, 0, 5_000_000]}
    store(db, uplink("reading", reading(channels=3, **totals)), now_s=NOW_S + 1)
    with db.read() as conn:
        assert not queries.balances(conn, "m1")[-1].agrees


def test_what_dies_between_two_statements_did_not_happen(db):
    def dies(action, before):
        number = 0
        while True:
            try:
                with killed_at_statement(db, number):
                    action()
                return number
            except Killed:
                assert before()
                number += 1

    assert dies(lambda: order(db, DEBIT), lambda: _command(db) is None) >= 4
    with db.read() as conn:
        assert orders.find(conn, "m1", 2).args == DEBIT[1]

    def untouched():
        return accounts_u(db) == CREDITED and _command(db).is_open

    assert dies(lambda: store(db, result(2, taken_u=2_000_000)), untouched) > 5
    assert accounts_u(db) == TAKEN


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: account_orders.debit(3, 0), "cannot be sold"),
        (lambda: account_orders.debit(3, 5, account=0), "number is 1 to"),
        (lambda: account_orders.account(3, "end"), "actions are open, close"),
        (lambda: account_orders.account(3, "open"), "--account"),
        (lambda: account_orders.account(3, "close", account=7), "opened"),
        (lambda: account_orders.account(3, "close", lend_u=7), "prepaid"),
        (lambda: account_orders.debt(3, 4, 1), "debts 1, 2 and 3"),
        (lambda: account_orders.debt(3, 1, 0), "9999.99"),
        (lambda: account_orders.debt(3, 1, -9_999_990_001), "9999.99"),
        (lambda: account_orders.user(3, "off"), "open or close"),
        (lambda: account_orders.release(3, "credit"), "overload or tamper"),
    ],
)
def test_what_cannot_be_ordered_is_said_in_a_sentence(make, words):
    with pytest.raises(StationError, match=words) as refusal:
        make()
    assert str(refusal.value).endswith(".")


@pytest.mark.parametrize("change", [{"meter": "m9"}, {"key": ""}, {"key": "a\nb"}])
def test_what_cannot_be_given_leaves_nothing(db, change):
    with pytest.raises(StationError):
        order(db, DEBIT, **change)
    with pytest.raises(StationError):
        order(db, account_orders.debit(65, 1))
    assert _command(db) is None


def test_money_orders_are_never_given_up():
    moving = {op for op, _ in (DEBIT, CLOSE, account_orders.debt(3, 1, 1))}
    assert moving | {"credit"} == set(orders.MONEY_OPS) <= set(orders.TTL_S)
