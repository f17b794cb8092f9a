"""The meter's answer moves the money once, whatever happens to the answer on its way."""

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from station_kit import (
    KEY,
    NOW_S,
    Killed,
    accounts_u,
    counted,
    killed_at_statement,
    new_database,
    reading,
    result,
    sell,
    store,
    uplink,
)
from umeter.net import envelope as firmware_envelope
from umeter_station import db as databases
from umeter_station import envelope, orders, queries

SOLD = (-5_000_000, 5_000_000, 0, 0)
CREDITED = (-5_000_000, 0, 5_000_000, 0)
REFUNDABLE = (-5_000_000, 0, 0, 5_000_000)
TOTALS = {"ch": 3, "credited_total_u": 5_000_000, "charged_total_u": 7}


@pytest.fixture
def db(tmp_path):
    db = new_database(tmp_path, "m1", "m2")
    sell(db)
    return db


def _command(db, n=1):
    with db.read() as conn:
        return orders.find(conn, "m1", n)


def test_applied_reaches_the_customer(db):
    store(db, result(1, **TOTALS))
    assert accounts_u(db) == CREDITED
    command = _command(db)
    assert (command.state, command.code) == ("applied", "applied")
    assert command.result["credited_total_u"] == 5_000_000


@pytest.mark.parametrize("code", ["range", "malformed", "unknown_op", "expired"])
def test_refused_is_due_back(db, code):
    store(db, result(1, code))
    assert accounts_u(db) == REFUNDABLE
    assert _command(db).state == ("expired" if code == "expired" else "refused")


@pytest.mark.parametrize("code", ["old", "partly", "from_a_newer_meter"])
def test_an_unclear_answer_leaves_the_money_where_it_is_seen(db, code):
    store(db, result(1, code), result(1, code))
    assert accounts_u(db) == SOLD
    assert _command(db).state == "unclear"
    assert counted(db) == {"result.repeated": 1}


@pytest.mark.parametrize(("code", "accounts"), [("applied", CREDITED), ("range", REFUNDABLE)])
def test_a_definite_answer_that_was_overtaken_by_old_still_counts(db, code, accounts):
    store(db, result(1, "old"), result(1, code), result(1, "old"))
    assert accounts_u(db) == accounts
    assert counted(db) == {"result.repeated": 1}


def test_a_failed_store_is_asked_again(db):
    store(db, result(1, "store"))
    assert accounts_u(db) == SOLD
    assert _command(db).is_open
    store(db, result(1, **TOTALS))
    assert accounts_u(db) == CREDITED


@pytest.mark.parametrize(
    ("first", "accounts"), [("applied", CREDITED), ("range", REFUNDABLE), ("expired", REFUNDABLE)]
)
def test_a_replayed_answer_stands_for_the_first_one(db, first, accounts):
    store(db, result(1, "replayed", first=first))
    assert accounts_u(db) == accounts


@pytest.mark.parametrize("together", [True, False])
def test_a_duplicate_is_booked_once(db, together):
    answer = result(1, **TOTALS)
    batches = [[answer] * 3] if together else [[answer]] * 3
    for batch in batches:
        store(db, *batch)
    store(db, result(1, "replayed", first="applied"))
    assert accounts_u(db) == CREDITED
    assert counted(db) == {"result.repeated": 3}


@pytest.mark.parametrize("second", ["range", "expired"])
def test_the_first_final_word_stands(db, second):
    store(db, result(1, **TOTALS), result(1, second))
    assert accounts_u(db) == CREDITED
    assert counted(db) == {"result.contradiction": 1}


def test_any_order_of_any_duplicates_gives_the_same_books(tmp_path):
    answers = [
        (1, {"code": "applied", **TOTALS}),
        (1, {"code": "replayed", "first": "applied"}),
        (2, {"code": "applied", "ch": 3, "credited_total_u": 11_000_000, "charged_total_u": 9}),
        (3, {"code": "range"}),
    ]
    orderings = list(itertools.permutations(answers))
    names = [f"p{number}" for number in range(len(orderings))]
    db = new_database(tmp_path, *names)
    for name, ordering in zip(names, orderings, strict=True):
        for number, amount_u in enumerate((5_000_000, 6_000_000, 7_000_000)):
            sell(db, amount_u, f"{name}-{number}", name)
        for n, answer in ordering:
            store(db, result(n, meter=name, **answer))
        assert accounts_u(db, name)[1:] == (0, 11_000_000, 7_000_000), ordering
        with db.read() as conn:
            (balance,) = queries.balances(conn, name)
        assert balance.agrees and balance.balance_u == 11_000_000 - 9, ordering


_FORGED = {
    "another key": result(1, key=bytes(32)),
    "another meter's signature": result(1, key=KEY[::-1]),
    "not signed": uplink("result", {"n": 1, "code": "applied"}),
    "empty": uplink("result", b""),
    "too long": uplink("result", b"a" * 20_000),
    "garbage": uplink("result", bytes(range(256))),
    "alg none": uplink("result", b"eyJhbGciOiJub25lIn0.eyJuIjoxLCJjb2RlIjoiYXBwbGllZCJ9."),
}


@pytest.mark.parametrize("message", _FORGED.values(), ids=_FORGED)
def test_a_forged_answer_changes_nothing(db, message):
    assert store(db, message) == set()
    assert accounts_u(db) == SOLD
    assert counted(db) == {"result.forged": 1}
    with db.read() as conn:
        assert orders.find(conn, "m1", 1).is_open


@given(st.data())
@settings(max_examples=60)
def test_no_changed_byte_is_believed(data):
    token = result(1).payload
    index = data.draw(st.integers(0, len(token) - 1))
    byte = data.draw(st.integers(0, 255))
    changed = token[:index] + bytes([byte]) + token[index + 1 :]
    verified = envelope.verify(KEY, changed)
    assert verified is None or json.loads(verified) == {"n": 1, "code": "applied"}


@given(st.binary(max_size=200))
def test_station_and_firmware_understand_each_others_signatures(payload):
    assert envelope.verify(KEY, firmware_envelope.sign(KEY, payload)) == payload
    assert firmware_envelope.verify(KEY, envelope.sign(KEY, payload)) == payload


def test_our_own_order_thrown_back_is_no_answer(db):
    command = _command(db)
    token = envelope.sign(KEY, orders.payload(command, NOW_S))
    store(db, uplink("result", token))
    assert accounts_u(db) == SOLD
    assert counted(db) == {"message.malformed": 1}


def test_one_meters_answer_is_not_anothers(tmp_path):
    db = new_database(tmp_path, "m1")
    sell(db)
    with db.write() as conn:
        from umeter_station import meters

        meters.add(conn, "m2", bytes(32), NOW_S)
    sell(db, key="k2", meter="m2")
    store(db, result(1, key=KEY, meter="m2"))
    assert accounts_u(db, "m2")[1:] == (5_000_000, 0, 0)
    assert counted(db) == {"result.forged": 1}


@pytest.mark.parametrize(
    "document",
    [
        {"n": 1},
        {"code": "applied"},
        {"n": "1", "code": "applied"},
        {"n": True, "code": "applied"},
        {"n": 1.0, "code": "applied"},
        {"n": 2**70, "code": "applied"},
        {"n": 1, "code": None},
        {"n": 1, "code": "replayed"},
        {"n": 1, "code": "applied", "ch": 3, "credited_total_u": "5", "charged_total_u": 0},
        {"n": 1, "code": "applied", "ch": 3, "credited_total_u": 5, "charged_total_u": 2**64},
        [],
    ],
)
def test_a_signed_answer_must_be_whole(db, document):
    token = envelope.sign(KEY, json.dumps(document).encode())
    store(db, uplink("result", token))
    assert accounts_u(db) == SOLD
    assert counted(db) == {"message.malformed": 1}


def test_an_answer_that_turns_out_bad_half_way_leaves_no_half(db):
    store(db, result(1, **TOTALS, op="credit"))
    with db.write() as conn:
        orders.order_read(conn, "m1", NOW_S)
    more = {"ch": 3, "credited_total_u": 9_000_000, "charged_total_u": 9}
    store(db, result(2, **more, reading={"boot": 1}))
    with db.read() as conn:
        (balance,) = queries.balances(conn, "m1")
        assert balance.credited_total_u == 5_000_000
        assert orders.find(conn, "m1", 2).is_open
    assert counted(db) == {"message.malformed": 1}


def test_an_answer_to_nothing_is_counted(db):
    store(db, result(99), result(1, op="supply"))
    assert accounts_u(db) == SOLD
    assert counted(db) == {"result.unknown": 2}


def test_an_answer_that_comes_after_the_deadline_still_counts(db):
    with db.write() as conn:
        read_id = orders.order_read(conn, "m1", NOW_S)
        conn.exec_driver_sql(f"UPDATE commands SET state = 'expired' WHERE id = {read_id}")
    store(db, result(2, op="read", reading=reading()))
    with db.read() as conn:
        assert orders.get(conn, read_id).state == "applied"
        assert queries.latest_reading(conn, "m1").seq == 1


def test_a_batch_that_dies_between_two_statements_did_not_happen(db):
    batch = [result(1, **TOTALS), uplink("reading", reading())]
    number = 0
    while True:
        try:
            with killed_at_statement(db, number):
                store(db, *batch)
            break
        except Killed:
            assert accounts_u(db) == SOLD
            assert _command(db).is_open
            with db.read() as conn:
                assert queries.latest_reading(conn, "m1") is None
                assert databases.read_counters(conn) == {}
            number += 1
    assert number > 10
    assert accounts_u(db) == CREDITED


def test_after_a_crash_before_the_ack_the_batch_comes_again(db):
    batch = [result(1, **TOTALS), uplink("reading", reading()), uplink("event", {"n": 1,
             "code": "boot"})]  # fmt: skip
    store(db, *batch)
    store(db, *batch)
    assert accounts_u(db) == CREDITED
    assert counted(db) == {"result.repeated": 1, "reading.repeated": 1, "event.repeated": 1}


def test_the_meters_total_is_held_against_the_ledger(db):
    def agrees():
        with db.read() as conn:
            return [balance.agrees for balance in queries.balances(conn, "m1")]

    assert agrees() == [True]  # Sold, in transit: the meter may or may not have it.
    applied = {"credited_total_u": [0, 0, 5_000_000], "balance_u": [0, 0, 5_000_000]}
    store(db, uplink("reading", reading(channels=3, **applied)))
    assert agrees() == [True, True, True]  # It has it; its answer is still on the way.
    store(db, result(1, **TOTALS))
    assert agrees() == [True, True, True]
    more = {"credited_total_u": [0, 0, 5_000_001], "balance_u": [0, 0, 5_000_001]}
    store(db, uplink("reading", reading(seq=2, channels=3, **more)))
    assert agrees() == [True, True, False]
    store(db, uplink("reading", reading(seq=3, channels=3, credited_total_u=[0, 0, 0])))
    assert agrees() == [True, True, False]  # Totals only grow: the largest is kept.


def test_a_meter_that_lacks_what_it_confirmed_is_found_by_the_next_reading(db):
    def balance():
        with db.read() as conn:
            return queries.balances(conn, "m1")[-1]

    # All answers with totals were lost; this one has none.
    store(db, result(1, "replayed", first="applied"))
    assert balance().credited_total_u == 0
    assert balance().agrees and not balance().is_current
    store(db, uplink("reading", reading(channels=3)), now_s=NOW_S + 1)
    assert balance().is_current and not balance().agrees
    right = {"credited_total_u": [0, 0, 5_000_000], "balance_u": [0, 0, 5_000_000]}
    store(db, uplink("reading", reading(seq=2, channels=3, **right)), now_s=NOW_S + 2)
    assert balance().agrees
