"""Sales of every kind while the station's process is killed at any statement, and what is left:
no sale lost, none doubled, a ledger that is balanced.

A campaign has sellers, payers and meters that behave as they should, which is to ask again until
there is an answer: under the same key, with the same webhook, with the same signed result. It is
drawn from a seed, and ends when everybody has had an answer.
"""

import json
import random
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from umeter_sim import postgres
from umeter_sim.station_cuts import Killed, killed_at_step
from umeter_station import db as databases
from umeter_station import envelope, holding, ledger, ledger_check, meters, orders
from umeter_station.desk import agents, charges, sales
from umeter_station.errors import StationError
from umeter_station.inbox import Inbox, Message
from umeter_station.models import commands, order_keys, purchases, transfers
from umeter_station.pay import payments, webhooks
from umeter_station.pay.sandbox import Sandbox
from umeter_station.secrets import Safe

KEY = bytes(range(32))
METERS = ("m1", "m2")
CHANNELS = (1, 2, 3)
AGENT = "corner"
_NOW_S = 1_800_000_000
_CUT_OF_TEN = 6  # of ten operations so many are killed, some more than once
_LAST_STEP = 45
_ANSWERS = ("applied",) * 6 + ("too_much", "range")


class _Clock:
    tolerance_s = 10

    def now_s(self):
        return _NOW_S


@dataclass
class Meter:
    """It applies an order once, by its number, and says so as often as it is asked."""

    name: str
    chance: random.Random
    said: dict[int, str] = field(default_factory=dict)
    credited_u: Counter = field(default_factory=Counter)

    def answer(self, n, args):
        if n not in self.said:
            self.said[n] = self.chance.choice(_ANSWERS)
            if self.said[n] == "applied":
                self.credited_u[args["ch"]] += args["amount_u"]
        token = envelope.sign(KEY, json.dumps({"n": n, "code": self.said[n]}).encode())
        return Message(f"umeter/{self.name}/up/result", token)


class Campaign:
    """`step()` as often as wanted, then `finish()`, then `verdict()`."""

    def __init__(self, db, seed):
        self._db, self._clock = db, _Clock()
        self._chance = random.Random(seed)
        self._meters = {name: Meter(name, self._chance) for name in METERS}
        self._sandbox = Sandbox(db, self._clock, b"secret", "EUR")
        self._asked = {}  # every operation that was ever asked for, by its name
        self._waiting = []  # names of those that have no answer yet
        self._sold = set()  # the keys of all purchases that there must be
        self._results = []
        self.kills = 0
        db.unlock(Safe(b"\x5a" * 32))
        with db.write() as conn:
            for name in METERS:
                meters.add(conn, name, KEY, _NOW_S)
            agents.set_terms(conn, AGENT, 10**12, 20, "system", _NOW_S)
            terms = charges.Charges(fee_u=100_000, fee_permille=10, tax_permille=190, from_s=1)
            charges.set_terms(conn, "*", terms, "system", 1)

    def step(self):
        """One operation, new or asked again, which may be killed."""
        if self._waiting and self._chance.random() < 0.3:
            name = self._chance.choice(self._waiting)
        elif self._asked and self._chance.random() < 0.1:
            name = self._chance.choice(list(self._asked))
        else:
            name, do = self._chance.choice((self._desk, self._desk, self._pay, self._decide))()
            self._asked.setdefault(name, do)
        self._try(name, self._asked[name])
        for _ in range(self._chance.randrange(3)):
            self._deliver()

    def finish(self):
        """Everybody asks until there is an answer; nobody is killed any more."""
        for name in list(self._waiting):
            self._asked[name]()
            self._waiting.remove(name)
        while self._open_orders():
            self._deliver(cut=False)
        for held in self._held():
            with self._db.write() as conn:
                holding.refund(conn, held.key, _NOW_S)
        for message in self._results:
            self._store(message)

    def verdict(self):
        """What the figures of `run()` count."""
        with self._db.read() as conn:
            there = Counter(conn.execute(sa.select(purchases.c.key)).scalars())
            applied, settled = _applied(conn), _settled(conn)
            found = ledger_check.check(conn)
            imbalance_u = ledger_check.imbalance_u(conn)
            wrong_u = 0
            for meter in self._meters.values():
                for ch in CHANNELS:
                    has_u = ledger.balance_u(conn, ledger.customer(meter.name, ch))
                    wrong_u += abs(has_u - meter.credited_u[ch])
        lost = [key for key in self._sold if key not in there]
        lost += [key for key in applied if settled.get(key) != "customer"]
        twice = [key for key in there if key not in self._sold or there[key] > 1]
        twice += [key for key, times in applied.items() if times > 1]
        return {
            "sales": len(self._sold),
            "kills": self.kills,
            "lost": len(lost),
            "doubled": len(twice),
            "imbalance": imbalance_u + wrong_u,
            "findings": found,
        }

    def _try(self, name, do):
        if name not in self._waiting:
            self._waiting.append(name)
        kill = self._chance.randrange(10) < _CUT_OF_TEN
        if self._lives_through(do, self._chance.randrange(_LAST_STEP) if kill else -1):
            self._waiting.remove(name)

    def _lives_through(self, do, step):
        try:
            with killed_at_step(self._db, step):
                do()
        except Killed:
            self.kills += 1
            return False
        return True

    def _place(self):
        return {"meter": self._chance.choice(METERS), "ch": self._chance.choice(CHANNELS)}

    def _desk(self):
        key, place = f"k{len(self._asked)}", self._place()
        paid_u = self._chance.randrange(1_000_000, 50_000_000)
        way, paid_from = self._chance.choice(
            (("desk", ledger.CASH_DESK), ("agent", ledger.agent(AGENT)))
        )
        more = {"key": key, "way": way, "paid_from": paid_from, "by": "system", "now_s": _NOW_S}
        self._sold.add(key)

        def do():
            with self._db.write() as conn:
                sales.sell(conn, paid_u=paid_u, **place, **more)

        return key, do

    def _pay(self):
        key, place = f"p{len(self._asked)}", self._place()
        wish = payments.Wish(self._chance.randrange(100, 5_000) * 10_000, **place)

        def do():
            payment = payments.start(self._db, self._clock, self._sandbox, wish, "web", key)
            self._sold.add(payment.sale_key)
            told = self._sandbox.finish(payment.reference, "succeeded")
            webhooks.receive(self._db, self._clock, self._sandbox, told.body, told.headers)

        return key, do

    def _decide(self):
        """What a meter refused for the moment is sent again, or given up."""
        held = self._held()
        if not held:
            return self._desk()
        key, name = self._chance.choice(held).key, f"d{len(self._asked)}"
        again = self._chance.random() < 0.5

        def do():
            with self._db.write() as conn:
                try:
                    if again:
                        holding.resend(conn, key, name, _NOW_S)
                    else:
                        holding.refund(conn, key, _NOW_S)
                except StationError:
                    pass  # Somebody else has decided meanwhile.

        return name, do

    def _held(self):
        with self._db.read() as conn:
            return holding.held(conn)

    def _open_orders(self):
        with self._db.read() as conn:
            c = commands.c
            return conn.execute(
                sa.select(c.meter, c.n, c.args)
                .where(c.op == "credit", c.state.in_(orders.OPEN_STATES))
                .order_by(c.id)
            ).all()

    def _deliver(self, cut=True):
        """An order reaches its meter, or an answer comes once more; it is kept until stored."""
        waiting = self._open_orders()
        if self._results and (not waiting or self._chance.random() < 0.2):
            message = self._chance.choice(self._results)
        elif waiting:
            order = self._chance.choice(waiting)
            message = self._meters[order.meter].answer(order.n, json.loads(order.args))
            self._results.append(message)
        else:
            return
        kill = cut and self._chance.randrange(10) < _CUT_OF_TEN
        step = self._chance.randrange(_LAST_STEP // 2) if kill else -1
        self._lives_through(lambda: self._store(message), step)

    def _store(self, message):
        with self._db.write() as conn:
            Inbox(self._clock.tolerance_s).store(conn, [message], _NOW_S)


def _applied(conn):
    """Of each purchase that a meter has applied: by how many orders."""
    p, k, c = purchases.c, order_keys.c, commands.c
    of_sale = sa.union_all(
        sa.select(p.key, p.command_id),
        sa.select(p.key, k.command_id).join(order_keys, k.purchase_id == p.id),
    ).subquery()
    rows = conn.execute(
        sa.select(of_sale.c.key, sa.func.count())
        .join(commands, c.id == of_sale.c.command_id)
        .where(c.code == "applied")
        .group_by(of_sale.c.key)
    )
    return {key: times for key, times in rows}


def _settled(conn):
    """Of each purchase whose money is no longer in transit: the kind of account it went to."""
    settle = sa.literal(ledger.SETTLEMENT) + sa.cast(purchases.c.command_id, sa.Text)
    rows = conn.execute(
        sa.select(purchases.c.key, transfers.c.credit).join(transfers, transfers.c.key == settle)
    )
    return {key: account.partition(":")[0] for key, account in rows}


def campaign(where, seed, steps):
    """One campaign on a new database; its verdict."""
    db = databases.open_database(where)
    try:
        running = Campaign(db, seed)
        for _ in range(steps):
            running.step()
        running.finish()
        return running.verdict()
    finally:
        db.close()


def run(seed=1, steps=150):
    """The figures of the bench: over SQLite and, where it is installed, PostgreSQL."""
    started_s = time.monotonic()
    verdicts = {}
    with tempfile.TemporaryDirectory() as folder:
        verdicts["sqlite"] = campaign(Path(folder) / "station.sqlite", seed, steps)
    if postgres.installed() is not None:
        server = postgres.Postgres()
        try:
            server.start()
            verdicts["postgresql"] = campaign(server.create("campaign"), seed, steps)
        finally:
            server.close()
    figures = {"lost": "sales_lost", "doubled": "sales_doubled", "imbalance": "ledger_imbalance"}
    return {name: sum(v[each] for v in verdicts.values()) for each, name in figures.items()} | {
        "sales": sum(v["sales"] for v in verdicts.values()),
        "kills": sum(v["kills"] for v in verdicts.values()),
        "findings": [sentence for v in verdicts.values() for sentence in v["findings"]],
        "databases": sorted(verdicts),
        "seconds": round(time.monotonic() - started_s, 1),
    }
