"""A desk with its ledger, and a meter that does as it is told, for the station's tests."""

import json

import sqlalchemy as sa

from station_kit import NOW_S, reading, result, store, uplink
from umeter_station import ledger, ledger_check, models, orders
from umeter_station.desk import accounts, charges, fate, sales, shifts
from umeter_station.desk.charges import Charges

ANNA, BERT = "operator:anna", "operator:bert"
DAY_S = 86_400
# Of 10.00 paid under charge(): see test_desk_quotes.py for how they come about.
FEE_U, TAX_U, CREDIT_U = 100_000, 1_666_666, 8_233_334
TARIFF = {"prices": [[300_000, 100_000]], "tables": [[[[0, 2], [700, 1], [2300, 2]]]]}


def report_settings(db, meter="m1", **settings):
    store(db, uplink("settings", {"version": 1, **settings}, meter))


def sell(db, paid_u=10_000_000, key="k1", by=ANNA, meter="m1", ch=3, now_s=NOW_S, **more):
    with db.write() as conn:
        return sales.sell_at_desk(conn, meter, ch, paid_u, key, now_s, by, **more)


def sell_as(db, paid_from, way, paid_u=10_000_000, key="k1", by=ANNA, now_s=NOW_S, **more):
    with db.write() as conn:
        return sales.sell(
            conn,
            **{"meter": "m1", "ch": 3, "shift_id": None, **more},
            paid_u=paid_u,
            key=key,
            way=way,
            paid_from=paid_from,
            by=by,
            now_s=now_s,
        )


def answer(db, n, code="applied", now_s=NOW_S, **more):
    """The meter answers its order number n."""
    store(db, result(n, code, **more), now_s=now_s)


def charged(db, charged_u, now_s, seq, credited_u=0, ch=3, channels=3):
    """A reading in which one channel has charged so much."""
    columns = {name: [0] * channels for name in ("credited_total_u", "charged_total_u")}
    columns["charged_total_u"][ch - 1] = charged_u
    columns["credited_total_u"][ch - 1] = credited_u
    columns["balance_u"] = [
        c - d for c, d in zip(columns["credited_total_u"], columns["charged_total_u"], strict=True)
    ]
    message = uplink("reading", reading(seq=seq, channels=channels, t=now_s, **columns))
    store(db, message, now_s=now_s)


def balances_u(db):
    """Of every account that is not empty."""
    with db.read() as conn:
        return {name: u for name, u in accounts.balances_u(conn).items() if u}


def balance_u(db, account):
    with db.read() as conn:
        return ledger.balance_u(conn, account)


def transfers(db):
    with db.read() as conn:
        t = models.transfers.c
        rows = conn.execute(sa.select(t.key, t.debit, t.credit, t.amount_u).order_by(t.id))
        return [tuple(row) for row in rows]


def open_orders(db, meter="m1"):
    with db.read() as conn:
        c = models.commands.c
        rows = conn.execute(
            sa.select(c.n, c.op, c.args)
            .where(c.meter == meter, c.state.in_(orders.OPEN_STATES))
            .order_by(c.n)
        )
        return [(n, op, json.loads(args)) for n, op, args in rows]


def check(db):
    """What must hold at any moment."""
    with db.read() as conn:
        assert ledger_check.check(conn) == []
        assert sum(accounts.balances_u(conn).values()) == 0


def charge(db):
    """A fee of 0.10 and a tax of 200 per mille, in every way to pay."""
    with db.write() as conn:
        terms = Charges(fee_u=FEE_U, tax_permille=200, from_s=NOW_S)
        charges.set_terms(conn, "*", terms, "op", NOW_S)


def open_shift(db, by=ANNA, float_u=20_000_000, desk="front"):
    with db.write() as conn:
        return shifts.open_(conn, desk, by, float_u, by, NOW_S)


def fate_of(db, key="k1"):
    """What became of a sale: its state, and the steps as (step, seconds since NOW_S, amount)."""
    with db.read() as conn:
        found = fate.of(conn, key)
    return found.state, [(step.step, step.at - NOW_S, step.amount_u) for step in found.steps]
