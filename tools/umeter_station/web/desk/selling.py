"""A cashier's sale at the desk, in cash: into the drawer of their open shift, and only there."""

from dataclasses import dataclass

from sqlalchemy import Connection

from umeter_station.desk import quotes, sales, shifts
from umeter_station.desk.quotes import Quote
from umeter_station.desk.sales import Sale
from umeter_station.errors import Conflict, StationError
from umeter_station.web.language import gettext as _

# Bank notes, as quick choices.
AMOUNTS = (5, 10, 20, 50, 100)


@dataclass(frozen=True)
class Seen:
    """What the cashier told the customer before they paid."""

    meter: str
    ch: int
    paid_u: int
    order_u: int


def sell(conn: Connection, seen: Seen, key: str, by: str, now_s: int) -> Sale:
    """Once per key, inside the caller's write transaction. Raises StationError without an open
    shift, and Conflict if the price has changed since it was told."""
    if sales.by_key(conn, key) is None:
        if shifts.open_of(conn, by) is None:
            raise StationError(_("You have no open shift; open one, then sell."))
        if quote(conn, seen.meter, seen.ch, seen.paid_u, now_s).order_u != seen.order_u:
            raise Conflict(_("What that buys has changed since it was shown; look at it again."))
    return sales.sell_at_desk(conn, seen.meter, seen.ch, seen.paid_u, key, now_s, by)


def quote(conn: Connection, meter: str, ch: int, paid_u: int, now_s: int) -> Quote:
    return quotes.quote(conn, meter, ch, paid_u, "desk", now_s)


def change_u(given_u: int, paid_u: int) -> int:
    """Raises StationError if it is less than what is to be paid."""
    if given_u < paid_u:
        raise StationError(_("That is less than what is to be paid; take more, or sell less."))
    return given_u - paid_u
