"""What meters tell of money that nobody pays at that moment, as transfers: credit taken back,
lent, given; and what the kWh of a meter that counts those are worth."""

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.ledger import (
    GIVEN,
    balance_u,
    customer,
    is_posted,
    lent,
    moved_u,
    post,
    prepaid,
    refund_due,
    settlement_key,
    transit,
    units,
)
from umeter_station.models import transfers


def post_return(
    conn: Connection, meter: str, ch: int, amount_u: int, created_at: int, command_id: int
) -> bool:
    """The meter has taken credit back: it is money that is due, or kWh whose money is."""
    key, kwh = settlement_key(command_id), counts_kwh(conn, meter, ch)
    value_u = kwh_value_u(conn, meter, ch, amount_u) if kwh else 0
    posted = post(
        conn,
        key=key,
        debit=customer(meter, ch),
        credit=units(meter, ch) if kwh else refund_due(meter, ch),
        amount_u=amount_u,
        created_at=created_at,
        command_id=command_id,
    )
    if posted and value_u:
        post(
            conn,
            key=f"value:{command_id}",
            debit=prepaid(meter, ch),
            credit=refund_due(meter, ch),
            amount_u=value_u,
            created_at=created_at,
            command_id=command_id,
        )
    return posted


def counts_kwh(conn: Connection, meter: str, ch: int) -> bool:
    """The channel was sold kWh."""
    found = sa.select(transfers.c.id).where(transfers.c.debit == units(meter, ch)).limit(1)
    return conn.execute(found).first() is not None


def kwh_value_u(conn: Connection, meter: str, ch: int, amount_u: int) -> int:
    """What was paid for so many of the kWh that are left, at the mean of what they cost; all that
    is left of the money for the last of them."""
    money_u = balance_u(conn, prepaid(meter, ch))
    left_u = balance_u(conn, customer(meter, ch)) + balance_u(conn, transit(meter, ch))
    return money_u * amount_u // left_u if left_u > amount_u else money_u


def returned_u(conn: Connection, meter: str, ch: int) -> int:
    """What the meter has taken back from the customer, in what it counts."""
    return moved_u(conn, customer(meter, ch), refund_due(meter, ch), units(meter, ch))


def post_loan(
    conn: Connection, meter: str, ch: int, amount_u: int, created_at: int, command_id: int
) -> bool:
    """The meter has lent credit, which its account owes from now on."""
    return post(
        conn,
        key=settlement_key(command_id),
        debit=lent(meter, ch),
        credit=customer(meter, ch),
        amount_u=amount_u,
        created_at=created_at,
        command_id=command_id,
    )


def post_given(
    conn: Connection,
    event: str,
    meter: str,
    ch: int,
    amount_u: int,
    created_at: int,
    command_id: int,
    n: int,
) -> bool:
    """The meter has given credit, as its audit record `n` with this event says; `command_id`
    fetched that. False if that was posted before, by whichever order it was fetched then.
    """
    key = f"given:{meter}:{n}"
    return not is_posted(conn, key) and post(
        conn,
        key=key,
        debit=GIVEN[event](meter, ch),
        credit=customer(meter, ch),
        amount_u=amount_u,
        created_at=created_at,
        command_id=command_id,
    )
