"""A meter's logs as the station sees them: records packed as the firmware does, and the answers
to history orders."""

import base64
import hashlib

import sqlalchemy as sa

from station_kit import NOW_S, reading, result, store, uplink
from umeter_sim import log_records
from umeter_station import models, orders

_MOST = {"events": 16, "profile": 32}


def audit_raw(n, previous=bytes(32), t=NOW_S, **more):
    return log_records.audit_raw(n, previous, t, **more)


def interval_raw(n, wh=(0,) * 8, t_end=NOW_S, *more, **named):
    return log_records.interval_raw(n, wh, t_end, *more, **named)


def chain(count, first_n=1, previous=bytes(32)):
    """That many audit records, each with the hash of the one before."""
    raws = []
    for n in range(first_n, first_n + count):
        raws.append(audit_raw(n, previous, t=NOW_S + n, a=n))
        previous = hashlib.sha256(raws[-1]).digest()
    return raws


def intervals(count, first_n=1):
    return [
        interval_raw(n, [n + ch for ch in range(8)], NOW_S + 900 * n)
        for n in range(first_n, first_n + count)
    ]


def number(raw):
    return int.from_bytes(raw[:4], "little")


class Logs:
    """Two rings of `held` records each; `torn` numbers cannot be read any more."""

    def __init__(self, held=10**9):
        self.held = held
        self.rings = {"events": [], "profile": []}
        self.torn = set()

    def append(self, kind, raws):
        self.rings[kind] = (self.rings[kind] + raws)[-self.held :]

    def newest(self, kind):
        ring = self.rings[kind]
        return number(ring[-1]) if ring else 0

    def announced(self):
        """What a reading says."""
        return {"event": self.newest("events"), "interval": self.newest("profile")}

    def answer(self, order):
        """The rest of the result of a history order."""
        kind, first = order["what"], order["from"]
        assert 1 <= order["count"] <= _MOST[kind]
        ring = self.rings[kind]
        oldest = number(ring[0]) if ring else 0
        given = [raw for raw in ring if number(raw) >= first][: order["count"]]
        after = number(given[-1]) + 1 if given else first
        given = [raw for raw in given if number(raw) not in self.torn]
        records = base64.b64encode(b"".join(given)).decode()
        told = {"what": kind, "from": first, "oldest": oldest, "newest": self.newest(kind)}
        return {**told, "records": records, "next": after, "boot": 1}


def numbers(db, table=models.audit_records):
    with db.read() as conn:
        return list(conn.execute(sa.select(table.c.n).order_by(table.c.n)).scalars())


def findings(db):
    with db.read() as conn:
        rows = conn.execute(sa.select(models.history_findings))
        return [(row.kind, row.what, row.first_n, row.last_n) for row in rows]


def open_histories(db, kind=None):
    c = models.commands.c
    with db.read() as conn:
        ids = conn.execute(
            sa.select(c.id).where(c.op == "history", c.state.in_(orders.OPEN_STATES))
        )
        found = [orders.get(conn, command_id) for command_id in ids.scalars()]
    return [order for order in found if kind in (None, order.args["what"])]


class Link:
    """Readings and answers of one meter, brought to the station by hand."""

    def __init__(self, db, logs):
        self.db, self.logs, self.seq, self.asked = db, logs, 0, []

    def read(self, boot=1, now_s=NOW_S, **announced):
        self.seq += 1
        document = reading(boot=boot, seq=self.seq) | self.logs.announced() | announced
        store(self.db, uplink("reading", document), now_s=now_s)

    def answer(self, order, **changes):
        self.asked.append((order.args["what"], order.args["from"]))
        store(self.db, self.result(order, **changes))

    def result(self, order, **changes):
        return result(order.n, op="history", **(self.logs.answer(order.args) | changes))

    def pull(self, limit=1000):
        """Answer until the station asks no more; the number of orders."""
        for answered in range(limit):
            waiting = open_histories(self.db)
            if not waiting:
                return answered
            assert len({order.args["what"] for order in waiting}) == len(waiting)
            self.answer(waiting[-1])
        raise AssertionError("it goes on for ever")
