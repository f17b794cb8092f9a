"""A sale with its fee, tax and receipt: once per key, and undone as a whole or not at all."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from desk_kit import (
    ANNA,
    BERT,
    CREDIT_U,
    FEE_U,
    TAX_U,
    answer,
    balance_u,
    balances_u,
    charge,
    check,
    fate_of,
    open_orders,
    open_shift,
    sell,
    sell_as,
    transfers,
)
from station_kit import NOW_S, Killed, killed_at_statement, new_database
from station_kit import sell as sell_before_receipts
from umeter_station import holding, ledger
from umeter_station.desk import charges, payouts, sales
from umeter_station.desk.charges import Charges
from umeter_station.errors import Conflict, NotFound, StationError
from umeter_station.people import acts


@pytest.fixture
def db(tmp_path):
    db = new_database(tmp_path, "m1", "m2")
    charge(db)
    yield db
    check(db)


def test_a_sale_is_all_of_its_money_at_once(db):
    sale = sell(db)
    assert transfers(db) == [
        ("sale:1", "cash:desk", "transit:m1/3", CREDIT_U),
        ("fee:1", "cash:desk", "revenue:fees", FEE_U),
        ("tax:1", "cash:desk", "tax", TAX_U),
    ]
    assert open_orders(db) == [(1, "credit", {"ch": 3, "amount_u": CREDIT_U})]
    assert (sale.register, sale.receipt_no, sale.repeated) == ("desk", 1, False)
    with db.read() as conn:
        (act,) = acts.newest(conn, 1, act="sale")
    assert (act.by, act.about, act.detail["paid_u"]) == (ANNA, "m1/3", 10_000_000)


def test_applied_it_is_the_customers(db):
    sell(db)
    answer(db, 1)
    assert balances_u(db) == {
        "cash:desk": -10_000_000,
        "customer:m1/3": CREDIT_U,
        "revenue:fees": FEE_U,
        "tax": TAX_U,
    }


@pytest.mark.parametrize("code", ["range", "expired"])
def test_refused_all_that_was_paid_is_due_back(db, code):
    sell(db)
    answer(db, 1, code)
    assert balances_u(db) == {"cash:desk": -10_000_000, "refund-due:m1/3": 10_000_000}
    assert sales_of(db).purchase.refunded


def test_held_and_given_up_all_that_was_paid_is_due_back(db):
    sell(db)
    answer(db, 1, "not_now")
    with db.write() as conn:
        holding.refund(conn, "k1", NOW_S)
    assert balances_u(db) == {"cash:desk": -10_000_000, "refund-due:m1/3": 10_000_000}


def sales_of(db, key="k1"):
    with db.read() as conn:
        return sales.by_key(conn, key)


def test_the_same_key_is_the_same_sale_though_the_fee_has_changed(db):
    first = sell(db)
    with db.write() as conn:
        charges.set_terms(conn, "*", Charges(fee_u=5, from_s=NOW_S + 1), "op", NOW_S + 1)
    again = sell(db, by=BERT, now_s=NOW_S + 9)
    assert again.repeated and again.quote == first.quote and again.by == ANNA
    assert again.receipt_no == first.receipt_no and len(open_orders(db)) == 1


@pytest.mark.parametrize(
    "change", [{"paid_u": 10_000_001}, {"ch": 4}, {"meter": "m2"}, {"account": 7}]
)
def test_the_same_key_for_another_sale_is_refused(db, change):
    sell(db)
    with pytest.raises(Conflict):
        sell(db, **change)
    assert len(open_orders(db)) == 1


def test_the_same_key_by_another_way_is_refused(db):
    sell_as(db, ledger.clearing("card"), "web")
    assert sell_as(db, ledger.clearing("card"), "web").repeated
    for paid_from, way in ((ledger.clearing("other"), "web"), (ledger.clearing("card"), "phone")):
        with pytest.raises(Conflict):
            sell_as(db, paid_from, way)
    with pytest.raises(Conflict):
        sell(db)


def test_what_was_sold_before_there_were_receipts_is_still_that_sale(db):
    sell_before_receipts(db, 5_000_000)
    again = sell(db, 5_000_000)
    assert again.repeated and again.receipt_no == 0 and again.quote.credit_u == 5_000_000
    with pytest.raises(Conflict):
        sell(db, 5_000_001)
    assert fate_of(db)[0] == "ordered"


def test_receipts_have_no_gaps_whatever_is_refused_between(db):
    numbers = []
    for number in range(6):
        with pytest.raises(StationError):
            sell(db, 1, key=f"x{number}")  # Less than the fee.
        numbers.append(sell(db, key=f"k{number}").receipt_no)
    assert numbers == [1, 2, 3, 4, 5, 6]
    assert sell_as(db, ledger.clearing("card"), "web", key="w").receipt_no == 1


def test_a_sale_that_dies_between_two_statements_did_not_happen(db):
    open_shift(db)
    before, number = balances_u(db), 0
    while True:
        try:
            with killed_at_statement(db, number) as begun:
                sell(db)
            break
        except Killed:
            assert (balances_u(db), open_orders(db)) == (before, []), begun
            number += 1
    assert number > 20 and sales_of(db).receipt_no == 1


def test_eight_cashiers_with_the_same_keys_sell_each_key_once(db):
    barrier = threading.Barrier(8)

    def cashier(_):
        barrier.wait()
        return [sell(db, key=f"k{number}") for number in range(6)]

    with ThreadPoolExecutor(8) as pool:
        sold = [sale for done in pool.map(cashier, range(8)) for sale in done]
    assert sum(not sale.repeated for sale in sold) == 6
    assert sorted({sale.receipt_no for sale in sold}) == [1, 2, 3, 4, 5, 6]
    assert balance_u(db, "cash:desk") == -60_000_000


def test_what_became_of_a_key(db):
    with pytest.raises(NotFound, match="can be used"):
        fate_of(db)
    sell(db)
    assert fate_of(db) == ("ordered", [("paid", 0, 10_000_000), ("ordered", 0, CREDIT_U)])
    answer(db, 1, "too_much", now_s=NOW_S + 5)
    assert fate_of(db)[0] == "held"
    with db.write() as conn:
        holding.resend(conn, "k1", "r1", NOW_S + 9)
    assert fate_of(db)[0] == "ordered"
    answer(db, 2, now_s=NOW_S + 12)
    state, steps = fate_of(db)
    assert state == "applied"
    assert steps[2:] == [
        ("held", 5, CREDIT_U),
        ("ordered", 9, CREDIT_U),
        ("applied", 12, CREDIT_U),
    ]


def test_refused_and_paid_out_is_told_of_the_key(db):
    sell(db)
    answer(db, 1, "range", now_s=NOW_S + 1)
    assert fate_of(db)[0] == "refund due"
    with db.write() as conn:
        payouts.pay_out(
            conn,
            meter="m1",
            ch=3,
            amount_u=10_000_000,
            key="p1",
            reason="",
            by=ANNA,
            now_s=NOW_S + 2,
            purchase="k1",
        )
    state, steps = fate_of(db)
    assert state == "refunded" and steps[-1] == ("refunded", 2, 10_000_000)
    assert balances_u(db) == {}
