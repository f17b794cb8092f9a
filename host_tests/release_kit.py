"""An update of one meter at the station, with the meter's part played by hand."""

import sqlalchemy as sa

from station_kit import NOW_S, result, store, uplink
from umeter_deploy import bundle as bundles
from umeter_station import orders, update
from umeter_station.models import commands

FILES = {"umeter/__init__.mpy": b"i" * 70, "umeter/app.mpy": b"a" * 2000}
BUNDLE = bundles.make(2, "0.2.0", "sim8", 302, FILES)


def started(db, bundle=BUNDLE):
    with db.write() as conn:
        name = update.add_bundle(conn, bundle, NOW_S)
        return update.start(conn, "m1", name, NOW_S, "ann")


def known(db):
    with db.read() as conn:
        return update.latest(conn, "m1")


def newest(db):
    """The order that is open."""
    with db.read() as conn:
        ids = conn.execute(
            sa.select(commands.c.id)
            .where(commands.c.state.in_(orders.OPEN_STATES), commands.c.op != "credit")
            .order_by(commands.c.n)
        )
        (command_id,) = ids.scalars().all()
        return orders.get(conn, command_id)


def answer(db, code="applied", **more):
    """The meter's, to the order that is open; then the next order."""
    order = newest(db)
    store(db, result(order.n, code, op=order.op, **more))
    return order


def event(db, code, a, b=0, n=1):
    store(
        db, uplink("event", {"n": n, "boot": 2, "t": NOW_S, "code": code, "ch": 0, "a": a, "b": b})
    )


def status(db, **more):
    document = {"state": "online", "boot": 1, "channels": 2, "board": "sim8", "clock": 1, **more}
    store(db, uplink("status", document))


def brought(db):
    """Up to the order to switch."""
    started(db)
    answer(db, want=[0, 0], kept=0)
    answer(db, want=[1, 0], kept=0)
    answer(db, want=None, kept=1)
