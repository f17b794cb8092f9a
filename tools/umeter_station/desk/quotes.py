"""What an amount buys on a channel now: what is kept of it, and how much energy that is.

What is kept is exact: paid = fee + tax + credit. What the meter makes of the credit is an estimate
from the settings that it reported: energy by rate and block, and what it will take for debts.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Connection

from umeter_station import meters, readings
from umeter_station.amounts import MICRO, format_u
from umeter_station.desk import charges, debts, pricing, tariffs, terms
from umeter_station.desk.pricing import Part
from umeter_station.errors import StationError


@dataclass(frozen=True)
class Quote:
    """`order_u`: what the meter is ordered to credit, money or millionths of a kWh as its `unit`
    says. `debt_u` of it goes to debts; `balance_u` is what the meter had before, None if it has
    never said. `energy_wh` is None while no tariff is known; `parts` add up to it."""

    meter: str
    ch: int
    way: str
    paid_u: int
    fee_u: int
    tax_u: int
    credit_u: int
    unit: str
    order_u: int
    debt_u: int
    debt_known: bool
    balance_u: int | None
    energy_wh: int | None
    parts: tuple[Part, ...]
    standing_u_per_day: int
    min_u: int
    max_u: int
    notes: tuple[str, ...] = field(default=())

    @property
    def is_kwh(self) -> bool:
        return self.unit == "kwh"

    def paid_text(self) -> str:
        """What was paid, and what it was for if not for credit only."""
        text = format_u(self.paid_u)
        parts = (("credit", self.credit_u), ("fee", self.fee_u), ("tax", self.tax_u))
        told = [f"{name} {format_u(amount_u)}" for name, amount_u in parts if amount_u]
        return f"{text} ({', '.join(told)})" if self.credit_u != self.paid_u else text

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def from_dict(document: dict[str, Any]) -> Quote:
    parts = tuple(Part(**part) for part in document["parts"])
    return Quote(**{**document, "parts": parts, "notes": tuple(document["notes"])})


def plain(meter: str, ch: int, amount_u: int, way: str) -> Quote:
    """All of it credit, and nothing more known."""
    return Quote(
        meter=meter,
        ch=ch,
        way=way,
        paid_u=amount_u,
        fee_u=0,
        tax_u=0,
        credit_u=amount_u,
        unit="money",
        order_u=amount_u,
        debt_u=0,
        debt_known=False,
        balance_u=None,
        energy_wh=None,
        parts=(),
        standing_u_per_day=0,
        min_u=0,
        max_u=0,
    )


def quote(conn: Connection, meter: str, ch: int, paid_u: int, way: str, now_s: int) -> Quote:
    """Raises StationError for what cannot be sold."""
    known = meters.get(conn, meter)
    meters.check_channel(known, ch)
    cost = charges.in_force(conn, way, now_s)
    fee_u, tax_u, credit_u = charges.check_paid_u(paid_u, cost)
    found = terms.of(conn, meter, ch, now_s)
    order_u = credit_u
    if found.unit == "kwh":
        order_u = credit_u * MICRO // tariffs.kwh_price_u(conn, meter, ch, found, now_s)
    if 0 < found.max_topup_u < order_u:
        unit = " kWh" if found.unit == "kwh" else ""
        raise StationError(
            f"{meter} takes at most {format_u(found.max_topup_u)}{unit} at once on channel {ch};"
            " sell less."
        )
    owed = debts.known(conn, meter, ch)
    debt_u = debts.taken_u(order_u, found, owed)
    balance_u = _balance_u(conn, meter, ch)
    used_wh = terms.month_use_wh(conn, meter, ch, now_s)
    energy_wh, parts = _energy(order_u - debt_u, found, used_wh, now_s)
    return Quote(
        meter=meter,
        ch=ch,
        way=way,
        paid_u=paid_u,
        fee_u=fee_u,
        tax_u=tax_u,
        credit_u=credit_u,
        unit=found.unit,
        order_u=order_u,
        debt_u=debt_u,
        debt_known=owed.share_u is not None or not found.debt3_percent,
        balance_u=balance_u,
        energy_wh=energy_wh,
        parts=parts,
        standing_u_per_day=found.standing_u_per_day,
        min_u=cost.min_u,
        max_u=cost.max_u,
        notes=tuple(_notes(found, balance_u, order_u, debt_u, energy_wh)),
    )


def _balance_u(conn: Connection, meter: str, ch: int) -> int | None:
    told = readings.totals(conn, meter).get(ch)
    return None if told is None else told[0] - told[1]


def _energy(
    kept_u: int, found: terms.Terms, used_wh: int, now_s: int
) -> tuple[int | None, tuple[Part, ...]]:
    if found.unit == "kwh":
        return kept_u // (MICRO // 1000), ()
    if found.tariff is None or not any(map(any, found.tariff["prices"])):
        return None, ()
    shares = pricing.rate_shares(found.tariff, terms.mmdd(now_s), found.weekend_days)
    parts = tuple(pricing.buys(kept_u, found.tariff, shares, used_wh))
    return sum(part.wh for part in parts), parts


def _notes(
    found: terms.Terms, balance_u: int | None, order_u: int, debt_u: int, energy_wh: int | None
) -> list[str]:
    notes = []
    if energy_wh is None:
        notes.append("How much energy that is cannot be said: no price is known.")
    after_u = (balance_u or 0) + order_u - debt_u
    if 0 < found.max_balance_u < after_u:
        most = format_u(found.max_balance_u)
        notes.append(f"The meter keeps at most {most}; it may refuse this until some is used.")
    if balance_u is not None and balance_u < 0:
        notes.append(f"Of it {format_u(-balance_u)} makes up for what was used without credit.")
    return notes
