"""The demo's past: what the boards lived through, and what the station made of it, agree."""

import pytest

from umeter_sim.demo_houses import CUT_CH, CUT_METER, HOUSES, OFFLINE_METER, TAPPED_METER
from umeter_sim.demo_past import past
from umeter_station.desk import reconcile
from umeter_station.station import Books
from umeter_station.watch import findings

pytestmark = pytest.mark.slow
DAYS = 3
QUARTERS = DAYS * 96
UNITS_PER_WH = 36_000_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def made(folder):
    return past(folder, lambda doing: None, DAYS)


@pytest.fixture(scope="module")
def books(made):
    books = Books(made.home)
    yield books
    books.close()


def test_the_ledger_and_the_meters_agree(books):
    for house in HOUSES:
        assert all(balance.agrees for balance in books.balances(house.meter))
    assert reconcile.run(books).mismatches == ()


def test_the_station_has_all_that_the_boards_kept(made, books):
    for house in HOUSES:
        silent = house.ends_s // 900 + 24  # it ends between two looks at it
        rows = books.intervals(house.meter, limit=10 * QUARTERS)
        assert QUARTERS - 2 - (silent if house.ends_s else 0) <= len(rows) <= QUARTERS
        assert books.verify_audit(house.meter).broken_n is None
        assert all(log.missing == log.lost == 0 for log in books.history(house.meter))
        _flash, units, _key = made.boards[house.meter]
        told = books.latest_reading(house.meter).channels
        for channel, drawn in zip(told, units, strict=True):
            # It drew for two more seconds after its last reading.
            assert 0 <= drawn // UNITS_PER_WH - channel["energy_wh"] <= 4


def test_what_was_planted_is_found_and_nothing_else(books):
    with books.db.read() as conn:
        found = {(each.meter, each.rule) for each in findings.list_(conn, state="current")}
    planted = {(TAPPED_METER, "A03"), (OFFLINE_METER, "A02"), (CUT_METER, "A20")}
    # Who sits in the dark uses less than usual.
    assert planted <= found <= planted | {(CUT_METER, "A10")}
    reading = books.latest_reading(CUT_METER).channels[CUT_CH - 1]
    assert (reading["contact"], reading["balance_u"] <= 0) == (0, True)


def test_a_fresh_past_is_taken_again(folder, made):
    assert past(folder, lambda doing: pytest.fail(doing), DAYS) == made
