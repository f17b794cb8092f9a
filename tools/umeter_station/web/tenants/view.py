"""What the pages of a tenant show."""

import secrets
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.amounts import format_u
from umeter_station.desk import payouts, sales
from umeter_station.models import purchases
from umeter_station.models_desk import sales as sales_table
from umeter_station.pay import wallets
from umeter_station.people import accounts, tenants
from umeter_station.people.accounts import Person
from umeter_station.people.tenants import Tenancy, Tenant
from umeter_station.web.desk import customer
from umeter_station.web.desk.customer import Sold

_LAST = 10
# Without those that are taken for others on paper.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True)
class Lived:
    """A tenancy; `due_u`: what is due back of its channel, while nobody else has that."""

    tenancy: Tenancy
    due_u: int

    @property
    def is_lasting(self) -> bool:
        return self.tenancy.until_s is None


@dataclass(frozen=True)
class Known:
    tenant: Tenant
    lived: tuple[Lived, ...]
    logins: tuple[Person, ...]
    sold: tuple[Sold, ...]
    wallet_u: int

    @property
    def wallet_text(self) -> str:
        """As it is typed into a field."""
        return format_u(self.wallet_u)


def of(conn: Connection, tenant_id: int) -> Known:
    """Raises NotFound."""
    tenant = tenants.get(conn, tenant_id)
    tenancies = tenants.tenancies_of(conn, tenant_id)
    return Known(
        tenant,
        tuple(Lived(each, _due_u(conn, each)) for each in tenancies),
        tuple(accounts.logins_of(conn, tenant_id)),
        customer.with_states(conn, _bought(conn, tenancies)),
        wallets.balance_u(conn, tenant_id),
    )


def _due_u(conn: Connection, tenancy: Tenancy) -> int:
    last = tenants.history_of(conn, tenancy.meter, tenancy.ch)[-1]
    return payouts.due_u(conn, tenancy.meter, tenancy.ch) if last.id == tenancy.id else 0


def _bought(conn: Connection, tenancies: list[Tenancy]) -> list[sales.Sale]:
    """For the channels that they had, while they had them."""
    p, s = purchases.c, sales_table.c
    theirs = [
        (p.meter == each.meter)
        & (p.ch == each.ch)
        & (s.at >= each.from_s)
        & (sa.true() if each.until_s is None else s.at < each.until_s)
        for each in tenancies
    ]
    return sales.page(conn, _LAST, where=sa.or_(sa.false(), *theirs))


def start_password() -> str:
    """To be told to somebody once: three groups that can be read aloud."""
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(3))
    return "-".join(groups)
