"""What an amount buys: exact to the micro-unit where it is money, else a careful estimate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk_kit import TARIFF, report_settings, sell
from station_kit import NOW_S, new_database, order, result, store
from umeter_station import account_orders, amounts, models
from umeter_station.desk import charges, debts, household, pricing, quotes, terms
from umeter_station.desk.charges import Charges
from umeter_station.desk.debts import Debts
from umeter_station.errors import StationError

_PERMILLE = st.integers(0, 999)
_U = st.integers(0, 10**12)


@pytest.fixture
def db(tmp_path):
    return new_database(tmp_path)


def _quote(db, paid_u=10_000_000, way="desk", now_s=NOW_S, ch=3):
    with db.read() as conn:
        return quotes.quote(conn, "m1", ch, paid_u, way, now_s)


def _set(db, way="*", at_s=NOW_S, **names):
    with db.write() as conn:
        charges.set_terms(conn, way, Charges(**{"from_s": at_s, **names}), "op", NOW_S)


@given(st.integers(1, amounts.MAX_AMOUNT_U), _U, _PERMILLE, _PERMILLE)
def test_what_is_paid_is_fee_tax_and_credit_to_the_micro_unit(paid_u, fee_u, fee, tax):
    cost = Charges(fee_u=fee_u, fee_permille=fee, tax_permille=tax)
    parts = charges.split(paid_u, cost)
    assert sum(parts) == paid_u
    # Rounded down: one more micro-unit of tax would be more than the rate allows.
    assert parts[1] * (1000 + tax) <= paid_u * tax < (parts[1] + 1) * (1000 + tax)
    try:
        assert charges.check_paid_u(paid_u, cost) == parts and parts[2] > 0
    except StationError:
        assert parts[2] <= 0


_PRICES = st.integers(1, 4).flatmap(
    lambda rates: st.lists(
        st.lists(st.integers(0, 99_999_999), min_size=rates, max_size=rates),
        min_size=1,
        max_size=4,
    )
)


@given(_PRICES, st.data(), st.integers(0, 10**11), st.integers(0, 10**7))
def test_energy_never_costs_more_than_is_paid_and_one_wh_more_would(prices, data, money_u, used):
    shares = data.draw(
        st.lists(st.integers(1, 999), min_size=len(prices[0]), max_size=len(prices[0]))
    )
    ends = st.lists(
        st.integers(1, 9999), min_size=len(prices) - 1, max_size=len(prices) - 1, unique=True
    )
    tariff = {"prices": prices, "blocks_kwh": sorted(data.draw(ends))}
    parts = pricing.buys(money_u, tariff, shares, used)
    wh, cost_u = sum(p.wh for p in parts), sum(p.amount_u for p in parts)
    assert cost_u <= money_u
    assert all(p.wh > 0 and p.amount_u == p.wh * p.price_u_per_kwh // 1000 for p in parts)
    if wh < 10**11:  # It was not given away: so what is left buys next to nothing.
        dearest = max(map(max, prices))
        assert money_u - cost_u <= (len(parts) + 2) * dearest // 1000 + len(parts) + dearest
        # And the same energy, worked out from the other side, costs the same.
        again = pricing.costs(wh, tariff, shares, used)
        assert sum(p.wh for p in again) == wh
        assert abs(sum(p.amount_u for p in again) - cost_u) <= len(parts) * dearest // 1000 + 9


def test_rates_take_their_hours_of_the_week():
    # Day rate 7 to 23, night rate the rest: 16 and 8 of 24 hours, every day.
    day, night = pricing.rate_shares(TARIFF)
    assert day == 2 * night
    workdays = {"prices": [[1, 2]], "tables": [[[[0, 1]], [[0, 2]]]]}
    assert [s // 1440 for s in pricing.rate_shares(workdays)] == [5, 2]
    assert pricing.rate_shares({"prices": [[5, 6]], "fallback": 2}) == [0, 1]


def test_the_season_of_the_date_counts_and_before_the_first_the_last_goes_on():
    tariff = {
        "prices": [[1, 2]],
        "seasons": [401, 1001],
        "tables": [[[[0, 2]]], [[[0, 1]]]],
    }
    assert pricing.rate_shares(tariff, 331)[1] == 0
    assert pricing.rate_shares(tariff, 401)[0] == 0
    assert pricing.rate_shares(tariff, 1231)[1] == 0


def test_blocks_begin_where_the_month_is(db):
    tariff = {"prices": [[200_000], [300_000], [500_000]], "blocks_kwh": [10, 12]}
    parts = pricing.buys(2_200_000, tariff, [1], 7_000)
    told = [(p.block, p.wh, p.amount_u) for p in parts]
    assert told == [(1, 3_000, 600_000), (2, 2_000, 600_000), (3, 2_000, 1_000_000)]


def test_a_quote_by_hand(db):
    report_settings(db, tariff=TARIFF, price_u_per_kwh=1, debt3_percent=10, max_topup_u=0)
    _set(db, fee_u=100_000, tax_permille=200)
    quote = _quote(db)
    assert (quote.fee_u, quote.tax_u, quote.credit_u) == (100_000, 1_666_666, 8_233_334)
    assert quote.order_u == quote.credit_u and not quote.is_kwh
    # A tenth for debts; the rest at (2 x 0.30 + 0.10) / 3 a kWh.
    assert (quote.debt_u, quote.debt_known) == (823_333, False)
    told = [(part.rate, part.wh, part.amount_u) for part in quote.parts]
    assert told == [(1, 21_171, 6_351_300), (2, 10_585, 1_058_500)]
    assert quote.energy_wh == 31_756
    assert quotes.from_dict(quote.to_dict()) == quote


def test_what_has_not_been_reported_is_not_guessed(db):
    quote = _quote(db)
    assert quote.energy_wh is None and quote.parts == () and quote.notes


def test_a_channels_own_tariff_comes_first_and_the_next_one_in_its_time():
    reported = {
        "price_u_per_kwh": 1,
        "tariff": {"prices": [[2]]},
        "next_tariff": {"prices": [[3]], "from": NOW_S},
        "ch.2.price_u_per_kwh": 4,
        "ch.3.next_tariff": {"prices": [[5]], "from": NOW_S + 9},
        "ch.4.unit": "kwh",
    }
    price = {ch: terms.parse(reported, ch, NOW_S).tariff["prices"][0][0] for ch in (1, 2, 3)}
    assert price == {1: 3, 2: 4, 3: 3}
    assert terms.parse(reported, 1, NOW_S - 1).tariff["prices"] == [[2]]
    assert terms.parse(reported, 3, NOW_S + 9).tariff["prices"] == [[5]]
    assert terms.parse(reported, 4, NOW_S).unit == "kwh"


def test_fees_change_in_time_and_by_way_and_never_backwards(db):
    _set(db, fee_u=1_000_000)
    _set(db, "web", fee_u=2_000_000)
    _set(db, at_s=NOW_S + 100, fee_u=3_000_000)
    assert (_quote(db).fee_u, _quote(db, way="web").fee_u) == (1_000_000, 2_000_000)
    assert _quote(db, now_s=NOW_S + 100).fee_u == 3_000_000
    assert _quote(db, way="web", now_s=NOW_S + 100).fee_u == 2_000_000
    with pytest.raises(StationError, match="stays"):
        _set(db, at_s=NOW_S - 1, fee_u=0)


@pytest.mark.parametrize(
    ("names", "paid_u", "words"),
    [
        ({"min_u": 5_000_000}, 4_999_999, "smallest"),
        ({"max_u": 5_000_000}, 5_000_001, "largest"),
        ({"fee_u": 5_000_000}, 5_000_000, "nothing is left"),
        ({"fee_permille": 999, "tax_permille": 999}, 1_000, "nothing is left"),
    ],
)
def test_what_cannot_be_paid(db, names, paid_u, words):
    _set(db, **names)
    with pytest.raises(StationError, match=words):
        _quote(db, paid_u)


def test_more_than_the_meter_takes_is_not_sold(db):
    report_settings(db, max_topup_u=9_000_000, max_balance_u=5_000_000)
    with pytest.raises(StationError, match=r"at most 9\.00"):
        _quote(db)
    assert "keeps at most 5.00" in " ".join(_quote(db, 9_000_000).notes)


def test_what_a_meter_takes_for_debts_follows_its_answers(db):
    report_settings(db, price_u_per_kwh=200_000, debt3_percent=50, debt3_cap_u=6_000_000)
    assert (_quote(db).debt_u, _quote(db).debt_known) == (5_000_000, False)
    order(db, account_orders.status(3), "s1")
    book = {"debt_u": [0, 0, 7_000_000], "share_paid_u": 2_000_000, "accumulated_u": 300_000}
    store(db, result(1, account=book))
    # The cap leaves 4.00 of the share, then what has accumulated comes.
    assert (_quote(db).debt_u, _quote(db).debt_known) == (4_300_000, True)
    sell(db)
    store(db, result(2, payment_debt_u=3_500_000, accumulated_u=300_000))
    with db.read() as conn:
        assert debts.known(conn, "m1", 3) == Debts(3_500_000, 5_500_000, 0)
    assert _quote(db).debt_u == 500_000
    order(db, account_orders.debt(3, 3, -3_400_000), "d1")
    store(db, result(3))
    assert _quote(db).debt_u == 100_000
    order(db, account_orders.account(3, "reset"), "a1")
    store(db, result(4, refund_u=0))
    assert _quote(db).debt_u == 0


def test_a_meter_that_counts_kwh_is_sold_kwh(db):
    report_settings(db, unit="kwh", price_u_per_kwh=300_000)
    quote = _quote(db)
    assert quote.is_kwh and quote.credit_u == 10_000_000
    assert quote.order_u == 33_333_333 and quote.energy_wh == 33_333
    report_settings(db, unit="kwh", price_u_per_kwh=0)
    with pytest.raises(StationError, match="not known"):
        _quote(db)


@given(st.integers(0, 5_000), st.sampled_from(sorted(pricing.PROFILES)), _PERMILLE, _PERMILLE)
def test_what_a_household_pays_is_the_least_that_buys_its_month(kwh, profile, fee, tax):
    cost = Charges(fee_u=50_000, fee_permille=fee // 4, tax_permille=tax // 4)
    document = {"tariff": {**TARIFF, "standing_u_per_day": 100_000}}
    found = household.preview(document, kwh, profile, cost, NOW_S)
    assert sum(part.wh for part in found.parts) == kwh * 1000
    needed_u = found.energy_u + found.standing_u
    assert found.standing_u == 3_000_000
    assert charges.split(found.pays_u, cost)[2] >= needed_u
    assert charges.split(found.pays_u - 1, cost)[2] < needed_u


def test_whoever_uses_by_night_pays_less():
    document = {"tariff": TARIFF}
    pays = {
        name: household.preview(document, 300, name, charges.NONE, NOW_S).pays_u
        for name in pricing.PROFILES
    }
    assert pays["night"] < pays["flat"] < pays["day"]
    assert pays["flat"] == 300 * (2 * 300_000 + 100_000) // 3
    with pytest.raises(StationError, match="profiles"):
        household.preview(document, 300, "bakery", charges.NONE, NOW_S)


def test_the_month_so_far_is_the_load_profiles(db):
    report_settings(db, tariff={"prices": [[200_000], [400_000]], "blocks_kwh": [10]})
    month_s = 1_798_761_600  # 2027-01-01; NOW_S lies in that month
    with db.write() as conn:
        for n, (t_end, wh) in enumerate([(month_s, 5_000), (month_s + 900, 9_000)], start=1):
            row = {f"wh_{ch}": wh if ch == 3 else 0 for ch in range(1, 9)}
            row |= {"meter": "m1", "n": n, "raw": bytes(32), "t_end": t_end, "minutes": 15}
            row |= {"flags": 0, "quarantined": 0, "estimated": 0, "received_at": NOW_S}
            conn.execute(models.intervals.insert().values(row))
    parts = _quote(db, 1_000_000).parts
    assert [(part.block, part.wh) for part in parts] == [(1, 1_000), (2, 2_000)]
