"""What a tenant may ask for: what is known of them, that it be forgotten, and what they agree to.

Forgetting empties names, addresses and logins; tenancies, purchases and the ledger stay, as books
must, under a number that leads to nobody.
"""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import ledger
from umeter_station.errors import StationError
from umeter_station.models import purchases
from umeter_station.models_desk import sales
from umeter_station.models_pay import phone_calls, phone_pins
from umeter_station.models_people import consents, people, recovery_codes, tenants
from umeter_station.people import accounts, acts, sessions
from umeter_station.people import tenants as known
from umeter_station.people.tenants import Tenancy, Tenant

# What can be agreed to, and need not be.
PURPOSES = ("alerts.email", "alerts.sms", "usage.landlord")


@dataclass(frozen=True)
class Consent:
    purpose: str
    given_at: int
    withdrawn_at: int | None


@dataclass(frozen=True)
class Bought:
    id: int
    meter: str
    ch: int
    amount_u: int
    created_at: int


@dataclass(frozen=True)
class Told:
    """Everything that is known of a tenant: who, where, since when, what was bought."""

    tenant: Tenant
    logins: list[str]
    tenancies: list[Tenancy]
    consents: list[Consent]
    purchases: list[Bought]


def forget(conn: Connection, tenant_id: int, by: str, now_s: int) -> bool:
    """False if that was done before."""
    tenant = known.get(conn, tenant_id)
    if tenant.forgotten_at is not None:
        return False
    if any(t.until_s is None or t.until_s > now_s for t in known.tenancies_of(conn, tenant_id)):
        raise StationError("That tenant still has a channel; move them out first.")
    if ledger.balance_u(conn, ledger.wallet(tenant_id)):
        raise StationError("There is money in that tenant's wallet; have it paid out first.")
    if _is_buying(conn, tenant_id):
        raise StationError(
            "What that tenant's wallet has bought is not on its meter yet; settle that first."
        )
    for table in (phone_pins, phone_calls):
        conn.execute(sa.delete(table).where(table.c.tenant_id == tenant_id))
    for person in accounts.logins_of(conn, tenant_id):
        sessions.end_all(conn, person.id)
        conn.execute(sa.delete(recovery_codes).where(recovery_codes.c.person_id == person.id))
        # Nobody can choose a name with a blank: it is never taken.
        values = {"name": f"forgotten {person.id}", "password_hash": None, "totp_secret": None}
        conn.execute(
            sa.update(people)
            .where(people.c.id == person.id)
            .values(**values, totp_at=None, disabled_at=person.disabled_at or now_s)
        )
    conn.execute(sa.delete(consents).where(consents.c.tenant_id == tenant_id))
    nothing = {"name": "", "email": "", "phone": "", "forgotten_at": now_s}
    conn.execute(sa.update(tenants).where(tenants.c.id == tenant_id).values(nothing))
    acts.note(conn, by, "tenant.forget", known.about(tenant_id), {}, now_s)
    return True


def _is_buying(conn: Connection, tenant_id: int) -> bool:
    """It may still come back into the wallet."""
    p = purchases.c
    query = (
        sa.select(p.id)
        .join(sales, sales.c.purchase_id == p.id)
        .where(sales.c.paid_from == ledger.wallet(tenant_id))
        .where(~ledger.is_ended(p.command_id))
    )
    return conn.execute(query.limit(1)).first() is not None


def told(conn: Connection, tenant_id: int) -> Told:
    tenant = known.get(conn, tenant_id)
    tenancies = known.tenancies_of(conn, tenant_id)
    return Told(
        tenant=tenant,
        logins=[person.name for person in accounts.logins_of(conn, tenant_id)],
        tenancies=tenancies,
        consents=consents_of(conn, tenant_id),
        purchases=[bought for tenancy in tenancies for bought in _bought(conn, tenancy)],
    )


def _bought(conn: Connection, tenancy: Tenancy) -> list[Bought]:
    """What was bought for the channel while it was the tenant's."""
    p = purchases.c
    query = sa.select(p.id, p.meter, p.ch, p.amount_u, p.created_at).where(
        p.meter == tenancy.meter, p.ch == tenancy.ch, p.created_at >= tenancy.from_s
    )
    if tenancy.until_s is not None:
        query = query.where(p.created_at < tenancy.until_s)
    return [Bought(*row) for row in conn.execute(query.order_by(p.id))]


def _check(purpose: str) -> None:
    if purpose not in PURPOSES:
        raise StationError(
            f"Nobody is asked about {purpose!r}; the purposes are {', '.join(PURPOSES)}."
        )


def agree(conn: Connection, tenant_id: int, purpose: str, by: str, now_s: int) -> bool:
    """False if it was so before."""
    _check(purpose)
    known.get(conn, tenant_id)
    if agrees(conn, tenant_id, purpose):
        return False
    values = {"tenant_id": tenant_id, "purpose": purpose, "given_at": now_s}
    conn.execute(consents.insert().values(values))
    acts.note(conn, by, "consent.give", known.about(tenant_id), {"purpose": purpose}, now_s)
    return True


def withdraw(conn: Connection, tenant_id: int, purpose: str, by: str, now_s: int) -> bool:
    """False if it was so before."""
    _check(purpose)
    c = consents.c
    ended = conn.execute(
        sa.update(consents)
        .where(c.tenant_id == tenant_id, c.purpose == purpose, c.withdrawn_at.is_(None))
        .values(withdrawn_at=now_s)
    )
    if not ended.rowcount:
        return False
    acts.note(conn, by, "consent.withdraw", known.about(tenant_id), {"purpose": purpose}, now_s)
    return True


def agrees(conn: Connection, tenant_id: int, purpose: str) -> bool:
    c = consents.c
    query = sa.select(c.id).where(
        c.tenant_id == tenant_id, c.purpose == purpose, c.withdrawn_at.is_(None)
    )
    return conn.execute(query).first() is not None


def consents_of(conn: Connection, tenant_id: int) -> list[Consent]:
    c = consents.c
    query = sa.select(c.purpose, c.given_at, c.withdrawn_at).where(c.tenant_id == tenant_id)
    return [Consent(*row) for row in conn.execute(query.order_by(c.id))]
