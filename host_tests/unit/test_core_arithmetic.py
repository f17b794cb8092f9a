"""Energy and money against exact rational arithmetic."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umeter.core.account import Account
from umeter.core.energy import UNITS_PER_WH, Register
from umeter.core.tariff import FlatTariff

SMALL = 1 << 30
PRICES = st.integers(0, 99_999_999)
UNITS = st.integers(0, SMALL - 1)


@given(st.lists(st.tuples(st.integers(0, 250_000), st.integers(0, 4000)), max_size=20))
def test_register_is_exact_for_any_power_and_time(steps):
    register = Register()
    for power_dw, dt_ms in steps:
        register.add(power_dw * dt_ms)
    exact = sum(power_dw * dt_ms for power_dw, dt_ms in steps)
    assert (register.wh, register.residual) == divmod(exact, UNITS_PER_WH)


@given(st.lists(st.tuples(UNITS, PRICES), max_size=60))
def test_charges_add_up_to_the_floor_of_the_exact_sum(steps):
    tariff = FlatTariff()
    charged = 0
    exact = Fraction(0)
    for units, price in steps:
        tariff.price_u_per_kwh = price
        charged += tariff.charge(units)
        exact += Fraction(units * price, 36_000_000_000)
        assert charged == exact.__floor__()
    assert exact - charged == Fraction(tariff.millionths * 36_000 + tariff.parts, 36_000_000_000)


@given(st.integers(0, 10**18), PRICES)
def test_a_recovered_energy_of_any_size_is_charged_exactly(units, price):
    tariff = FlatTariff()
    tariff.price_u_per_kwh = price
    assert tariff.charge(units) == units * price // 36_000_000_000


MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("credit"), st.integers(1, 10**12)),
        st.tuples(st.just("charge"), st.integers(0, 3_000_000)),
    )
)
THRESHOLDS = st.integers(-(10**12), 10**12)


@given(MOVES, THRESHOLDS, st.one_of(THRESHOLDS, st.integers(-3, 3)))
def test_account_keeps_its_balance_and_thresholds_to_the_micro_unit(moves, back_u, near):
    account = Account()
    totals = {"credit": 0, "charge": 0}
    for kind, amount_u in moves:
        getattr(account, kind)(amount_u)
        totals[kind] += amount_u
    balance_u = totals["credit"] - totals["charge"]
    out_u = balance_u + near
    account.configure(out_u, back_u)
    account.alarm(max(0, totals["charge"] + near))
    assert account.credited_total_u == totals["credit"]
    assert account.charged_total_u == totals["charge"]
    assert account.balance_u == balance_u
    assert account.is_back() == (balance_u > back_u)
    assert account.is_due() == (near <= 0)
    assert account.is_out() == (balance_u <= out_u)
    assert account.below(*divmod(out_u, 1_000_000)) == (balance_u < out_u)


@pytest.mark.parametrize("amount_u", [0, -1, SMALL * 1_000_000])
def test_a_credit_that_the_total_cannot_take_changes_nothing(amount_u):
    account = Account()
    account.credit(5)
    with pytest.raises(ValueError, match="credit"):
        account.credit(amount_u)
    assert account.credited_total_u == 5
