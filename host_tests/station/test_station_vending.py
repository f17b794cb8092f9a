"""A sale happens once per key, as a whole or not at all."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from station_kit import (
    KEY,
    NOW_S,
    Killed,
    accounts_u,
    killed_at_statement,
    new_database,
    sell,
)
from umeter_station import amounts, models, vending
from umeter_station import db as databases
from umeter_station import meters as known_meters
from umeter_station.errors import Conflict, StationError


@pytest.fixture
def db(tmp_path):
    return new_database(tmp_path)


def _rows(db):
    tables = (models.purchases, models.commands, models.transfers)
    with db.read() as conn:
        return [conn.execute(sa.select(sa.func.count()).select_from(t)).scalar() for t in tables]


def test_a_sale_is_a_purchase_an_order_and_a_transfer(db):
    purchase = sell(db)
    assert _rows(db) == [1, 1, 1]
    assert accounts_u(db) == (-5_000_000, 5_000_000, 0, 0)
    assert (purchase.meter, purchase.ch, purchase.amount_u) == ("m1", 3, 5_000_000)
    assert not purchase.repeated


def test_the_same_key_is_the_same_sale(db):
    first, second = sell(db), sell(db)
    assert second.repeated and second.id == first.id
    assert second.command_id == first.command_id
    assert _rows(db) == [1, 1, 1]


@pytest.mark.parametrize("change", [{"amount_u": 5_000_001}, {"ch": 4}, {"meter": "m2"}])
def test_the_same_key_for_another_sale_is_refused(tmp_path, change):
    db = new_database(tmp_path, "m1", "m2")
    sell(db)
    with pytest.raises(Conflict):
        sell(db, **change)
    assert _rows(db) == [1, 1, 1]


@pytest.mark.parametrize(
    "change",
    [
        {"meter": "m9"},
        {"ch": 0},
        {"ch": 65},
        {"ch": True},
        {"amount_u": 0},
        {"amount_u": -1},
        {"amount_u": 1.0},
        {"amount_u": True},
        {"amount_u": amounts.MAX_AMOUNT_U + 1},
        {"key": ""},
        {"key": "k" * 256},
        {"key": "a\nb"},
    ],
)
def test_what_cannot_be_sold_leaves_nothing(db, change):
    with pytest.raises(StationError) as refusal:
        sell(db, **change)
    assert str(refusal.value).endswith(".")
    assert _rows(db) == [0, 0, 0]
    assert sell(db).command_id == 1  # Not even a number was spent.


def test_eight_cashiers_with_the_same_keys_sell_each_key_once(db):
    keys = [f"k{number}" for number in range(10)]
    barrier = threading.Barrier(8)

    def cashier(_):
        barrier.wait()
        return [sell(db, key=key) for key in keys]

    with ThreadPoolExecutor(8) as pool:
        sold = [purchase for done in pool.map(cashier, range(8)) for purchase in done]
    assert sum(not purchase.repeated for purchase in sold) == 10
    assert len({purchase.command_id for purchase in sold}) == 10
    assert _rows(db) == [10, 10, 10]
    assert accounts_u(db)[1] == 50_000_000
    with db.read() as conn:
        numbers = list(conn.execute(sa.select(models.commands.c.n)).scalars())
    assert sorted(numbers) == list(range(1, 11))


def test_a_sale_that_dies_between_two_statements_did_not_happen(db):
    number = 0
    while True:
        try:
            with killed_at_statement(db, number) as begun:
                sell(db)
            break
        except Killed:
            assert _rows(db) == [0, 0, 0], begun
            number += 1
    assert number >= 5
    assert _rows(db) == [1, 1, 1]
    with db.read() as conn:
        assert conn.execute(sa.select(models.commands.c.n)).scalar() == 1


def _sell_and_die(path, number):
    db = databases.open_database(path)
    statements = 0

    def before(*_):
        nonlocal statements
        if statements == number:
            os._exit(9)
        statements += 1

    sa.event.listen(db.engine, "before_cursor_execute", before)
    sa.event.listen(db.engine, "commit", before)
    with db.write() as conn:
        vending.sell(conn, "m1", 3, 5_000_000, "k1", NOW_S)
    os._exit(0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_killed_process_leaves_a_whole_sale_or_none(tmp_path):
    new_database(tmp_path).close()
    path = tmp_path / "station.sqlite"
    seen = set()
    for number in range(100):
        child = os.fork()
        if not child:
            _sell_and_die(path, number)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        db = databases.open_database(path)
        rows = _rows(db)
        db.close()
        seen.add((status, tuple(rows)))
        if status == 0:
            break
    assert seen == {(9, (0, 0, 0)), (0, (1, 1, 1))}
    assert number >= 6


def test_a_meter_keeps_its_key(db):
    with db.write() as conn:
        assert known_meters.add(conn, "m1", KEY, NOW_S) is False
        with pytest.raises(StationError):
            known_meters.add(conn, "m1", bytes(32), NOW_S)
        for name in ("", "a/b", "+", "#", "m\u00e9", "x" * 33):
            with pytest.raises(StationError):
                known_meters.add(conn, name, KEY, NOW_S)
        for key in (b"", KEY[:31], KEY + b"x"):
            with pytest.raises(StationError):
                known_meters.add(conn, "m3", key, NOW_S)


@given(st.integers(0, amounts.MAX_AMOUNT_U))
def test_an_amount_survives_writing_and_reading(amount_u):
    assert amounts.parse_decimal_u(amounts.format_u(amount_u)) == amount_u


@given(st.integers(0, 999_999), st.integers(0, 6), st.data())
def test_decimals_are_exact(whole, places, data):
    digits = data.draw(st.text("0123456789", min_size=places, max_size=places))
    written = f"{whole}.{digits}" if places else str(whole)
    expected = whole * 1_000_000 + int(digits.ljust(6, "0"))
    assert amounts.parse_decimal_u(written) == expected


@given(st.text(max_size=12))
def test_text_is_an_amount_or_a_sentence(written):
    try:
        amount_u = amounts.parse_amount_u(written)
    except StationError as refusal:
        assert str(refusal).endswith(".")
    else:
        assert 0 < amount_u <= amounts.MAX_AMOUNT_U
        assert written.replace(".", "", 1).isascii() and written.replace(".", "", 1).isdigit()


@pytest.mark.parametrize(
    "written",
    ["", "0", "0.000000", "-1", "+1", "1,5", "1e3", "1.", ".5", " 1", "1 ", "1_0", "\u0661",
     "1.0000001", "nan", "inf", "0x1", "1000000.000001", "1\n"],
)  # fmt: skip
def test_what_is_not_an_amount(written):
    with pytest.raises(StationError):
        amounts.parse_amount_u(written)
