"""What the desk sees of a channel: whose it is, its balance, what was bought, what is due back."""

from dataclasses import dataclass

from sqlalchemy import Connection

from umeter_station import holding, meters, readings
from umeter_station.desk import fate, payouts, sales, terms
from umeter_station.desk.sales import Sale
from umeter_station.desk.terms import Terms
from umeter_station.holding import Held
from umeter_station.people import tenants
from umeter_station.people.tenants import Tenant

_LAST = 6


@dataclass(frozen=True)
class Sold:
    """A sale, and what became of it: one of the steps of desk/fate.py."""

    sale: Sale
    state: str


@dataclass(frozen=True)
class Customer:
    """`balance_u` is None if the meter has never said; `heard_at` 0 if no reading ever came. In
    `terms.unit` "kwh" the balance is in millionths of a kWh."""

    meter: str
    ch: int
    tenant: Tenant | None
    since_s: int | None
    presence: str
    heard_at: int
    balance_u: int | None
    due_u: int
    terms: Terms
    sold: tuple[Sold, ...]
    held: tuple[Held, ...]


def of(conn: Connection, meter: str, ch: int, now_s: int) -> Customer:
    """Raises NotFound for a channel that there is not."""
    known = meters.get(conn, meter)
    meters.check_channel(known, ch)
    tenant_id = tenants.tenant_of(conn, meter, ch, now_s)
    tenancy = tenant_id and tenants.tenancy_at(conn, tenant_id, meter, ch, now_s)
    told = readings.totals(conn, meter).get(ch)
    return Customer(
        meter=meter,
        ch=ch,
        tenant=tenants.get(conn, tenant_id) if tenant_id else None,
        since_s=tenancy.from_s if tenancy else None,
        presence=known.presence,
        heard_at=readings.received_at(conn, meter),
        balance_u=None if told is None else told[0] - told[1],
        due_u=payouts.due_u(conn, meter, ch),
        terms=terms.of(conn, meter, ch, now_s),
        sold=with_states(conn, sales.of_channel(conn, meter, ch, _LAST)),
        held=tuple(held for held in holding.held(conn, meter) if held.ch == ch),
    )


def with_states(conn: Connection, found: list[Sale]) -> tuple[Sold, ...]:
    return tuple(Sold(sale, fate.of(conn, sale.purchase.key).state) for sale in found)
