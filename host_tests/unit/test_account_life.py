"""Tenants, modes, the operator's and the user's hand, and what is told of an account."""

import pytest

from account_kit import DAY, MONDAY, Bench, refused, with_credit
from umeter.core import account_status, life
from umeter.core.topup import topup

CREDIT, OPERATOR, USER, OVERLOAD, TAMPER = 2, 4, 8, 16, 64


def test_closing_pays_out_and_forgets():
    bench = with_credit(10_000_000, allowance_u=1_000_000, emergency_u=1_000_000)
    bench.change(debt_u=[1, 2, 3], accumulated_u=4, locked=TAMPER, account=16)
    bench.channel.claims |= TAMPER
    told = bench.do(life.close)
    assert told == {
        "refund_u": 10_000_000,
        "owed_u": 0,
        "debt_u": [1, 2, 3],
        "accumulated_u": 4,
    }
    book = bench.book
    assert bench.account.balance_u == 0
    assert book.other_total_u == 11_000_000
    assert (book.debt_u, book.accumulated_u, book.locked, book.allowance_u) == ([0] * 3, 0, 0, 0)
    assert bench.channel.claims & ~CREDIT == OPERATOR
    assert refused(bench, life.close) == "not_now"
    bench.do(life.open_, 17)
    assert bench.book.account == 17
    assert bench.channel.claims & ~CREDIT == 0
    assert refused(bench, life.open_, 18) == "not_now"


def test_nobody_inherits_what_the_last_tenant_owed():
    bench = with_credit(0)
    bench.account.charge(3_000_000)
    told = bench.do(life.reset)
    assert (told["refund_u"], told["owed_u"]) == (0, 3_000_000)
    assert bench.account.balance_u == 0
    assert ("account.forgiven", 1, 3_000_000, 0) in bench.events
    assert ("account.reset", 1, 0, 3_000_000) in bench.events
    assert not bench.book.flags & 2


def test_taking_back_ends_at_the_threshold():
    bench = with_credit(5_000_000, disable_at_u=1_000_000)
    assert bench.do(life.debit, 1_500_000) == {"taken_u": 1_500_000}
    assert bench.do(life.debit, 9_000_000) == {"taken_u": 2_500_000}
    assert bench.do(life.debit, 1) == {"taken_u": 0}
    assert bench.book.other_total_u == 4_000_000
    assert bench.channel.claims == CREDIT


def test_afterwards_and_before():
    bench = with_credit(0)
    bench.do(life.mode, True)
    assert bench.channel.claims == 0
    assert bench.spend(7_000_000) == []
    assert refused(bench, life.mode, False) == "not_now"
    assert refused(bench, life.mode, False, 7_000_000) == "not_now"
    assert bench.book.flags & 1
    assert bench.do(life.mode, False, 7_000_001) == {"lend_u": 7_000_001}
    assert bench.book.debt_u[2] == 7_000_001
    assert bench.channel.claims == 0
    bench.spend(1)
    assert bench.channel.claims == CREDIT


def test_a_loan_beyond_what_a_debt_can_be_isrefused():
    bench = with_credit(0)
    bench.change(debt_u=[0, 0, 9_999_990_000], flags=1)
    assert refused(bench, life.mode, False, 1) == "range"


def test_debts_keep_their_range():
    bench = with_credit(0)
    assert bench.do(life.debt, 1, 9_999_990_000)["debt_u"] == [9_999_990_000, 0, 0]
    assert refused(bench, life.debt, 1, 1) == "range"
    assert refused(bench, life.debt, 2, -1) == "range"
    bench.do(life.close)
    assert refused(bench, life.debt, 1, 1) == "not_now"


def test_the_hand_ends_what_is_armed_and_not_what_is_locked():
    bench = with_credit(5_000_000)
    bench.channel.claims = OVERLOAD | TAMPER
    bench.channel.armed = OVERLOAD | TAMPER
    bench.change(locked=TAMPER)
    assert bench.do(life.hand) == {"released": OVERLOAD}
    assert bench.channel.claims == TAMPER
    bench.do(life.release, TAMPER)
    assert (bench.channel.claims, bench.channel.armed, bench.book.locked) == (0, 0, 0)
    assert refused(bench, life.release, TAMPER) == "not_now"


def test_releasing_an_overload_gives_new_tries():
    bench = with_credit(5_000_000)
    bench.channel.claims = OVERLOAD
    bench.change(locked=OVERLOAD, limit_tries=3, banned_tries=2)
    bench.do(life.release, OVERLOAD)
    assert (bench.book.limit_tries, bench.book.banned_tries, bench.channel.timer_ms) == (0, 0, 0)


def test_the_users_switch_and_the_budget():
    bench = with_credit(9_000_000, budget_u=1_000_000)
    bench.do(life.user, True)
    assert bench.channel.claims == USER
    bench.do(life.user, False)
    bench.spend(1_000_000)
    assert bench.channel.claims == USER
    bench.do(life.hand)
    assert bench.channel.claims == 0
    assert bench.spend(1_000_000) == []  # told and claimed once a day


def test_a_purchase_that_pays_debts_is_no_use_of_the_budget():
    bench = with_credit(9_000_000, budget_u=1_000_000, debt3_percent=50)
    bench.change(debt_u=[0, 0, 4_000_000], accumulated_u=1_000_000)
    bench.do(topup, 8_000_000)
    bench.do(life.debit, 1_000_000)
    assert bench.channel.claims == 0
    bench.turn(MONDAY + DAY)
    assert bench.book.days_milli[0] == 0


@pytest.mark.parametrize(
    "days, balance_u, expected",
    [
        ([-1] * 7, 5_000_000, -1),
        ([-1] * 7, 0, 0),
        ([0, 0, -1, -1, -1, -1, -1], 5_000_000, 9999),
        ([1000, 2000, -1, -1, -1, -1, -1], 5_000_000, 3),
        ([1] * 7, 50_000_000, 9999),
    ],
)
def test_days_left(days, balance_u, expected):
    bench = with_credit(balance_u)
    bench.change(days_milli=days)
    assert account_status.days_left(bench.channel, bench.book) == expected


def test_the_state_tells_each_thing_by_its_bit():
    bench = Bench(protected=1, low_credit_2_u=0)
    bits = {"level": (1, 1), "flags": (1 | 2 | 4, 32 | 128 | 256), "locked": (16, 512)}
    for name, (value, bit) in bits.items():
        bench.later.clear()
        bench.change(**{name: value})
        state = account_status.state_bits(bench.doc, bench.channel, bench.book)
        assert state == bit | 64
    bench.later.clear()
    bench.change(level=4, emergency=2)
    assert account_status.state_bits(bench.doc, bench.channel, bench.book) == 1 | 2 | 8 | 16 | 64


def test_the_status_is_the_book_in_words():
    bench = with_credit(0, emergency_u=1)
    told = account_status.status(bench, bench.doc, bench.channel, bench.book)
    assert told["emergency"] == 1
    assert told["debt_u"] == [0, 0, 0]
    assert told["days_left"] == 0
