"""Tariffs by name: judged as a meter does, kept as they were, sent as settings; and two people."""

import pytest

from desk_kit import ANNA, BERT, TARIFF, answer, open_orders, report_settings
from station_kit import NOW_S, new_database
from umeter_station import db as databases
from umeter_station import ledger, models
from umeter_station.desk import payouts, quotes, tariffs, two_person
from umeter_station.errors import NotFound, StationError
from umeter_station.people import approvals

DAYTIME = {"tariff": TARIFF, "debt3_percent": 10}


@pytest.fixture
def db(tmp_path):
    return new_database(tmp_path, "m1", "m2")


def _save(db, name="day", document=None):
    with db.write() as conn:
        return tariffs.save(conn, name, document or DAYTIME, ANNA, NOW_S)


def _push(db, tariff, ch=3, by=ANNA, meter="m1", from_s=None):
    with db.write() as conn:
        return two_person.push(conn, meter, ch, tariff, by, NOW_S, from_s)


def test_a_change_is_a_new_version_and_the_same_is_none(db):
    first, same = _save(db), _save(db)
    second = _save(db, document={"price_u_per_kwh": 1})
    assert (first.version, same.version, second.version) == (1, 1, 2)
    with db.read() as conn:
        assert tariffs.get(conn, "day").document == {"price_u_per_kwh": 1}
        assert tariffs.get(conn, "day", 1).document == DAYTIME
        assert [t.version for t in tariffs.versions(conn, "day")] == [2, 1]
        assert [t.version for t in tariffs.all_newest(conn)] == [2]
        with pytest.raises(NotFound):
            tariffs.get(conn, "day", 3)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({}, "empty"),
        ({"report_s": 60}, "report_s"),
        ({"ch.3.price_u_per_kwh": 1}, "ch.3"),
        ({"price_u_per_kwh": -1}, "price_u_per_kwh must be"),
        ({"tariff": {"prices": [[1, 2], [3]]}}, "prices"),
        ({"unit": "kwh", "tariff": TARIFF}, "must be null"),
    ],
)
def test_what_no_meter_would_take_is_no_tariff(db, document, words):
    with pytest.raises(StationError, match=words), db.write() as conn:
        tariffs.save(conn, "day", document, ANNA, NOW_S)


def test_it_is_sent_as_settings_and_ends_the_prices_before(db):
    report_settings(db, tariff={"prices": [[7]]}, next_tariff={"prices": [[8]], "from": NOW_S})
    _push(db, _save(db, document={"price_u_per_kwh": 250_000}))
    ((n, op, args),) = open_orders(db)
    assert op == "set" and args["set"] == {
        "ch.3.next_tariff": None,
        "ch.3.tariff": None,
        "ch.3.price_u_per_kwh": 250_000,
    }
    _push(db, _save(db), ch=0)
    assert open_orders(db)[1][2]["set"] == {"next_tariff": None, **DAYTIME}
    answer(db, n)


def test_a_tariff_of_later_is_at_the_meter_before_its_time(db):
    flat = _save(db, "flat", {"price_u_per_kwh": 250_000})
    _push(db, flat, from_s=NOW_S + 3_600)
    _push(db, _save(db, document={"tariff": TARIFF}), ch=0, from_s=NOW_S + 7_200)
    settings = [args["set"] for _, _, args in open_orders(db)]
    assert settings == [
        {"ch.3.next_tariff": {"prices": [[250_000]], "from": NOW_S + 3_600}},
        {"next_tariff": {**TARIFF, "from": NOW_S + 7_200}},
    ]
    with db.read() as conn:
        assert tariffs.assigned(conn, "m1", 3, NOW_S) is None
        assert tariffs.assigned(conn, "m1", 3, NOW_S + 3_600) == flat
    with pytest.raises(StationError, match="Only prices"):
        _push(db, _save(db), from_s=NOW_S + 60)


def test_what_a_kwh_costs_changes_in_time_without_the_meter(db):
    report_settings(db, unit="kwh", price_u_per_kwh=200_000)
    _push(db, _save(db, "flat", {"price_u_per_kwh": 400_000}), from_s=NOW_S + 60)
    assert open_orders(db) == []
    with db.read() as conn:
        sold = [
            quotes.quote(conn, "m1", 3, 4_000_000, "desk", NOW_S + at_s).order_u
            for at_s in (0, 60)
        ]
    assert sold == [20_000_000, 10_000_000]


def test_it_is_known_which_tariff_a_channel_had_when(db):
    day, flat = _save(db), _save(db, "flat", {"price_u_per_kwh": 1})
    with db.write() as conn:
        tariffs.assign(conn, "m1", 0, day, NOW_S, ANNA, NOW_S)
        tariffs.assign(conn, "m1", 3, flat, NOW_S + 50, ANNA, NOW_S)
        tariffs.assign(conn, "m1", 3, day, NOW_S + 90, ANNA, NOW_S)

        def name(ch, at_s):
            found = tariffs.assigned(conn, "m1", ch, NOW_S + at_s)
            return found and found.name

        assert [name(3, at_s) for at_s in (-1, 0, 50, 90)] == [None, "day", "flat", "day"]
        assert [name(2, at_s) for at_s in (0, 50, 90)] == ["day"] * 3
        assert [a.ch for a in tariffs.assignments(conn, "m1")] == [3, 3, 0]
        with pytest.raises(StationError):
            tariffs.assign(conn, "m1", 65, day, NOW_S, ANNA, NOW_S)


def test_where_it_is_switched_on_a_tariff_takes_two_people(db):
    tariff = _save(db)
    with db.write() as conn:
        approvals.switch(conn, "tariff", True, "op", NOW_S)
    done = _push(db, tariff)
    assert done.result is None and open_orders(db) == []
    with db.write() as conn, pytest.raises(StationError, match="another person"):
        approvals.decide(conn, done.approval_id, ANNA, True, NOW_S)
    with db.write() as conn:
        outcome = approvals.decide(conn, done.approval_id, BERT, True, NOW_S).outcome
    assert len(outcome["orders"]) == len(open_orders(db)) == 1


def test_where_it_is_switched_on_a_payout_takes_two_people_and_is_paid_once(db):
    with db.write() as conn:
        approvals.switch(conn, "refund", True, "op", NOW_S)
        due, amount_u = ledger.refund_due("m1", 3), 5_000_000
        ledger.post(conn, key="x", debit="y", credit=due, amount_u=amount_u, created_at=NOW_S)
        args = {"meter": "m1", "ch": 3, "amount_u": 3_000_000, "key": "p1", "reason": ""}
        first = two_person.pay_out(conn, args, ANNA, NOW_S)
        assert two_person.pay_out(conn, args, BERT, NOW_S) == first  # a double click
        second = two_person.pay_out(conn, args | {"reason": "again"}, ANNA, NOW_S)
        assert payouts.due_u(conn, "m1", 3) == 5_000_000
        for asked in (first, second):  # Asked twice, agreed to twice: paid once.
            approvals.decide(conn, asked.approval_id, BERT, True, NOW_S)
        assert payouts.due_u(conn, "m1", 3) == 2_000_000
        assert two_person.pay_out(conn, args, ANNA, NOW_S).approval_id is None
        assert payouts.by_key(conn, "p1").by == ANNA


def test_an_older_stations_transfers_are_carried_over(tmp_path):
    """Migrated from before transfers could stand behind no order: all of them, unchanged."""
    from alembic import command
    from alembic.config import Config

    path = tmp_path / "old.sqlite"
    old = databases.Database(path)
    config = Config()
    config.set_main_option("script_location", "umeter_station:migrations")
    with old.write() as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, "0008")
        conn.exec_driver_sql("INSERT INTO meters (meter, key, added_at) VALUES ('m1', x'00', 1)")
        conn.exec_driver_sql(
            "INSERT INTO commands (meter, n, op, args, created_at, exp, state)"
            " VALUES ('m1', 1, 'credit', '{}', 1, 2, 'applied')"
        )
        conn.exec_driver_sql(
            "INSERT INTO transfers (id, key, debit, credit, amount_u, created_at, command_id)"
            " VALUES (7, 'sale:1', 'cash:desk', 'transit:m1/3', 5, 1, 1)"
        )
    old.close()
    db = databases.open_database(path)
    with db.write() as conn:
        row = conn.execute(models.transfers.select()).one()
        assert tuple(row) == (7, "sale:1", "cash:desk", "transit:m1/3", 5, 1, 1)
        assert ledger.post(conn, key="x", debit="a", credit="b", amount_u=1, created_at=1)
    for statement in ("UPDATE transfers SET amount_u = 1", "DELETE FROM transfers"):
        with pytest.raises(Exception, match="append-only"), db.write() as conn:
            conn.exec_driver_sql(statement)
    with pytest.raises(Exception, match="CHECK"), db.write() as conn:
        ledger.post(conn, key="y", debit="a", credit="b", amount_u=0, created_at=1)
    db.close()
