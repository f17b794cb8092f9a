"""A station with a sandbox that takes payments, and what its books must always say."""

import sqlalchemy as sa

from station_kit import NOW_S, FixedClock
from umeter_station import ledger
from umeter_station.models import purchases, transfers
from umeter_station.pay import payments, webhooks
from umeter_station.pay.payments import Wish
from umeter_station.pay.provider import Forged
from umeter_station.pay.sandbox import Sandbox

SECRET = b"sandbox secret"
CLEARING = ledger.clearing("sandbox")
AMOUNT_U = 5_000_000
# The profile of a bank that writes CSV.
CSV = 'format = "csv"\ndelimiter = ","\n[columns]\ndate = "d"\namount = "a"\ntext = "t"\n'


class Shop:
    """A database, a clock and a sandbox; `clock.unix_s` is the time."""

    def __init__(self, db):
        self.db = db
        self.clock = FixedClock(NOW_S)
        self.sandbox = Sandbox(db, self.clock, SECRET, "EUR")

    def pay(self, amount_u=AMOUNT_U, key="p1", payer="tenant:7", **wish):
        wish = wish or {"meter": "m1", "ch": 3}
        wanted = Wish(amount_u, **wish)
        return payments.start(self.db, self.clock, self.sandbox, wanted, payer, key)

    def payment(self, payment_id):
        with self.db.read() as conn:
            return payments.get(conn, payment_id)

    def deliver(self, webhook):
        """What became of it; "forged" if it was refused."""
        try:
            return webhooks.receive(
                self.db, self.clock, self.sandbox, webhook.body, webhook.headers
            )
        except Forged:
            return "forged"

    def balance_u(self, account):
        with self.db.read() as conn:
            return ledger.balance_u(conn, account)

    def sold(self):
        """The keys of all purchases."""
        with self.db.read() as conn:
            return list(conn.execute(sa.select(purchases.c.key)).scalars())

    def rows(self, table):
        with self.db.read() as conn:
            return conn.execute(sa.select(table)).all()

    def state(self):
        """All that a webhook can change, as one comparable value."""
        with self.db.read() as conn:
            moved = conn.execute(
                sa.select(transfers.c.key, transfers.c.debit, transfers.c.credit)
                .add_columns(transfers.c.amount_u)
                .order_by(transfers.c.key)
            ).all()
            states = [(p.id, p.state, p.outcome) for p in payments.page(conn, 200)]
        return [tuple(row) for row in moved], states, sorted(self.sold())


def hasty(db):
    """Without waiting for the disk: who is killed here is no machine without power."""

    @sa.event.listens_for(db.engine, "connect")
    def _connect(connection, _record):
        connection.execute("PRAGMA synchronous=OFF")

    db.engine.dispose()
    return db
