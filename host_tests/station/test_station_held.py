"""A purchase that a meter would not take waits, and ends once: credited, or refunded."""

import tempfile
from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from station_kit import (
    NOW_S,
    Killed,
    accounts_u,
    counted,
    killed_at_statement,
    new_database,
    result,
    sell,
    store,
)
from umeter_station import holding, models, orders, queries, vending
from umeter_station.errors import Conflict, StationError

HELD = (-5_000_000, 5_000_000, 0, 0)
CREDITED = (-5_000_000, 0, 5_000_000, 0)
REFUNDABLE = (-5_000_000, 0, 0, 5_000_000)


@pytest.fixture
def db(tmp_path):
    db = new_database(tmp_path)
    sell(db)
    return db


def _resend(db, key="k1", order_key="r1"):
    with db.write() as conn:
        return holding.resend(conn, key, order_key, NOW_S)


def _refund(db, key="k1"):
    with db.write() as conn:
        return holding.refund(conn, key, NOW_S)


def _held(db):
    with db.read() as conn:
        return [(held.key, held.n, held.code, held.reason) for held in holding.held(conn)]


def _credit_orders(db):
    with db.read() as conn:
        c = models.commands.c
        return list(conn.execute(sa.select(c.n).where(c.op == "credit").order_by(c.n)).scalars())


@pytest.mark.parametrize("code", vending.HELD_CODES)
def test_what_is_refused_for_now_is_held(db, code):
    store(db, result(1, code, reason="at most 10"), result(1, "replayed", first=code))
    assert accounts_u(db) == HELD
    assert _held(db) == [("k1", 1, code, "at most 10")]
    with db.read() as conn:
        assert orders.find(conn, "m1", 1).state == "refused"
        (balance,) = queries.balances(conn, "m1")
    assert (balance.in_transit_u, balance.held_u, balance.agrees) == (0, 5_000_000, True)
    assert counted(db) == {"result.repeated": 1}


def test_a_held_purchase_explains_no_credit_on_the_meter(db):
    totals = {"ch": 3, "credited_total_u": 5_000_000, "charged_total_u": 0}
    store(db, result(1, "too_much", **totals))
    with db.read() as conn:
        (balance,) = queries.balances(conn, "m1")
    assert not balance.agrees


def test_a_purchase_is_sent_again_under_a_new_number(db):
    store(db, result(1, "too_much"))
    sent = _resend(db)
    assert not sent.repeated
    assert _held(db) == [] and accounts_u(db) == HELD
    with db.read() as conn:
        first, second = orders.find(conn, "m1", 1), orders.find(conn, "m1", 2)
    assert second.id == sent.command_id and second.args == first.args
    store(db, result(2), result(2), result(2, "replayed", first="applied"))
    assert accounts_u(db) == CREDITED
    with db.read() as conn:
        purchase = vending.by_key(conn, "k1")
    assert purchase.last_command_id == second.id and not purchase.refunded


def test_asked_twice_it_is_sent_once(db):
    store(db, result(1, "not_now"))
    first = _resend(db)
    assert _resend(db).command_id == first.command_id
    assert _resend(db, order_key="r2") == holding.Given(first.command_id, "r2", repeated=True)
    store(db, result(2))
    for order_key in ("r1", "r2", "r3"):
        again = _resend(db, order_key=order_key)
        assert again.repeated and again.command_id == first.command_id
    assert _credit_orders(db) == [1, 2] and accounts_u(db) == CREDITED


def test_a_key_stands_for_one_resend_whatever_became_of_it(db):
    store(db, result(1, "not_now"))
    first = _resend(db)
    store(db, result(2, "too_much"))
    again = _resend(db)
    assert again.repeated and again.command_id == first.command_id
    assert _held(db) == [("k1", 2, "too_much", "")]
    assert not _resend(db, order_key="r2").repeated
    assert _credit_orders(db) == [1, 2, 3]


def test_the_key_of_one_purchase_sends_no_other(db):
    sell(db, key="k2")
    store(db, result(1, "not_now"), result(2, "not_now"))
    _resend(db, "k1", "r1")
    with pytest.raises(Conflict):
        _resend(db, "k2", "r1")
    assert _credit_orders(db) == [1, 2, 3]


def test_a_refund_is_made_once_and_for_good(db):
    store(db, result(1, "wrong_account"))
    assert _refund(db) is True
    assert _refund(db) is False
    assert accounts_u(db) == REFUNDABLE and _held(db) == []
    with pytest.raises(StationError, match="due back"):
        _resend(db)
    store(db, result(1, "replayed", first="wrong_account"), result(1))
    assert accounts_u(db) == REFUNDABLE
    assert counted(db) == {"result.repeated": 1, "result.contradiction": 1}
    with db.read() as conn:
        assert vending.by_key(conn, "k1").refunded


def test_what_is_under_way_or_credited_is_not_refunded(db):
    with pytest.raises(StationError, match="on its way"):
        _refund(db)
    store(db, result(1, "too_much"))
    _resend(db)
    with pytest.raises(StationError, match="on its way"):
        _refund(db)
    store(db, result(2))
    with pytest.raises(StationError, match="credited"):
        _refund(db)
    assert accounts_u(db) == CREDITED


@pytest.mark.parametrize("decide", [_refund, _resend])
def test_nothing_is_decided_while_the_meter_cannot_say(db, decide):
    store(db, result(1, "not_now"))
    _resend(db, order_key="r0")
    store(db, result(2, "old"))
    with pytest.raises(StationError, match="cannot say"):
        decide(db)
    store(db, result(2, "replayed", first="not_now"))
    decide(db)
    assert accounts_u(db) in (HELD, REFUNDABLE)


def test_a_purchase_refused_for_good_is_due_back_though_it_was_held(db):
    store(db, result(1, "not_now"))
    _resend(db)
    store(db, result(2, "range"))
    assert accounts_u(db) == REFUNDABLE and _held(db) == []
    assert _refund(db) is False
    with pytest.raises(StationError, match="due back"):
        _resend(db, order_key="r2")


def test_what_was_never_sold_is_neither_sent_nor_refunded(db):
    for decide in (_refund, _resend):
        with pytest.raises(StationError, match="no purchase 'k9'"):
            decide(db, "k9")


@pytest.mark.parametrize("decide", [_refund, _resend])
def test_a_decision_that_dies_between_two_statements_was_not_made(db, decide):
    store(db, result(1, "too_much"))
    number = 0
    while True:
        try:
            with killed_at_statement(db, number):
                decide(db)
            break
        except Killed:
            assert accounts_u(db) == HELD and _credit_orders(db) == [1]
            assert _held(db) == [("k1", 1, "too_much", "")]
            number += 1
    assert number >= 5
    assert _held(db) == []


_STEPS = st.lists(
    st.sampled_from(["hear", "hear", "answer", "answer", "resend", "refund", "same", "forget"]),
    max_size=24,
)
_OUTCOMES = st.lists(
    st.sampled_from(["applied", *vending.HELD_CODES, "range", "expired"]), min_size=24, max_size=24
)


@given(_STEPS, _OUTCOMES)
@settings(max_examples=40)
def test_the_money_ends_once_whatever_is_asked_lost_and_repeated(steps, outcomes):
    with tempfile.TemporaryDirectory() as home:
        db = new_database(Path(home))
        sell(db)
        meter = {}  # outcome by number: final, as the firmware keeps it
        for step, word in enumerate(steps):
            numbers = _credit_orders(db)
            if word == "hear":
                meter.setdefault(numbers[-1], outcomes[step])
            elif word in ("answer", "same"):
                known = sorted(meter) if word == "answer" else sorted(meter)[:1]
                store(db, *(result(n, "replayed", first=meter[n]) for n in known))
            elif word == "forget" and numbers[-1] in meter:
                store(db, result(numbers[-1], "old"))
            elif word in ("resend", "refund"):
                try:
                    _resend(db, order_key=f"r{step}") if word == "resend" else _refund(db)
                except StationError:
                    pass
            credited = Counter(meter.values())["applied"]
            assert credited <= 1, "the meter was asked to credit it twice"
            desk_u, transit_u, customer_u, refund_u = accounts_u(db)
            assert desk_u == -5_000_000 and transit_u + customer_u + refund_u == 5_000_000
            assert sorted((transit_u, customer_u, refund_u)) == [0, 0, 5_000_000]
            assert not (refund_u and credited) and not (customer_u and not credited)
        db.close()
