"""Thresholds, warnings, emergency credit and top-ups."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from account_kit import DAY, MONDAY, Bench, refused, with_credit
from umeter.core import life
from umeter.core.topup import topup

CREDIT = 2


def test_each_level_once_and_again_above_the_hysteresis():
    bench = with_credit(
        3_000_000, low_credit_u=2_000_000, low_credit_2_u=1_000_000, hysteresis_u=100_000
    )
    assert bench.spend(999_999) == []
    assert bench.spend(1) == ["credit.low"]
    assert bench.spend(1_000_000) == ["credit.low2"]
    bench.do(topup, 100_000)
    assert bench.spend(100_000) == []
    bench.do(topup, 100_001)
    assert bench.spend(100_001) == ["credit.low2"]
    assert bench.spend(1_000_000) == ["credit.out"]
    assert bench.channel.claims == CREDIT
    bench.do(topup, 1)
    assert [event[0] for event in bench.events] == ["credit.back"]
    assert bench.channel.claims == 0


def test_a_reboot_is_no_crossing():
    bench = with_credit(1_000_000, low_credit_u=2_000_000)
    again = Bench(low_credit_u=2_000_000)
    again.later = bench.later
    again.account.credit(1_000_000)
    assert again.turn() == []


def test_pretrip_waits_for_the_hand():
    bench = with_credit(2_000_000, low_credit_u=0, pretrip_u=1_000_000)
    assert bench.spend(1_000_000) == ["credit.pretrip"]
    assert (bench.channel.claims, bench.channel.armed) == (CREDIT, CREDIT)
    assert bench.do(life.hand) == {"released": CREDIT}
    assert (bench.channel.claims, bench.channel.armed) == (0, 0)
    assert bench.spend(1) == []


@pytest.mark.parametrize("settings", [{"protected": 1}, {"friendly": [["1", 0, 2400]]}])
def test_no_cut_and_no_pretrip_where_lack_of_credit_does_not_cut(settings):
    bench = with_credit(2_000_000, low_credit_u=0, pretrip_u=1_000_000, **settings)
    assert bench.spend(1_000_000) == ["credit.pretrip"]
    assert bench.spend(1_000_001) == ["credit.out"]
    assert bench.channel.claims == 0
    assert bench.spend(500_000_000) == []
    assert bench.channel.claims == 0


def test_friendly_hours_do_not_bring_back_what_is_cut():
    bench = with_credit(0, friendly=[["2", 0, 2400]])
    assert bench.channel.claims == CREDIT
    bench.turn(MONDAY + DAY)
    assert bench.channel.claims == CREDIT
    bench.do(topup, 1)
    assert bench.channel.claims == 0
    bench.spend(5_000_000)
    assert bench.channel.claims == 0
    bench.turn(MONDAY + 2 * DAY)
    assert bench.channel.claims == CREDIT


def test_emergency_after_friendly_use_begins_where_that_ended():
    bench = with_credit(1, emergency_u=2_000_000, friendly=[["1", 0, 2400]])
    bench.spend(3_000_001)
    bench.turn(MONDAY + DAY)
    assert bench.channel.claims == CREDIT
    assert bench.do(life.emergency) == {"floor_u": -5_000_000}
    assert bench.channel.claims == 0
    bench.spend(2_000_000)
    assert bench.channel.claims == CREDIT
    told = bench.do(topup, 6_000_000)
    assert (told["below_u"], told["emergency_u"], told["kept_u"]) == (
        3_000_000,
        2_000_000,
        1_000_000,
    )


def test_what_a_tick_went_below_zero_is_part_of_the_emergency_credit():
    bench = with_credit(1, emergency_u=2_000_000)
    bench.spend(41)
    assert bench.do(life.emergency) == {"floor_u": -2_000_000}


def test_repaid_emergency_credit_is_not_lent_again():
    bench = with_credit(1, emergency_u=5_000_000)
    bench.spend(1)
    bench.do(life.emergency)
    assert refused(bench, life.emergency) == "not_now"
    bench.spend(3_000_000)
    bench.do(topup, 1_000_000)
    assert bench.book.emergency_floor_u == -4_000_000
    bench.spend(2_000_000)
    assert bench.channel.claims == CREDIT
    bench.do(topup, 4_000_000)  # to nothing: the debt is repaid, and nothing is there
    assert bench.channel.claims == CREDIT
    bench.do(topup, 1)
    assert "emergency.cleared" in [event[0] for event in bench.events]
    assert bench.channel.claims == 0
    assert bench.spend(1)[-1] == "emergency.offered"


def test_a_long_press_takes_what_is_offered_a_short_one_does_not():
    bench = with_credit(0, emergency_u=5_000_000)
    assert bench.do(life.hand) == {"released": 0}
    assert bench.book.emergency == 1
    bench.do(life.hand, True)
    assert bench.book.emergency == 2


def test_the_alarm_is_never_due_after_a_turn():
    bench = with_credit(
        5_000_000,
        low_credit_u=4_000_000,
        low_credit_2_u=None,
        emergency_u=1_000_000,
        emergency_at_u=3_000_000,
        budget_u=2_500_000,
    )
    told = []
    for _ in range(12):
        told += bench.spend(500_000)
        assert not bench.account.is_due()
    assert told == ["credit.low", "emergency.offered", "budget.out", "credit.out"]


def test_top_ups_keep_their_limits():
    bench = with_credit(9_000_000, max_topup_u=5_000_000, max_balance_u=10_000_000)
    assert refused(bench, topup, 5_000_001) == "too_much"
    assert refused(bench, topup, 1_000_001) == "too_much"
    bench.do(topup, 1_000_000)
    bench.do(life.close)
    assert refused(bench, topup, 1) == "not_now"


def test_a_total_that_cannot_hold_the_amount_changes_nothing():
    bench = with_credit(0, debt3_percent=50)
    bench.change(debt_u=[0, 0, 10])
    with pytest.raises(ValueError):
        topup(bench, bench.doc, bench.channel, bench.book, 1 << 60)
    assert bench.account.charged_total_u == 0
    assert bench.book.debt_u == [0, 0, 10]


_amounts = st.integers(1, 20_000_000)


@given(
    amounts=st.lists(_amounts, min_size=1, max_size=6),
    spent_u=st.integers(0, 8_000_000),
    debt_u=st.integers(0, 30_000_000),
    accumulated_u=st.integers(0, 9_000_000),
    percent=st.integers(0, 100),
    cap_u=st.integers(0, 4_000_000),
)
def test_the_parts_add_up_and_go_where_they_are_told(
    amounts, spent_u, debt_u, accumulated_u, percent, cap_u
):
    bench = with_credit(0, debt3_percent=percent, debt3_cap_u=cap_u)
    bench.account.charge(spent_u)
    bench.change(debt_u=[0, 0, debt_u], accumulated_u=accumulated_u)
    paid_u = 0
    for amount_u in amounts:
        balance_u = bench.account.balance_u
        told = bench.do(topup, amount_u)
        assert sum(told.values()) == amount_u
        share_u = min(amount_u * percent // 100, debt_u, cap_u - paid_u if cap_u else debt_u)
        due_u = min(accumulated_u, amount_u - share_u)
        debt_u -= share_u
        paid_u += share_u
        accumulated_u -= due_u
        assert told["payment_debt_u"] == share_u
        assert told["accumulated_u"] == due_u
        assert told["below_u"] == min(max(0, -balance_u), amount_u - share_u - due_u)
        assert bench.account.balance_u == balance_u + amount_u - share_u - due_u
        book = bench.book
        assert (book.debt_u[2], book.accumulated_u) == (debt_u, accumulated_u)
        assert book.debt_total_u == bench.account.charged_total_u - spent_u
