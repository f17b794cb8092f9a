"""A station's database and a meter's side of the wire, for the station's tests."""

import functools
import json
import tempfile
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import event, inspect

from umeter_sim.station_cuts import Killed
from umeter_station import account_orders, envelope, keyed, ledger, meters, vending
from umeter_station import db as databases
from umeter_station.inbox import Inbox, Message
from umeter_station.secrets import Safe

KEY = bytes(range(32))
STATION_KEY = b"\x5a" * 32
NOW_S = 1_800_000_000
# Orders on channel 3, and `accounts_u` after the first sale and after a debit of 2.00.
DEBIT = account_orders.debit(3, 4_000_000)
CLOSE = account_orders.account(3, "close")
LEND = account_orders.account(3, "prepaid", lend_u=4_000_000)
CREDITED = (-5_000_000, 0, 5_000_000, 0)
TAKEN = (-5_000_000, 0, 3_000_000, 2_000_000)


class FixedClock:
    tolerance_s = 10

    def __init__(self, now_s=NOW_S):
        self.unix_s = now_s

    def now_s(self):
        return self.unix_s


really_migrate = databases._migrate


@functools.cache
def _empty_database():
    """A migrated file's bytes: made once, since migrating costs far more than a test."""
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "empty.sqlite"
        database = databases.Database(path)
        really_migrate(database)
        database.close()
        return path.read_bytes()


def _migrate_or_copy(database):
    """A new file of this process becomes a copy of that one."""
    with database.engine.connect() as conn:
        is_new = database.is_sqlite and not inspect(conn).get_table_names()
    if not is_new:
        really_migrate(database)
        return
    database.close()
    for log in ("-wal", "-shm"):
        database.path.with_name(database.path.name + log).unlink(missing_ok=True)
    database.path.write_bytes(_empty_database())


databases._migrate = _migrate_or_copy


def new_database(tmp_path, *names):
    (tmp_path / "station.sqlite").write_bytes(_empty_database())
    db = databases.open_database(tmp_path / "station.sqlite")
    # For whoever opens it as a station's home.
    (tmp_path / "station.key").write_text(STATION_KEY.hex())
    db.unlock(Safe(STATION_KEY))
    with db.write() as conn:
        for name in names or ("m1",):
            meters.add(conn, name, KEY, NOW_S)
    return db


def sell(db, amount_u=5_000_000, key="k1", meter="m1", ch=3):
    with db.write() as conn:
        return vending.sell(conn, meter, ch, amount_u, key, NOW_S)


def order(db, order, key="o1", meter="m1"):
    """Give an order made by one of account_orders' functions."""
    with db.write() as conn:
        return keyed.place(conn, meter, *order, key, NOW_S)


def result(n, code="applied", key=KEY, meter="m1", **more):
    token = envelope.sign(key, json.dumps({"n": n, "code": code, **more}).encode())
    return Message(f"umeter/{meter}/up/result", token)


def uplink(kind, document, meter="m1"):
    payload = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Message(f"umeter/{meter}/up/{kind}", payload)


def store(db, *batch, now_s=NOW_S):
    with db.write() as conn:
        return Inbox(FixedClock.tolerance_s).store(conn, batch, now_s)


def reading(boot=1, seq=1, channels=2, t=NOW_S, clock=1, **columns):
    document = {"boot": boot, "seq": seq, "t": t, "clock": clock, "up_s": 9, "event": 0}
    names = "energy_wh power_dw voltage_dv current_ma credited_total_u charged_total_u"
    for name in f"{names} balance_u contact claims age_s".split():
        document[name] = columns.get(name, [0] * channels)
    return document


def accounts_u(db, meter="m1", ch=3):
    """desk, transit, customer, refund due"""
    with db.read() as conn:
        return tuple(
            ledger.balance_u(conn, account)
            for account in (
                ledger.CASH_DESK,
                ledger.transit(meter, ch),
                ledger.customer(meter, ch),
                ledger.refund_due(meter, ch),
            )
        )


def counted(db):
    """What was out of the ordinary."""
    with db.read() as conn:
        counters = databases.read_counters(conn)
    counters.pop("reading.stored", None)
    return counters


@contextmanager
def killed_at_statement(db, number):
    """The process dies just before its `number`th statement (from 0); yields a list that holds
    every statement that was begun."""
    begun = []

    def before(_conn, _cursor, statement, *_):
        if len(begun) == number:
            raise Killed(statement)
        begun.append(statement)

    event.listen(db.engine, "before_cursor_execute", before)
    try:
        yield begun
    finally:
        event.remove(db.engine, "before_cursor_execute", before)
