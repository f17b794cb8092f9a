"""The night: use becomes revenue once, and what the books and the others disagree on is told."""

import random

import pytest
import sqlalchemy as sa

from desk_kit import (
    ANNA,
    DAY_S,
    answer,
    balance_u,
    charged,
    check,
    report_settings,
    sell,
    transfers,
)
from station_kit import KEY, NOW_S, FixedClock, new_database, order, reading, store, uplink
from umeter_station import account_orders, config, ledger, meters, models_desk, queries
from umeter_station.desk import posting, reconcile, shifts
from umeter_station.station import Books
from umeter_station.watch import findings

DAY = NOW_S // DAY_S
MIDNIGHT_S = DAY * DAY_S


def _sold(db):
    sell(db, 50_000_000)
    answer(db, 1)
    return db


@pytest.fixture
def db(tmp_path):
    db = _sold(new_database(tmp_path))
    yield db
    check(db)
    db.close()


def _post(db, day, limit=200):
    """As the job does early on the day after `day`."""
    with db.write() as conn:
        return posting.post_some(conn, (DAY + day + 1) * DAY_S + 60, limit=limit)[0]


def _used(db):
    return [(key, u) for key, _, credit, u in transfers(db) if credit == "revenue:energy"]


def _at(day, second=3_600):
    return MIDNIGHT_S + day * DAY_S + second


def test_a_days_use_is_posted_once(db):
    charged(db, 1_000_000, _at(0, 80_000), 1)
    charged(db, 3_000_000, _at(0, 86_399), 2)
    charged(db, 9_000_000, _at(1, 0), 3)
    assert [_post(db, 0), _post(db, 0)] == [1, 0]
    assert _used(db) == [(f"use:m1/3:{DAY}", 3_000_000)]
    assert [_post(db, 1), _post(db, 1)] == [1, 0]
    assert balance_u(db, ledger.REVENUE_ENERGY) == 9_000_000
    assert balance_u(db, "customer:m1/3") == 41_000_000


def test_days_that_were_missed_are_made_up_for_each_by_itself(any_db):
    db = _sold(any_db)
    for day in range(5):
        charged(db, (day + 1) * 1_000_000, _at(day), day + 1)
    assert _post(db, 4) == 5
    assert _used(db) == [(f"use:m1/3:{DAY + day}", 1_000_000) for day in range(5)]


def test_a_silent_day_has_no_row_and_the_next_has_its_use(db):
    charged(db, 1_000_000, _at(0), 1)
    _post(db, 0)
    _post(db, 1)
    charged(db, 5_000_000, _at(2), 2)
    _post(db, 2)
    assert [u for _, u in _used(db)] == [1_000_000, 4_000_000]


def test_what_comes_late_counts_for_the_day_it_came_in(db):
    charged(db, 2_000_000, _at(0), 2)
    _post(db, 0)
    # A reading of yesterday, numbered before the other: it tells nothing new.
    message = reading(seq=1, channels=3, t=_at(0) - 60, charged_total_u=[0, 0, 1_500_000])
    store(db, uplink("reading", message), now_s=_at(1))
    assert _post(db, 1) == 0
    charged(db, 2_500_000, _at(2), 3)
    _post(db, 2)
    assert [u for _, u in _used(db)] == [2_000_000, 500_000]


def test_credit_that_was_taken_back_is_no_use(db):
    order(db, account_orders.debit(3, 4_000_000), "o1")
    charged(db, 6_000_000, _at(0), 1)
    # The meter may have charged what it gave back: nothing is posted until it says.
    assert _post(db, 0) == 0
    answer(db, 2, taken_u=4_000_000, now_s=_at(1))
    assert _post(db, 0) == 1
    assert _used(db) == [(f"use:m1/3:{DAY}", 2_000_000)]
    with db.read() as conn:
        (balance,) = [b for b in queries.balances(conn, "m1") if b.ch == 3]
    assert (balance.returned_u, balance.credited_u) == (4_000_000, 50_000_000)


def test_never_more_than_charged_whatever_comes_when(db):
    chance = random.Random(7)
    total_u = seen_u = 0
    for seq in range(1, 41):
        total_u += chance.randrange(0, 900_000)
        day = seq // 4
        if chance.random() < 0.7:
            charged(db, total_u, _at(day, seq % 4 * 20_000), seq)
            seen_u = total_u
        if chance.random() < 0.4:
            _post(db, day - 1)
        assert balance_u(db, ledger.REVENUE_ENERGY) <= seen_u
    _post(db, 10)
    assert balance_u(db, ledger.REVENUE_ENERGY) == seen_u


def test_many_meters_are_posted_a_few_at_a_time(db):
    with db.write() as conn:
        for number in range(2, 6):
            meters.add(conn, f"m{number}", KEY, NOW_S)
    for number in range(1, 6):
        message = reading(channels=1, charged_total_u=[number], balance_u=[-number])
        store(db, uplink("reading", message, f"m{number}"), now_s=_at(0))
    rounds, after = [], ""
    while True:
        with db.write() as conn:
            posted, after = posting.post_some(conn, _at(1), after, 2)
        rounds.append((posted, after))
        if not after:
            break
    assert rounds == [(2, "m2"), (2, "m4"), (1, "")]


def test_kwh_that_are_used_are_revenue_at_what_they_cost(db):
    report_settings(db, unit="kwh", price_u_per_kwh=250_000)
    sell(db, 10_000_000, "k2", ch=2)
    answer(db, 2)
    report_settings(db, unit="kwh", price_u_per_kwh=500_000)
    sell(db, 10_000_000, "k3", ch=2)
    answer(db, 3)
    # 40 and 20 kWh for 20.00: a third of the money for each of them.
    charged(db, 30_000_000, _at(0), 1, ch=2)
    assert _post(db, 0) == 1
    assert balance_u(db, ledger.REVENUE_ENERGY) == balance_u(db, "prepaid:m1/2") == 10_000_000
    charged(db, 60_000_000, _at(1), 2, ch=2)
    _post(db, 1)
    assert balance_u(db, "prepaid:m1/2") == balance_u(db, "customer:m1/2") == 0


# Reconciliation.


def _report(db, now_s=NOW_S + 60):
    with db.read() as conn:
        found, document = reconcile.look(conn, now_s)
    with db.write() as conn:
        return reconcile.store(conn, found, document, now_s)


def _open_findings(db):
    with db.read() as conn:
        return {(f.rule, f.meter, f.ch) for f in findings.list_(conn, state="current")}


def test_books_that_agree_have_nothing_to_tell(db):
    charged(db, 2_000_000, NOW_S + 5, 1, credited_u=50_000_000)
    assert _report(db).mismatches == () and _open_findings(db) == set()


def test_a_meter_that_was_credited_more_than_was_paid_is_told(any_db):
    db = _sold(any_db)
    charged(db, 2_000_000, NOW_S + 5, 1, credited_u=51_000_000)
    (found,) = _report(db).mismatches
    assert (found.rule, found.meter, found.ch) == ("A15", "m1", 3)
    assert found.evidence["credited_total_u"] - found.evidence["credited_u"] == 1_000_000
    assert _open_findings(db) == {("A15", "m1", 3)}


def test_what_is_on_its_way_explains_a_difference(db):
    sell(db, 1_000_000, "k2")
    charged(db, 2_000_000, NOW_S + 5, 1, credited_u=51_000_000)
    assert _report(db).mismatches == ()


def test_the_posting_of_use_disturbs_no_comparison(db):
    charged(db, 2_000_000, _at(0), 1, credited_u=50_000_000)
    _post(db, 0)
    assert _report(db, _at(1)).mismatches == ()


def test_a_drawer_that_is_short_is_a_finding_that_stays_as_long_as_it_is_reported(db):
    with db.write() as conn:
        shift = shifts.open_(conn, "front", ANNA, 5_000_000, ANNA, NOW_S)
        shifts.close(conn, shift.id, 4_000_000, ANNA, NOW_S)
    assert [found.rule for found in _report(db).mismatches] == ["R03"]
    assert _open_findings(db) == {("R03", "", 0)}


def test_what_is_mended_is_over(db):
    with db.write() as conn:
        findings.note(conn, "R02", "", 0, {}, "critical", NOW_S)
    _report(db)
    assert _open_findings(db) == set()


def test_a_ledger_that_does_not_balance_is_told(tmp_path):
    db = new_database(tmp_path)
    sell(db)
    with db.write() as conn:
        conn.exec_driver_sql("DROP TRIGGER transfers_no_delete")
        conn.exec_driver_sql("DELETE FROM transfers")
    assert {found.rule for found in _report(db).mismatches} == {"R01"}


def test_reports_are_kept_and_bound_to_each_other(tmp_path):
    db = _sold(new_database(tmp_path))
    first, second = _report(db), _report(db, NOW_S + 99)
    assert first.digest != second.digest and second.id == first.id + 1
    with db.read() as conn:
        assert [report.id for report in reconcile.page(conn, 9)] == [2, 1]
        assert reconcile.verify(conn) is None
    with pytest.raises(sa.exc.IntegrityError, match="append-only"), db.write() as conn:
        conn.execute(sa.update(models_desk.reconciliations).values(at=1))
    with db.write() as conn:
        conn.exec_driver_sql("DROP TRIGGER reconciliations_no_update")
        conn.execute(
            sa.update(models_desk.reconciliations)
            .values(report="{}")
            .where(models_desk.reconciliations.c.id == 1)
        )
    with db.read() as conn:
        assert reconcile.verify(conn) == 1


def test_the_jobs_do_it_all_by_themselves(tmp_path):
    db = _sold(new_database(tmp_path))
    config.create_home(tmp_path, "mqtt://127.0.0.1:1")
    charged(db, 2_000_000, _at(0), 1, credited_u=50_000_000)
    books = Books(tmp_path, FixedClock(_at(1)))
    assert posting.post_daily(books) == 1 and posting.post_daily(books) == 0
    assert reconcile.run(books).mismatches == ()
    books.close()
