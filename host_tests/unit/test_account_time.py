"""What is charged for time, however turns and clock come: against a part-by-part oracle."""

from hypothesis import given
from hypothesis import strategies as st

from account_kit import DAY, MONDAY, PART, Bench
from umeter.core import turn

STANDING = {"prices": [[200_000]], "standing_u_per_day": 500_000}


def _running(**settings):
    """A bench whose marks are set, at Monday noon, with 100.00 of credit."""
    bench = Bench(MONDAY + DAY // 2, **settings)
    bench.account.credit(100_000_000)
    bench.turn()
    return bench


def test_the_first_known_time_charges_nothing():
    bench = _running(tariff=STANDING, debt1_weekly_u=700_000)
    assert bench.account.charged_total_u == 0
    assert bench.book.day == MONDAY // DAY + 1


def test_each_midnight_once_whatever_the_number_of_turns():
    bench = _running(tariff=STANDING)
    for hour in range(13, 37):
        bench.turn(MONDAY + hour * 3600)
        bench.turn(MONDAY + hour * 3600)
    assert bench.book.standing_total_u == bench.account.charged_total_u == 500_000


def test_missed_midnights_are_charged_when_the_clock_is_known_again():
    bench = _running(tariff=STANDING)
    bench.turn(0)
    assert bench.account.charged_total_u == 0
    bench.turn(MONDAY + 10 * DAY)
    assert bench.book.standing_total_u == 10 * 500_000


def test_no_more_than_366_days_are_charged():
    bench = _running(tariff=STANDING, debt1_weekly_u=100)
    bench.change(debt_u=[1_000_000, 0, 0])
    bench.account.credit(1_000_000_000)
    bench.turn(MONDAY + 2000 * DAY)
    assert bench.book.standing_total_u == 366 * 500_000
    assert bench.book.debt_total_u == 5228  # whole parts of 366 days, 1 u each


def test_a_clock_a_little_slow_after_a_boot_pays_no_midnight_twice():
    bench = _running(tariff=STANDING, debt1_weekly_u=700_000)
    bench.change(debt_u=[10_000_000, 0, 0])
    bench.turn(MONDAY + DAY + 5)
    before = bench.account.charged_total_u
    bench.turn(MONDAY + DAY - 5)
    bench.turn(MONDAY + DAY + 5)
    assert bench.account.charged_total_u == before


def test_a_clock_far_back_after_a_boot_is_believed_from_then_on():
    bench = _running(tariff=STANDING, allowance_u=1_000_000, allowance_every="day")
    bench.turn(MONDAY - 100 * DAY)
    assert bench.book.standing_total_u == 0
    bench.turn(MONDAY - 99 * DAY)
    assert bench.book.standing_total_u == 500_000


def test_a_step_is_no_time():
    bench = _running(
        tariff=STANDING, debt1_weekly_u=700_000, allowance_u=1_000_000, allowance_every="week"
    )
    bench.change(debt_u=[10_000_000, 0, 0], share_paid_u=7)
    before = bench.account.charged_total_u, bench.account.credited_total_u, bench.book.days_milli
    now = bench.when
    for after in (now + 40 * DAY, now - 300 * DAY, now + 1, now + DAY // 2, now):
        turn.stepped(bench, bench.when, after)
        assert bench.next_when == 0
        bench.turn(after)
    after = bench.account.charged_total_u, bench.account.credited_total_u, bench.book.days_milli
    assert after == before
    assert bench.book.share_paid_u == 7


def test_the_week_of_the_payment_debt_is_new_on_monday():
    bench = _running()
    bench.change(share_paid_u=5)
    bench.turn(MONDAY + 7 * DAY - 1)
    assert bench.book.share_paid_u == 5
    bench.turn(MONDAY + 7 * DAY)
    assert bench.book.share_paid_u == 0


def test_a_closed_account_is_charged_nothing():
    bench = _running(tariff=STANDING, allowance_u=5_000_000)
    bench.change(flags=2, allowance_period=0)
    before = bench.account.charged_total_u, bench.account.credited_total_u
    bench.turn(MONDAY + 40 * DAY)
    assert (bench.account.charged_total_u, bench.account.credited_total_u) == before
    assert bench.channel.claims == 4
    bench.change(flags=0)
    bench.turn(MONDAY + 41 * DAY)
    assert bench.book.standing_total_u == 500_000


def test_days_and_budget_are_counted_by_the_day():
    bench = _running(budget_u=3_000_000)
    assert bench.spend(2_999_999) == []
    assert bench.spend(1) == ["budget.out"]
    assert bench.channel.claims == 8
    bench.turn(MONDAY + DAY)
    assert bench.channel.claims == 0
    assert bench.book.days_milli[:2] == [3000, -1]
    bench.turn(MONDAY + 3 * DAY)  # one turn for two days: their mean
    assert bench.book.days_milli[:4] == [0, 0, 3000, -1]


def test_what_the_user_switched_off_outlives_midnight():
    bench = _running(budget_u=3_000_000)
    bench.spend(3_000_000)
    bench.change(flags=bench.book.flags | 16)
    bench.turn(MONDAY + DAY)
    assert bench.channel.claims == 8


def test_an_allowance_is_given_once_and_what_is_left_expires():
    bench = Bench(MONDAY, allowance_u=2_000_000, allowance_every="day")
    assert bench.turn() == ["allowance.given"]
    bench.spend(500_000)
    assert bench.turn(MONDAY + 3600) == []
    assert (
        bench.turn(MONDAY + 2 * DAY) == ["allowance.expired", "allowance.given", "credit.back"][:2]
    )
    assert bench.account.balance_u == 2_000_000
    assert bench.book.other_total_u == 1_500_000
    bench.changed = {}
    bench.turn(MONDAY + 3 * DAY)
    assert bench.account.balance_u == 0
    assert bench.book.allowance_period == 0


def test_what_of_an_allowance_clears_a_debt_does_not_expire():
    bench = Bench(MONDAY, allowance_u=2_000_000, allowance_every="day")
    bench.account.charge(1_500_000)
    bench.turn()
    assert bench.book.allowance_u == 500_000
    bench.changed = {}
    bench.turn(MONDAY + DAY)
    assert bench.account.balance_u == 0


def test_next_when_is_midnight_or_the_next_part_of_what_is_owed():
    bench = _running(tz="XXX-5:45")
    midnight = MONDAY + DAY - 5 * 3600 - 45 * 60
    assert bench.next_when == midnight
    bench.change(debt_u=[0, 5_000_000, 0])
    bench.turn()
    last = bench.when // PART * PART + PART
    assert bench.next_when == last
    bench.turn(midnight - 60)
    assert bench.next_when == midnight
    bench.next_when = 0
    bench.turn(0)
    assert bench.next_when == 0


def test_friendly_hours_hold_for_a_day_without_a_clock():
    bench = _running(friendly=[["1", 0, 2400]])
    assert bench.book.flags & 4
    bench.up_s = DAY - 1
    bench.turn(0)
    assert bench.book.flags & 4
    bench.up_s = DAY
    bench.turn(0)
    assert not bench.book.flags & 4


def _parts(weekly_u, first, last):
    """The rule of the reference: part k of the week takes W * k // 100 - W * (k - 1) // 100."""
    for part in range(first, last):
        k = part % 100 + 1
        yield weekly_u * k // 100 - weekly_u * (k - 1) // 100


@given(
    weekly_u=st.integers(0, 10**8),
    first=st.integers(0, 250),
    count=st.integers(0, 300),
    room_u=st.integers(-5, 10**8),
)
def test_steps_taken_at_once_are_the_steps_taken_one_by_one(weekly_u, first, count, room_u):
    taken_u = 0
    for part_u in _parts(weekly_u, first, first + count):
        if taken_u < room_u:
            taken_u += part_u
    assert turn._taken(weekly_u, first, first + count, room_u) == taken_u


@given(
    owed_u=st.integers(0, 10**7),
    credit_u=st.integers(1, 10**6),
    always=st.booleans(),
    steps=st.lists(st.integers(1, 400 * PART), min_size=1, max_size=8),
)
def test_a_debt_is_what_was_taken_and_what_is_left(owed_u, credit_u, always, steps):
    take = "always" if always else "credit"
    bench = Bench(MONDAY, debt2_weekly_u=1_234_567, debt2_take=take)
    bench.account.credit(credit_u)
    bench.turn()
    bench.change(debt_u=[0, owed_u, 0])
    first = MONDAY // PART
    left_u = owed_u
    for step in steps:
        bench.turn(bench.when + step)
    balance_u = credit_u
    accumulated_u = 0
    for part_u in _parts(1_234_567, first, bench.when // PART):
        part_u = min(part_u, left_u)
        if balance_u > 0:
            balance_u -= part_u
        elif always:
            accumulated_u += part_u
        else:
            part_u = 0
        left_u -= part_u
    book = bench.book
    assert book.debt_u == [0, left_u, 0]
    assert book.accumulated_u == accumulated_u
    assert bench.account.balance_u == balance_u
    assert book.debt_total_u == credit_u - balance_u
