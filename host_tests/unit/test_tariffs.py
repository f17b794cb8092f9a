"""Which tariff is in force, and the energy that each rate and each block is charged for. Long
random bills: test_calendar.py runs the vectors of both.
"""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from umeter import settings_check
from umeter.core import calendar, tariffs
from umeter.core.channel import NO_BLOCK, Channel
from umeter.core.energy import UNITS_PER_WH
from umeter.core.sample import Sample
from umeter.core.settings_table import Document
from vectors import time_vectors
from vectors.time_vectors import EPOCH_S

UNITS_PER_KWH = 1000 * UNITS_PER_WH
NOON = 2998 * 86_400 + 43_200  # of Friday 2028-03-17 in UTC
PLAIN = {"prices": [[100_000]]}
DEARER = {"prices": [[300_000]], "standing_u_per_day": 70_000}


class Book:
    """The fields of core's Book that tariffs.py reads and writes."""

    def __init__(self):
        self.rate = 0
        self.month = self.month_wh = self.month_rest = 0
        self.mark_wh = self.mark_rest = 0
        self.rate_wh = [0] * 4
        self.rate_rest = [0] * 4

    def rates(self):
        return [wh * UNITS_PER_WH + self.rate_rest[i] for i, wh in enumerate(self.rate_wh)]


class User:
    """Channel 1 with settings of its own, as a turn sees it."""

    def __init__(self, **changed):
        self.doc = Document({key.replace("ch1_", "ch.1."): changed[key] for key in changed})
        self.channel = Channel(0, Sample(UNITS_PER_WH, 1 << 30), 250_000)
        self.book = Book()

    def turn(self, when, known=0):
        now = calendar.now(self.doc, when)
        return tariffs.apply(self.doc, self.channel, self.book, now, when or known)

    def use(self, units, when):
        """Book energy as the meter's tick does. Returns the prices that were in force."""
        self.channel.book(units)
        prices = [self.price]
        while self.channel.register.wh >= self.channel.block_end_wh:
            self.turn(when)
            self.channel.charge_late()
            prices.append(self.price)
        return prices

    @property
    def price(self):
        return self.channel.tariff.price_u_per_kwh

    @property
    def register(self):
        return self.channel.register.wh * UNITS_PER_WH + self.channel.register.residual

    @property
    def charged_u(self):
        return self.channel.account.charged_total_u


def follow(tariff, when):
    return dict(tariff, **{"from": EPOCH_S + when})


@pytest.mark.parametrize(
    "changed, price, follows",
    [
        ({}, 200_000, 0),
        ({"price_u_per_kwh": 5}, 5, 0),
        ({"price_u_per_kwh": 5, "tariff": PLAIN}, 100_000, 0),
        ({"tariff": PLAIN, "ch1_price_u_per_kwh": 7}, 7, 0),
        ({"tariff": PLAIN, "price_u_per_kwh": 7, "ch1_price_u_per_kwh": 7}, 7, 0),
        ({"tariff": PLAIN, "ch1_price_u_per_kwh": 0}, 0, 0),
        ({"ch1_tariff": DEARER, "ch1_price_u_per_kwh": 7, "tariff": PLAIN}, 300_000, 0),
        ({"tariff": PLAIN, "next_tariff": follow(DEARER, NOON)}, 300_000, 0),
        ({"tariff": PLAIN, "next_tariff": follow(DEARER, NOON + 1)}, 100_000, NOON + 1),
        ({"ch1_price_u_per_kwh": 7, "next_tariff": follow(DEARER, NOON)}, 7, 0),
        ({"ch1_next_tariff": follow(DEARER, NOON + 9), "tariff": PLAIN}, 100_000, NOON + 9),
        ({"ch1_next_tariff": follow(DEARER, NOON), "ch1_tariff": PLAIN}, 300_000, 0),
        (
            {
                "ch1_next_tariff": follow(DEARER, NOON + 9),
                "next_tariff": follow(PLAIN, NOON + 5),
            },
            200_000,
            NOON + 5,
        ),
        (
            {
                "ch1_next_tariff": follow(DEARER, NOON + 9),
                "next_tariff": follow(PLAIN, NOON - 5),
            },
            100_000,
            NOON + 9,
        ),
        ({"unit": "kwh", "price_u_per_kwh": 5}, 1_000_000, 0),
        ({"ch1_unit": "kwh", "tariff": DEARER}, 1_000_000, 0),
    ],
)
def test_the_most_specific_tariff_is_in_force(changed, price, follows):
    user = User(**changed)
    assert user.turn(NOON) == (1440, follows)
    assert user.price == price


def test_the_standing_charge_is_that_of_the_tariff_in_force():
    doc = User(tariff=PLAIN, next_tariff=follow(DEARER, NOON)).doc
    assert [tariffs.standing(doc, 0, when) for when in (0, NOON - 1, NOON)] == [0, 0, 70_000]
    assert tariffs.standing(User(tariff=DEARER, ch1_unit="kwh").doc, 0, NOON) == 0
    assert tariffs.standing(User(tariff=DEARER, ch1_price_u_per_kwh=1).doc, 0, NOON) == 0


def test_a_tariff_takes_over_at_its_second():
    user = User(tariff=PLAIN, next_tariff=follow(DEARER, NOON + 61))
    assert user.turn(NOON)[1] == NOON + 61
    user.use(UNITS_PER_KWH, NOON + 60)
    assert user.charged_u == 100_000
    user.turn(NOON + 61)
    user.use(UNITS_PER_KWH, NOON + 62)
    assert user.charged_u == 400_000
    user.turn(0, known=NOON + 61)
    assert user.price == 300_000, "a moment that has passed stays passed without a clock"


RATES = {
    "prices": [[10, 20, 30, 40]],
    "fallback": 4,
    "tables": [[[[0, 1], [700, 2], [2230, 1]], [[0, 3]]]],
}


def test_rates_follow_the_clock_and_the_kind_of_day():
    user = User(tariff=RATES, special_days=[321])
    friday = NOON - 43_200
    hops = []
    for when in (friday, friday + 7 * 3600 - 1, friday + 7 * 3600, friday + 22 * 3600 + 1800):
        hops.append((user.turn(when)[0], user.price))
    assert hops == [(420, 10), (420, 10), (1350, 20), (1440, 10)]
    assert user.turn(NOON + 86_400) == (1440, 0) and user.price == 30
    assert user.turn(NOON + 3 * 86_400) == (1350, 0) and user.price == 20
    # Tuesday is special, and has the last table that was given.
    assert user.turn(NOON + 4 * 86_400) == (1440, 0) and user.price == 30


def test_without_a_clock_the_fallback_rate_is_charged_and_registered():
    user = User(tariff=RATES)
    user.turn(NOON)
    user.use(5 * UNITS_PER_WH + 1, NOON)
    assert user.turn(0) == (0, 0), "nobody knows until when"
    assert (user.price, user.book.rate) == (40, 3)
    user.use(7 * UNITS_PER_WH + 2, 0)
    user.turn(NOON)
    assert user.book.rates() == [0, 5 * UNITS_PER_WH + 1, 0, 7 * UNITS_PER_WH + 2]
    assert User(tariff=PLAIN).turn(0) == (1440, 0), "one rate needs no clock"


def test_seasons_begin_on_their_day_and_the_last_goes_on_over_new_year():
    tables = [[[[0, rate]]] for rate in (1, 2, 3)]
    user = User(tariff={"prices": [[1, 2, 3]], "seasons": [401, 701, 1101], "tables": tables})
    told = []
    for date in ((1, 1), (3, 31), (4, 1), (6, 30), (7, 1), (10, 31), (11, 1), (12, 31)):
        user.turn(calendar.day_of(2028, *date) * 86_400 + 43_200)
        told.append(user.price)
    assert told == [3, 3, 1, 1, 2, 2, 3, 3]


BLOCKS = {"prices": [[100], [200], [400]], "blocks_kwh": [1, 3]}


def test_the_energy_of_a_tick_is_split_at_the_end_of_a_block():
    user = User(tariff=BLOCKS)
    user.turn(NOON)
    assert user.channel.block_end_wh == 1000
    user.use(1000 * UNITS_PER_WH - 1, NOON)
    assert (user.price, user.channel.tariff.millionths) == (100, 999_999)
    assert user.use(1 + 500 * UNITS_PER_WH, NOON) == [100, 200]
    assert user.charged_u == 100 + 100
    assert user.channel.block_end_wh == 3000
    user.use(1500 * UNITS_PER_WH, NOON)
    assert (user.charged_u, user.price) == (100 + 400, 400)
    assert user.channel.block_end_wh == NO_BLOCK


def test_a_long_tick_may_pass_several_blocks():
    user = User(tariff=BLOCKS)
    user.turn(NOON)
    assert user.use(4 * UNITS_PER_KWH, NOON) == [100, 200, 400]
    assert user.charged_u == 100 + 2 * 200 + 400


def test_energy_that_waits_for_its_price_is_of_the_rate_to_come():
    """The end of a block and of a rate in one tick: charged and registered alike."""
    tables = [[[[0, 1], [1200, 2]]]]
    user = User(tariff={"prices": [[1, 2], [10, 20]], "blocks_kwh": [1], "tables": tables})
    user.turn(NOON - 60)
    assert user.use(1001 * UNITS_PER_WH, NOON) == [1, 20]
    user.turn(NOON)
    assert user.book.rates() == [1000 * UNITS_PER_WH, UNITS_PER_WH, 0, 0]


def test_blocks_begin_anew_with_the_month():
    user = User(tariff=BLOCKS, tz="CET-1CEST,M3.5.0,M10.5.0/3")
    midnight = calendar.day_of(2028, 4, 1) * 86_400 - 7200  # it is summer time
    user.turn(midnight - 1)
    user.use(3500 * UNITS_PER_WH + 17, midnight - 1)
    user.turn(midnight - 1)
    assert user.price == 400
    user.turn(midnight)
    assert (user.price, user.channel.block_end_wh) == (100, 4500)
    assert (user.book.month_wh, user.book.month_rest) == (3500, 17)
    user.turn(0)
    assert user.price == 100, "without a clock the month goes on"


@settings(max_examples=60)
@given(
    st.integers(0, 1 << 29),
    st.integers(0, UNITS_PER_WH - 1),
    st.lists(
        st.tuples(
            st.integers(0, 1439), st.sampled_from([0, 1, 17, 1 << 29]) | st.integers(0, 1 << 40)
        ),
        max_size=12,
    ),
)
def test_rate_registers_and_what_is_not_in_them_yet_are_the_register(wh, rest, steps):
    """And where no block ends, each rate is charged for its own register."""
    user = User(tariff=RATES)
    user.channel.register.wh, user.channel.register.residual = wh, rest
    user.turn(NOON)
    user.book.rate_wh[0] = user.book.rate_rest[0] = 0
    before = wh * UNITS_PER_WH + rest
    for minute, units in steps:
        user.turn(NOON - 43_200 + minute * 60)
        user.use(units, NOON)
        mark = user.book.mark_wh * UNITS_PER_WH + user.book.mark_rest
        assert sum(user.book.rates()) + user.register - mark == user.register - before
    user.turn(NOON)
    assert all(0 <= rest < UNITS_PER_WH for rest in user.book.rate_rest)
    priced = zip(user.book.rates(), RATES["prices"][0], strict=True)
    due = sum(Fraction(units * price, UNITS_PER_KWH) for units, price in priced)
    assert user.charged_u == due // 1


def test_the_settings_allow_what_the_vectors_try():
    vectors = time_vectors.build(3, moments=4, tariffs=8, days=2)
    for case in vectors["cases"]:
        accepted, refused = settings_check.check(case["doc"], {}, 8)
        assert refused == {} and accepted == case["doc"]
