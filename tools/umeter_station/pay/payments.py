"""Payments through a provider: what somebody wants to pay, for which channel or wallet, and how
far that has come. begin -> (the provider makes an intent) -> attach -> its webhooks (webhooks.py).

Nothing is sold before a webhook, or the provider asked directly, says that the money is there.
"""

import json
from dataclasses import asdict, dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import meters, vending
from umeter_station.amounts import check_amount_u
from umeter_station.clock import Clock
from umeter_station.db import Database
from umeter_station.desk import quotes
from umeter_station.errors import Conflict, NotFound, StationError
from umeter_station.models_pay import payments
from umeter_station.pay import back_pages
from umeter_station.pay.currency import to_minor
from umeter_station.pay.provider import Ask, Intent, Provider
from umeter_station.people import acts, tenants

LIFETIME_S = 3600
OPEN = ("created", "pending")
PAID = ("succeeded", "refunded")


@dataclass(frozen=True)
class Payment:
    """See models_pay.py; `quote` is JSON."""

    id: int
    payer: str
    key: str
    provider: str
    currency: str
    amount_u: int
    purpose: str
    meter: str | None
    ch: int | None
    account: int | None
    tenant_id: int | None
    way: str
    quote: str
    created_at: int
    expires_at: int
    state: str
    since: int
    reference: str | None
    charge: str | None
    redirect_url: str
    checked_at: int
    outcome: str

    @property
    def sale_key(self) -> str:
        return f"pay:{self.id}"

    def waits_at(self, now_s: int) -> str:
        """Where it can be paid now; empty if it cannot."""
        return self.redirect_url if self.state == "pending" and now_s < self.expires_at else ""

    @property
    def text(self) -> str:
        """What the payer is shown at the provider."""
        if self.purpose == "wallet":
            return "Electricity: prepaid wallet"
        return f"Electricity: meter {self.meter}, channel {self.ch}"


@dataclass(frozen=True)
class Wish:
    """What the payer asks for. Either `meter` and `ch`, or `tenant_id` for that one's wallet."""

    amount_u: int
    meter: str | None = None
    ch: int | None = None
    account: int | None = None
    tenant_id: int | None = None
    way: str = "web"


_COLUMNS = [payments.c[name] for name in Payment.__dataclass_fields__]


def start(
    db: Database, clock: Clock, provider: Provider, wish: Wish, payer: str, key: str
) -> Payment:
    """Once per payer and key: asked again, it is the same payment, as it stands by then.

    If the provider cannot be reached, that is raised; asked again, it is tried again.
    """
    with db.write() as conn:
        payment = begin(conn, provider, wish, payer, key, clock.now_s())
        back = back_pages.path(conn, payment.id, payment.payer, payment.way)
    if payment.state != "created":
        return payment
    ask = Ask(
        payment.id, payment.amount_u, payment.currency, payment.text, payment.expires_at, back
    )
    intent = provider.create_intent(ask)
    with db.write() as conn:
        return attach(conn, payment.id, intent, clock.now_s())


def start_or_resume(
    db: Database, clock: Clock, provider: Provider, wish: Wish, payer: str, key: str
) -> Payment:
    """The same for somebody who may ask twice without knowing, in two windows: a payment of the
    same wish that still waits to be paid, or for its provider to hear of it, is gone on with,
    whatever its key. Not for a payer who is several people."""
    now_s, p = clock.now_s(), payments.c
    asked = asdict(wish) | {"provider": provider.name, "payer": payer}
    same = [p[name].is_not_distinct_from(value) for name, value in asked.items()]
    with db.write() as conn:
        if by_key(conn, payer, key) is None:
            waits = p.state.in_(("created", "pending"))
            waiting = _where(conn, *same, waits, p.expires_at > now_s)
            if waiting is not None:
                key = waiting.key
        begin(conn, provider, wish, payer, key, now_s)
    return start(db, clock, provider, wish, payer, key)


def begin(
    conn: Connection, provider: Provider, wish: Wish, payer: str, key: str, now_s: int
) -> Payment:
    vending.check_key(key)
    earlier = _where(conn, payments.c.payer == payer, payments.c.key == key)
    if earlier is not None:
        asked = asdict(wish) | {"provider": provider.name}
        if any(getattr(earlier, name) != value for name, value in asked.items()):
            raise Conflict(f"Key {key!r} was used for another payment; use a new key.")
        return earlier
    check_amount_u(wish.amount_u)
    to_minor(wish.amount_u, provider.currency)
    purpose, quote = "wallet", "{}"
    if wish.meter is not None and wish.ch is not None:
        purpose = "sale"
        meters.check_channel(meters.get(conn, wish.meter), wish.ch)
        quoted = quotes.quote(conn, wish.meter, wish.ch, wish.amount_u, wish.way, now_s)
        quote = json.dumps(quoted.to_dict(), sort_keys=True)
    elif wish.tenant_id is not None:
        tenants.get(conn, wish.tenant_id)
    else:
        raise StationError("A payment is for a channel or for a tenant's wallet; name one.")
    row = {
        **asdict(wish),
        "payer": payer,
        "key": key,
        "provider": provider.name,
        "currency": provider.currency,
        "purpose": purpose,
        "quote": quote,
        "created_at": now_s,
        "expires_at": now_s + LIFETIME_S,
        "state": "created",
        "since": now_s,
    }
    inserted = conn.execute(payments.insert().values(row))
    payment = get(conn, inserted.inserted_primary_key[0])
    detail = {"amount_u": wish.amount_u, "provider": provider.name, "purpose": purpose}
    acts.note(conn, payer, "payment", f"payment:{payment.id}", detail, now_s)
    return payment


def attach(conn: Connection, payment_id: int, intent: Intent, now_s: int) -> Payment:
    """The provider has made the intent. A webhook may have been quicker than this."""
    payment = get(conn, payment_id)
    values = {"reference": intent.reference, "redirect_url": intent.redirect_url}
    if payment.state == "created":
        values |= {"state": "pending", "since": now_s}
    if payment.reference not in (None, intent.reference):
        raise RuntimeError(f"payment {payment_id} has two intents")
    conn.execute(sa.update(payments).where(payments.c.id == payment_id).values(values))
    return get(conn, payment_id)


def change(conn: Connection, payment: Payment, state: str, now_s: int, **values: str) -> Payment:
    """`values`: charge, outcome."""
    conn.execute(
        sa.update(payments)
        .where(payments.c.id == payment.id)
        .values(state=state, since=now_s, **values)
    )
    return get(conn, payment.id)


def find(conn: Connection, payment_id: int) -> Payment | None:
    return _where(conn, payments.c.id == payment_id)


def get(conn: Connection, payment_id: int) -> Payment:
    found = find(conn, payment_id)
    if found is None:
        raise NotFound(f"There is no payment {payment_id}.")
    return found


def by_key(conn: Connection, payer: str, key: str) -> Payment | None:
    """The answer to "did my payment begin?" after the payer's program was cut off."""
    return _where(conn, payments.c.payer == payer, payments.c.key == key)


def by_reference(conn: Connection, provider: str, reference: str) -> Payment | None:
    p = payments.c
    return _where(conn, p.provider == provider, p.reference == reference)


def last_paid(conn: Connection, payer: str, since_s: int) -> Payment | None:
    """The payer's last one that was paid, if that was since then."""
    p = payments.c
    query = sa.select(*_COLUMNS).where(p.payer == payer, p.state == "succeeded")
    row = conn.execute(query.where(p.since >= since_s).order_by(p.since.desc())).first()
    return None if row is None else Payment(*row)


def by_charge(conn: Connection, provider: str, charge: str) -> Payment | None:
    p = payments.c
    return _where(conn, p.provider == provider, p.charge == charge)


def page(
    conn: Connection,
    limit: int,
    after_id: int = 0,
    state: str | None = None,
    payer: str | None = None,
) -> list[Payment]:
    query = sa.select(*_COLUMNS).where(payments.c.id > after_id).order_by(payments.c.id)
    for column, wanted in ((payments.c.state, state), (payments.c.payer, payer)):
        if wanted is not None:
            query = query.where(column == wanted)
    return [Payment(*row) for row in conn.execute(query.limit(limit))]


def _where(conn: Connection, *conditions: sa.ColumnElement[bool]) -> Payment | None:
    row = conn.execute(sa.select(*_COLUMNS).where(*conditions)).first()
    return None if row is None else Payment(*row)
