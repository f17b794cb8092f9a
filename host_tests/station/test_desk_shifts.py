"""Shifts: what is in the drawer is what the books say, and the Z-report tells every cent of it."""

import pytest
import sqlalchemy as sa

from desk_kit import ANNA, BERT, answer, balance_u, balances_u, check, sell, sell_as
from station_kit import NOW_S, new_database
from umeter_station import ledger, models_desk
from umeter_station.desk import agents, checks, payouts, sales, shifts, voids
from umeter_station.errors import Conflict, NotFound, StationError


@pytest.fixture
def db(tmp_path):
    db = new_database(tmp_path)
    yield db
    check(db)


def _open(db, by=ANNA, float_u=20_000_000, desk="front", now_s=NOW_S):
    with db.write() as conn:
        return shifts.open_(conn, desk, by, float_u, by, now_s)


def _close(db, shift, counted_u, now_s=NOW_S + 9):
    with db.write() as conn:
        return shifts.close(conn, shift.id, counted_u, shift.cashier, now_s)


def _move(db, shift, into_u, key="c1", reason="coins"):
    with db.write() as conn:
        return shifts.move_cash(conn, shift.id, into_u, reason, key, ANNA, NOW_S)


def _mismatches(db, now_s=NOW_S + 9):
    with db.read() as conn:
        return [found.what for found in checks.in_drawers(conn, now_s)]


def test_a_day_at_the_desk_adds_up(db):
    shift = _open(db)
    assert sell(db, 7_000_000, "k1").shift_id == shift.id
    sell(db, 5_000_000, "k2")
    answer(db, 2, "range")
    sell(db, 4_000_000, "k3")
    with db.write() as conn:
        voids.void_last(conn, shift.id, "k3", ANNA, NOW_S)
        payouts.pay_out(
            conn,
            meter="m1",
            ch=3,
            amount_u=5_000_000,
            key="p1",
            reason="",
            by=ANNA,
            now_s=NOW_S,
            shift_id=shift.id,
        )
        agents.set_terms(conn, "bob", 9_000_000, 0, "op", NOW_S)
        ledger.post(
            conn, key="x", debit="agent:bob", credit="y", amount_u=3_000_000, created_at=NOW_S
        )
        agents.settle(conn, "bob", 2_000_000, ledger.cash(shift.id), "s1", ANNA, NOW_S)
    _move(db, shift, 1_000_000)
    _move(db, shift, -6_000_000, "c2", "to the bank")
    closed = _close(db, shift, 23_900_000)
    assert (closed.expected_u, closed.over_u, closed.z_no) == (24_000_000, -100_000, 1)
    told = {name: closed.report[name] for name in ("sales", "voids", "payouts", "first_receipt")}
    assert told == {"sales": 3, "voids": 1, "payouts": 1, "first_receipt": 1}
    assert closed.report["paid_u"] == 16_000_000 and closed.report["last_receipt"] == 3
    assert closed.report["agents_u"] == 2_000_000 and closed.report["taken_u"] == 6_000_000
    assert balance_u(db, ledger.cash(shift.id)) == 0
    assert balance_u(db, ledger.OVER_SHORT) == -100_000
    assert balance_u(db, ledger.FLOAT) == 20_000_000 + 1_000_000 - 6_000_000 - 23_900_000
    assert _mismatches(db) == ["Shift 1 was closed with another sum than expected."]


@pytest.mark.parametrize("over_u", [-20_000_000, 0, 1, 7_000_000])
def test_over_and_short_have_an_account_of_their_own(db, over_u):
    shift = _open(db)
    closed = _close(db, shift, 20_000_000 + over_u)
    assert closed.over_u == over_u == balance_u(db, ledger.OVER_SHORT)
    assert set(balances_u(db)) <= {ledger.OVER_SHORT, ledger.FLOAT}


def test_one_open_shift_per_cashier_and_per_desk(db):
    shift = _open(db)
    for by, desk in ((ANNA, "back"), (BERT, "front")):
        with pytest.raises(Conflict, match="Shift 1 of operator:anna at front is open"):
            _open(db, by, desk=desk)
    _open(db, BERT, desk="back")
    _close(db, shift, 20_000_000)
    assert _open(db).id == 3


def test_closed_it_takes_nothing_more(db):
    shift = _open(db)
    _close(db, shift, 20_000_000)
    assert _close(db, shift, 20_000_000).z_no == 1
    with pytest.raises(Conflict, match=r"closed with 20\.00"):
        _close(db, shift, 20_000_001)
    with pytest.raises(StationError, match="is closed"):
        _move(db, shift, 5)
    with pytest.raises(NotFound):
        _move(db, shifts.Shift(9, *[None] * 10), 5)
    assert sell(db).paid_from == "cash:desk"


def test_z_reports_are_numbered_per_desk_without_gaps(db):
    numbers = []
    for desk in ("front", "back", "front", "front", "back"):
        numbers.append((desk, _close(db, _open(db, desk=desk), 20_000_000).z_no))
    assert numbers == [("front", 1), ("back", 1), ("front", 2), ("front", 3), ("back", 2)]


def test_cash_is_brought_and_taken_once_per_key_and_never_more_than_there_is(db):
    shift = _open(db)
    assert _move(db, shift, 5_000_000) and not _move(db, shift, 5_000_000)
    with pytest.raises(Conflict):
        _move(db, shift, 6_000_000)
    with pytest.raises(StationError, match=r"holds 25\.00"):
        _move(db, shift, -25_000_001, "c2")
    for into_u in (0, 0.5, True, 10**13):
        with pytest.raises(StationError):
            _move(db, shift, into_u, "c3")
    for reason in ("", "x" * 201, "a\nb"):
        with pytest.raises(StationError, match="Say why"):
            _move(db, shift, 5, "c4", reason)
    _move(db, shift, -25_000_000, "c5")
    with pytest.raises(StationError, match="does not hold"), db.write() as conn:
        sell_and_void(conn, shift)


def sell_and_void(conn, shift):
    sales.sell_at_desk(conn, "m1", 3, 1_000_000, "k1", NOW_S, ANNA)
    shifts.move_cash(conn, shift.id, -1_000_000, "all of it", "c6", ANNA, NOW_S)
    voids.void_last(conn, shift.id, "k1", ANNA, NOW_S)


def test_cash_goes_into_the_drawer_of_the_shift_that_sells(db):
    shift = _open(db)
    with pytest.raises(StationError, match="name that shift"):
        sell_as(db, ledger.cash(shift.id), "desk")
    with pytest.raises(StationError, match="name that shift"):
        sell_as(db, ledger.cash(None), "desk", shift_id=shift.id)
    assert sell_as(db, "bank:card", "desk", shift_id=shift.id).register == "front"


def test_a_shift_that_nobody_closes_is_told(db):
    _open(db)
    assert _mismatches(db) == []
    assert _mismatches(db, NOW_S + 2 * 86_400) == ["Shift 1 was not closed."]


def test_money_that_moves_behind_a_closed_shift_is_told(db):
    shift = _open(db)
    _close(db, shift, 20_000_000)
    with db.write() as conn:
        ledger.post(
            conn,
            key="late",
            debit=ledger.cash(shift.id),
            credit=ledger.FLOAT,
            amount_u=5,
            created_at=NOW_S,
        )
    assert _mismatches(db) == ["The drawer of shift 1 is closed, but not empty in the books."]


@pytest.mark.parametrize("counted_u", [-1, 1.0, None, 10**13])
def test_what_is_no_count_closes_nothing(db, counted_u):
    shift = _open(db)
    with pytest.raises(StationError):
        _close(db, shift, counted_u)
    with db.read() as conn:
        assert shifts.get(conn, shift.id).is_open
        assert conn.execute(sa.select(models_desk.shift_closings)).first() is None
