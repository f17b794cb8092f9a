"""Taking back and paying out; agents and their ceiling; meters that count kWh."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from desk_kit import (
    ANNA,
    BERT,
    CREDIT_U,
    answer,
    balance_u,
    balances_u,
    charge,
    check,
    fate_of,
    open_orders,
    open_shift,
    report_settings,
    sell,
    sell_as,
)
from postgres_kit import ENGINES, new_on
from station_kit import NOW_S, order
from umeter_station import account_orders, holding, ledger, models, models_desk, vending
from umeter_station.desk import agents, fate, payouts, receipts, shifts, voids
from umeter_station.desk.writing import Writing
from umeter_station.errors import Conflict, NotFound, StationError


@pytest.fixture(params=ENGINES)
def db(request, tmp_path):
    db = new_on(request.param, tmp_path, "m1", "m2")
    charge(db)
    yield db
    check(db)
    db.close()


def test_a_void_leaves_nothing_but_its_receipt(db):
    shift = open_shift(db)
    sell(db)
    with db.write() as conn:
        sale = voids.void_last(conn, shift.id, "k1", ANNA, NOW_S)
        assert voids.void_last(conn, shift.id, "k1", ANNA, NOW_S).voided  # Once.
    assert sale.voided and sale.purchase.refunded and open_orders(db) == []
    assert balances_u(db) == {"cash:1": -20_000_000, "float": 20_000_000}
    assert fate_of(db)[0] == "voided"
    with db.write() as conn, pytest.raises(StationError, match="due back"):
        holding.resend(conn, "k1", "r1", NOW_S)


def test_what_was_sent_is_not_voided(db):
    shift = open_shift(db)
    sell(db)
    with db.write() as conn:
        conn.execute(sa.update(models.commands).values(state="sent"))
    with db.write() as conn, pytest.raises(StationError, match="wait for its answer"):
        voids.void_last(conn, shift.id, "k1", ANNA, NOW_S)
    answer(db, 1)
    with db.write() as conn, pytest.raises(StationError, match="take its credit back"):
        voids.void_last(conn, shift.id, "k1", ANNA, NOW_S)


def test_only_the_last_sale_of_the_shift_is_voided(db):
    shift = open_shift(db)
    sell(db, key="k1")
    sell(db, key="k2")
    other = open_shift(db, BERT, desk="back")
    with db.write() as conn:
        with pytest.raises(StationError, match="not the last"):
            voids.void_last(conn, shift.id, "k1", ANNA, NOW_S)
        with pytest.raises(NotFound):
            voids.void_last(conn, other.id, "k2", BERT, NOW_S)
        assert voids.void_last(conn, shift.id, "k2", ANNA, NOW_S).voided


def test_applied_all_the_same_the_books_still_agree_with_the_meter(db):
    """Whoever had sent it: the meter has the credit, and somebody must be told."""
    shift = open_shift(db)
    sell(db)
    with db.write() as conn:
        voids.void_last(conn, shift.id, "k1", ANNA, NOW_S)
    answer(db, 1, ch=3, credited_total_u=CREDIT_U, charged_total_u=0)
    answer(db, 1, "replayed", first="applied")
    assert balance_u(db, "customer:m1/3") == -balance_u(db, "suspense") == CREDIT_U
    with db.read() as conn:
        rows = conn.execute(sa.text("SELECT rule, meter, ch FROM findings")).all()
    assert [tuple(row) for row in rows] == [("A15", "m1", 3)]


# Agents.


def _agent(db, ceiling_u=30_000_000, commission=20, active=True):
    with db.write() as conn:
        return agents.set_terms(conn, "bob", ceiling_u, commission, "op", NOW_S, active)


def _agent_sells(db, key, paid_u=10_000_000):
    return sell_as(db, ledger.agent("bob"), "agent", paid_u, key, by="agent:bob")


def test_an_agent_owes_what_he_sold_less_his_commission(db):
    _agent(db)
    sale = _agent_sells(db, "k1")
    assert (sale.register, sale.receipt_no, sale.commission_u) == ("agent:bob", 1, 200_000)
    assert balance_u(db, "agent:bob") == -9_800_000 and balance_u(db, "commission") == -200_000
    answer(db, 1, "range")  # Nothing came of it: no commission, but he has the money.
    assert balance_u(db, "agent:bob") == -10_000_000 and balance_u(db, "commission") == 0
    with db.write() as conn:
        assert agents.settle(conn, "bob", 4_000_000, ledger.bank("main"), "s1", "op", NOW_S)
        assert not agents.settle(conn, "bob", 4_000_000, ledger.bank("main"), "s1", "op", NOW_S)
        with pytest.raises(Conflict):
            agents.settle(conn, "bob", 5_000_000, ledger.bank("main"), "s1", "op", NOW_S)
        with pytest.raises(StationError, match=r"owes 6\.00"):
            agents.settle(conn, "bob", 6_000_001, ledger.bank("main"), "s2", "op", NOW_S)
        assert agents.get(conn, "bob").owed_u == 6_000_000


def test_an_agent_goes_to_his_ceiling_and_not_beyond(db):
    _agent(db, ceiling_u=19_600_000)
    _agent_sells(db, "k1")
    _agent_sells(db, "k2")
    with pytest.raises(StationError, match=r"may take 0\.00 more"):
        _agent_sells(db, "k3", 2_000_000)
    assert _agent_sells(db, "k2").repeated  # What is sold is sold.
    _agent(db, ceiling_u=100_000_000, active=False)
    with pytest.raises(StationError, match="no more"):
        _agent_sells(db, "k4")
    with pytest.raises(NotFound):
        sell_as(db, ledger.agent("eve"), "agent", key="k5")


def test_eight_threads_race_for_the_last_of_a_ceiling(db):
    _agent(db, ceiling_u=50_000_000, commission=0)
    barrier = threading.Barrier(8)

    def sells(number):
        barrier.wait()
        sold = 0
        for each in range(3):
            try:
                _agent_sells(db, f"k{number}-{each}")
                sold += 1
            except StationError:
                pass
        return sold

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(sells, range(8))) == 5
    assert balance_u(db, "agent:bob") == -50_000_000


# A meter that counts kWh.


def test_kwh_are_sold_used_and_returned_at_what_they_cost(db):
    report_settings(db, unit="kwh", price_u_per_kwh=300_000)
    sell(db)
    assert open_orders(db) == [(1, "credit", {"ch": 3, "amount_u": CREDIT_U * 10 // 3})]
    units_u = CREDIT_U * 10 // 3
    answer(db, 1)
    assert balance_u(db, "prepaid:m1/3") == CREDIT_U
    assert balance_u(db, "customer:m1/3") == -balance_u(db, "units:m1/3") == units_u
    order(db, account_orders.debit(3, 9_000_000), "o1")
    answer(db, 2, taken_u=9_000_000)
    back_u = CREDIT_U * 9_000_000 // units_u
    assert balance_u(db, "refund-due:m1/3") == back_u and balance_u(db, "prepaid:m1/3") == (
        CREDIT_U - back_u
    )
    order(db, account_orders.debit(3, 90_000_000), "o2")
    answer(db, 3, taken_u=units_u - 9_000_000)
    assert balance_u(db, "refund-due:m1/3") == CREDIT_U and balance_u(db, "units:m1/3") == 0


def test_kwh_that_are_refused_are_money_that_is_due(db):
    report_settings(db, unit="kwh", price_u_per_kwh=300_000)
    sell(db)
    answer(db, 1, "range")
    assert balances_u(db) == {"cash:desk": -10_000_000, "refund-due:m1/3": 10_000_000}


def test_kwh_that_were_held_and_refunded_are_not_sent_again(db):
    report_settings(db, unit="kwh", price_u_per_kwh=300_000)
    sell(db)
    answer(db, 1, "too_much")
    with db.write() as conn:
        assert holding.refund(conn, "k1", NOW_S) and not holding.refund(conn, "k1", NOW_S)
    with db.write() as conn, pytest.raises(StationError, match="sell it anew"):
        holding.resend(conn, "k1", "r1", NOW_S)
    with db.read() as conn:
        assert vending.by_key(conn, "k1").refunded
    assert open_orders(db) == []


@pytest.mark.parametrize("unit", [{}, {"unit": "kwh", "price_u_per_kwh": 300_000}])
def test_what_a_wallet_paid_in_vain_is_in_it_again_and_can_be_spent_anew(db, unit):
    report_settings(db, **unit)
    purse = ledger.wallet(1)
    with db.write() as conn:
        into = {"debit": ledger.bank("main"), "credit": purse}
        ledger.post(conn, key="in", amount_u=12_000_000, created_at=1, **into)
    full = balances_u(db)
    sell_as(db, purse, "web")
    assert balance_u(db, purse) == 2_000_000
    answer(db, 1, "not_now")
    assert balance_u(db, purse) == 2_000_000  # held: it may still come to be credit
    with db.write() as conn:
        assert [holding.refund(conn, "k1", NOW_S) for _ in range(2)] == [True, False]
    assert balances_u(db) == full
    sell_as(db, purse, "web", key="k2")
    answer(db, 2, "range")
    answer(db, 2, "range")
    assert balances_u(db) == full
    for key in ("k1", "k2"):
        state, steps = fate_of(db, key)
        assert state == "refunded" and steps[-1][0] == "refunded"
        with db.read() as conn:
            found = fate.of(conn, key)
            paper = str(receipts.of_sale(conn, found.sale, Writing()))
        assert found.in_wallet and "back in the wallet" in paper
    sell_as(db, purse, "web", key="k3")
    answer(db, 3)
    with db.read() as conn:
        assert not fate.of(conn, "k3").in_wallet
    assert balance_u(db, purse) == 2_000_000


def test_a_channel_is_sold_money_or_kwh_and_never_both(db):
    sell(db)
    report_settings(db, unit="kwh", price_u_per_kwh=300_000)
    with pytest.raises(StationError, match='unit back to "money"'):
        sell(db, key="k2")
    sell(db, key="k3", ch=2)
    report_settings(db, price_u_per_kwh=300_000)
    with pytest.raises(StationError, match='unit back to "kwh"'):
        sell(db, key="k4", ch=2)


# Payouts.


def _pay_out(db, amount_u, key="p1", **more):
    with db.write() as conn:
        return payouts.pay_out(
            conn,
            **{"meter": "m1", "ch": 3, "reason": "moved out", "by": ANNA, "now_s": NOW_S, **more},
            amount_u=amount_u,
            key=key,
        )


def test_only_what_the_meter_gave_back_is_paid_out_and_only_once(db):
    sell(db)
    answer(db, 1)
    with pytest.raises(StationError, match=r"0\.00 is due back"):
        _pay_out(db, 1)
    with db.write() as conn:
        given = payouts.take_back(conn, "m1", 3, 9_000_000, "o1", ANNA, NOW_S)
        assert payouts.take_back(conn, "m1", 3, 9_000_000, "o1", ANNA, NOW_S).repeated
    assert not given.repeated
    answer(db, 2, taken_u=3_000_000)
    with pytest.raises(StationError, match=r"3\.00 is due back"):
        _pay_out(db, 3_000_001)
    first = _pay_out(db, 2_000_000)
    again = _pay_out(db, 2_000_000)
    assert (first.repeated, again.repeated, again.id) == (False, True, first.id)
    assert (first.register, first.receipt_no) == ("desk", 2)
    with pytest.raises(Conflict):
        _pay_out(db, 1_000_000)
    with pytest.raises(StationError, match="no purchase"):
        _pay_out(db, 1_000_000, "p2", purchase="k9")
    _pay_out(db, 1_000_000, "p2", bank="main")
    assert balance_u(db, "refund-due:m1/3") == 0 and balance_u(db, "bank:main") == 1_000_000


def test_two_cashiers_race_for_what_is_due_back(db):
    sell(db)
    answer(db, 1, "range")

    def pays(number):
        try:
            return _pay_out(db, 4_000_000, f"p{number}").amount_u
        except StationError:
            return 0

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(pays, range(8))) == 8_000_000


@pytest.mark.parametrize("table", ["sales", "sale_voids", "payouts", "shifts", "cash_moves"])
def test_rows_cannot_be_changed(db, table):
    shift = open_shift(db)
    sell(db, key="k0")
    answer(db, 1, "range")
    _pay_out(db, 1_000, shift_id=shift.id)
    sell(db)
    with db.write() as conn:
        voids.void_last(conn, shift.id, "k1", ANNA, NOW_S)
        shifts.move_cash(conn, shift.id, 5, "coins", "c1", ANNA, NOW_S)
    for statement in (f"UPDATE {table} SET by = 'me'", f"DELETE FROM {table}"):
        with pytest.raises(sa.exc.IntegrityError, match="append-only"), db.write() as conn:
            conn.exec_driver_sql(statement)
    with db.read() as conn:
        assert conn.execute(sa.select(models_desk.metadata.tables[table])).first() is not None
