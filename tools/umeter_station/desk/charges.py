"""Fees and taxes, per way to pay and in time: what of a payment becomes credit."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.amounts import MAX_AMOUNT_U, check_amount_u, format_u
from umeter_station.errors import StationError
from umeter_station.models_desk import charge_terms
from umeter_station.people import acts

WAYS = ("desk", "web", "phone", "bank", "agent")
ALL_WAYS = "*"
_PERMILLE = 1000


@dataclass(frozen=True)
class Charges:
    """`fee_u` and `fee_permille` of what is paid; `tax_permille` on top of the rest of the price,
    contained in what is paid. `min_u` and `max_u`, 0 for none, limit what can be paid at once."""

    fee_u: int = 0
    fee_permille: int = 0
    tax_permille: int = 0
    min_u: int = 0
    max_u: int = 0
    from_s: int = 0


NONE = Charges()
_NAMES = ("fee_u", "fee_permille", "tax_permille", "min_u", "max_u", "from_s")


def in_force(conn: Connection, way: str, at_s: int) -> Charges:
    """The way's own newest terms, else those for all ways, else none."""
    c = charge_terms.c
    for name in (check_way(way), ALL_WAYS):
        row = conn.execute(
            sa.select(*(c[name] for name in _NAMES))
            .where(c.way == name, c.from_s <= at_s)
            .order_by(c.from_s.desc(), c.id.desc())
            .limit(1)
        ).first()
        if row is not None:
            return Charges(*row)
    return NONE


def all_terms(conn: Connection) -> list[sa.Row]:
    """Everything that was ever set, the newest first."""
    c = charge_terms.c
    return list(conn.execute(sa.select(charge_terms).order_by(c.from_s.desc(), c.id.desc())))


def set_terms(conn: Connection, way: str, terms: Charges, by: str, now_s: int) -> None:
    """From `terms.from_s` on, which is not past: what was sold stays as it was."""
    if way != ALL_WAYS:
        check_way(way)
    if terms.from_s < now_s:
        raise StationError("Fees and taxes change from now on or later; what was sold stays.")
    for name in ("fee_u", "min_u", "max_u"):
        value = getattr(terms, name)
        if type(value) is not int or not 0 <= value <= MAX_AMOUNT_U:
            raise StationError(f"{name} is 0 to {format_u(MAX_AMOUNT_U)}, in micro-units.")
    for name in ("fee_permille", "tax_permille"):
        value = getattr(terms, name)
        if type(value) is not int or not 0 <= value < _PERMILLE:
            raise StationError(f"{name} is 0 to 999.")
    if terms.max_u and terms.max_u < terms.min_u:
        raise StationError("The largest payment is less than the smallest; set max_u above min_u.")
    values = {name: getattr(terms, name) for name in _NAMES}
    conn.execute(charge_terms.insert().values(way=way, **values, noted_at=now_s, by=by))
    acts.note(conn, by, "charges.set", way, values, now_s)


def check_way(way: str) -> str:
    if way not in WAYS:
        raise StationError(f"One pays by {', '.join(WAYS)}, not by {way!r}.")
    return way


def split(paid_u: int, terms: Charges) -> tuple[int, int, int]:
    """(fee, tax, credit), which add up to what is paid: the rest of every rounding is credit."""
    fee_u = terms.fee_u + paid_u * terms.fee_permille // _PERMILLE
    tax_u = paid_u * terms.tax_permille // (_PERMILLE + terms.tax_permille)
    return fee_u, tax_u, paid_u - fee_u - tax_u


def check_paid_u(paid_u: int, terms: Charges) -> tuple[int, int, int]:
    """The same for an amount that may be paid; StationError for any other."""
    check_amount_u(paid_u)
    if paid_u < terms.min_u:
        raise StationError(f"The smallest payment here is {format_u(terms.min_u)}; pay more.")
    if terms.max_u and paid_u > terms.max_u:
        raise StationError(f"The largest payment here is {format_u(terms.max_u)}; pay in parts.")
    fee_u, tax_u, credit_u = split(paid_u, terms)
    if credit_u <= 0:
        raise StationError(
            f"Of {format_u(paid_u)} nothing is left after a fee of {format_u(fee_u)} and a tax of"
            f" {format_u(tax_u)}; pay more."
        )
    return fee_u, tax_u, credit_u
