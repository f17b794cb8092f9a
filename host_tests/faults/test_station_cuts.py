"""The station's process dies at every statement of a sale, of a webhook and of a result: nothing
of it has happened then, and whoever asks again gets it once. On SQLite and on PostgreSQL.
"""

import pytest
import sqlalchemy as sa

from pay_kit import Shop
from postgres_kit import ENGINES, new_on
from station_kit import NOW_S, reading, result, store, uplink
from thoroughness import every
from umeter_sim.station_cuts import Killed, killed_at_step
from umeter_sim.station_faults import campaign
from umeter_station import db as databases
from umeter_station import holding, ledger, ledger_check, models, orders, vending
from umeter_station.desk import agents, charges, sales

AGENT = ledger.agent("corner")


def _new(engine, tmp_path):
    db = new_on(engine, tmp_path)
    with db.write() as conn:
        agents.set_terms(conn, "corner", 10**12, 20, "system", NOW_S)
        terms = charges.Charges(fee_u=100_000, tax_permille=190, from_s=NOW_S)
        charges.set_terms(conn, "*", terms, "system", NOW_S)
    return db


# How many rows every table has, but for those that count what came in vain.
_COUNTS = " UNION ALL ".join(
    f"SELECT '{table}', count(*) FROM \"{table}\""
    for table in models.metadata.tables
    if table not in ("counters", "meter_traffic")
)


def _rows(db):
    with db.read() as conn:
        counts = conn.exec_driver_sql(_COUNTS).all()
        return sorted(map(tuple, counts)), ledger_check.balances(conn)


def _check(db):
    with db.read() as conn:
        assert ledger_check.check(conn) == []
        assert ledger_check.imbalance_u(conn) == 0


def _sale(db, number, way="agent", paid_from=AGENT):
    def do():
        with db.write() as conn:
            more = {"way": way, "paid_from": paid_from, "by": "system", "now_s": NOW_S}
            sales.sell(conn, meter="m1", ch=3, paid_u=5_000_000, key=f"k{number}", **more)

    return do


def _cash_sale(db, number):
    return _sale(db, number, "desk", ledger.CASH_DESK)


def _webhook(db, number):
    shop = Shop(db)
    told = shop.sandbox.finish(shop.pay(key=f"p{number}").reference, "succeeded")
    return lambda: shop.deliver(told)


def _result(db, number, code="applied"):
    _sale(db, number)()
    with db.read() as conn:
        order = orders.get(conn, vending.by_key(conn, f"k{number}").command_id)
    totals = {"ch": 3, "credited_total_u": 9, "charged_total_u": 1}
    return lambda: store(db, result(order.n, code, **totals))


def _refusal(db, number):
    return _result(db, number, code="range")


def _given_up(db, number):
    _result(db, number, code="too_much")()

    def do():
        with db.write() as conn:
            holding.refund(conn, f"k{number}", NOW_S)

    return do


def _sent_again(db, number):
    _result(db, number, code="not_now")()

    def do():
        with db.write() as conn:
            holding.resend(conn, f"k{number}", f"again{number}", NOW_S)

    return do


def _reading(db, number):
    message = uplink("reading", reading(seq=number + 1, t=NOW_S + 99))
    return lambda: store(db, message)


OPERATIONS = (_sale, _cash_sale, _webhook, _result, _refusal, _given_up, _sent_again, _reading)


@pytest.mark.parametrize(
    ("engine", "prepare"),
    [("sqlite", each) for each in OPERATIONS]
    + [("postgresql", each) for each in (_sale, _webhook, _result, _refusal)],
)
def test_killed_at_every_statement_nothing_is_lost_or_doubled(engine, prepare, tmp_path):
    db = _new(engine, tmp_path)
    number, died = 0, True
    while died:
        do = prepare(db, number)
        before = _rows(db)
        try:
            with killed_at_step(db, number) as begun:
                do()
            died = False
        except Killed:
            assert _rows(db) == before
            do()
        after = _rows(db)
        assert after != before
        do()
        assert _rows(db) == after
        if number % 3 == 0 or not died:
            _check(db)
        number += every(4) if engine == "postgresql" else every(2)
    assert begun[-1] == "COMMIT" and len(begun) > 5
    db.close()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_campaign_of_kills_loses_and_doubles_nothing(engine, tmp_path):
    db = new_on(engine, tmp_path, "other")
    verdict = campaign(db.url if engine == "postgresql" else db.path, seed=7, steps=40)
    assert verdict["kills"] > 20 and verdict["sales"] > 15
    assert (verdict["lost"], verdict["doubled"], verdict["imbalance"]) == (0, 0, 0)
    assert verdict["findings"] == []
    db.close()


def _forget(*_, **__):
    return None


def _count_only(conn, command, code, *_):
    databases.count(conn, "result.seen")


@pytest.mark.parametrize(
    ("module", "name", "instead", "what"),
    [
        # Whoever asks again is not recognised, if the key is new to the table.
        ("desk.sales", "by_key", _forget, None),
        ("settling", "_end_sale", _forget, "lost"),
        ("ledger", "post_sale", _forget, "imbalance"),
    ],
)
def test_the_campaign_finds_a_station_that_is_wrong(
    tmp_path, monkeypatch, module, name, instead, what
):
    monkeypatch.setattr(f"umeter_station.{module}.{name}", instead)
    db = new_on("sqlite", tmp_path, "other")
    if what is None:
        with pytest.raises(sa.exc.IntegrityError):
            campaign(db.path, seed=7, steps=40)
    else:
        verdict = campaign(db.path, seed=7, steps=15)
        assert verdict[what] > 0 and verdict["findings"]
