"""The ledger: each row is one transfer from one account to another, and stays as it is.

Accounts are texts. A sale moves money from the desk into transit; the meter's signed answer moves
it on to the customer, or aside for a refund. Per sale there is exactly one settlement, however
often it was sent to the meter, because all outcomes share one idempotency key. What a meter takes
back goes from the customer aside for a refund; what it credits without a sale comes from an
account of its own: lent, or an allowance.
"""

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.errors import Conflict
from umeter_station.models import transfers

CASH_DESK = "cash:desk"
SETTLEMENT = "settle:"


def transit(meter: str, ch: int) -> str:
    return f"transit:{meter}/{ch}"


def customer(meter: str, ch: int) -> str:
    return f"customer:{meter}/{ch}"


def refund_due(meter: str, ch: int) -> str:
    return f"refund-due:{meter}/{ch}"


def lent(meter: str, ch: int) -> str:
    return f"lent:{meter}/{ch}"


def allowance(meter: str, ch: int) -> str:
    return f"allowance:{meter}/{ch}"


def forgiven(meter: str, ch: int) -> str:
    return f"forgiven:{meter}/{ch}"


# Events by which a meter tells of credit that nobody bought: the account it comes from.
GIVEN = {"allowance.given": allowance, "account.forgiven": forgiven}


def settlement_key(command_id: int) -> str:
    """Of a sale: by its first order, whichever order settles it. Else of the order itself."""
    return f"{SETTLEMENT}{command_id}"


def post(
    conn: Connection,
    *,
    key: str,
    debit: str,
    credit: str,
    amount_u: int,
    created_at: int,
    command_id: int,
) -> bool:
    """Add one transfer inside the caller's write transaction.

    False if this very transfer is there already; Conflict if the key belongs to another one.
    """
    wanted = (debit, credit, amount_u, command_id)
    t = transfers.c
    # Looking first is safe: write transactions exclude each other (BEGIN IMMEDIATE).
    found = conn.execute(
        sa.select(t.debit, t.credit, t.amount_u, t.command_id).where(t.key == key)
    ).first()
    if found is not None:
        if tuple(found) != wanted:
            raise Conflict(f"Transfer {key!r} exists with other contents; nothing was posted.")
        return False
    conn.execute(
        transfers.insert().values(
            key=key,
            debit=debit,
            credit=credit,
            amount_u=amount_u,
            created_at=created_at,
            command_id=command_id,
        )
    )
    return True


def is_posted(conn: Connection, key: str) -> bool:
    return (
        conn.execute(sa.select(transfers.c.id).where(transfers.c.key == key)).first() is not None
    )


def sums_u(conn: Connection, account: str) -> tuple[int, int]:
    """All that has been credited to the account, and all that has been debited from it."""
    t = transfers.c
    total = sa.func.coalesce(sa.func.sum(t.amount_u), 0)
    credited = conn.execute(sa.select(total).where(t.credit == account)).scalar_one()
    debited = conn.execute(sa.select(total).where(t.debit == account)).scalar_one()
    return credited, debited


def balance_u(conn: Connection, account: str) -> int:
    """What has been credited to the account less what has been debited from it."""
    credited, debited = sums_u(conn, account)
    return credited - debited


def post_sale(
    conn: Connection, meter: str, ch: int, amount_u: int, created_at: int, command_id: int
) -> bool:
    """The desk has the money; the meter does not know of it yet."""
    return post(
        conn,
        key=f"sale:{command_id}",
        debit=CASH_DESK,
        credit=transit(meter, ch),
        amount_u=amount_u,
        created_at=created_at,
        command_id=command_id,
    )


def post_settlement(
    conn: Connection,
    meter: str,
    ch: int,
    amount_u: int,
    created_at: int,
    command_id: int,
    sale_id: int,
    applied: bool,
) -> bool:
    """The end of a sale's money in transit: to the customer, or back. `sale_id` is the sale's
    first order, `command_id` the one whose answer decided."""
    return post(
        conn,
        key=settlement_key(sale_id),
        debit=transit(meter, ch),
        credit=customer(meter, ch) if applied else refund_due(meter, ch),
        amount_u=amount_u,
        created_at=created_at,
        command_id=command_id,
    )


def post_return(
    conn: Connection, meter: str, ch: int, amount_u: int, created_at: int, command_id: int
) -> bool:
    """The meter has taken credit back."""
    return post(
        conn,
        key=settlement_key(command_id),
        debit=customer(meter, ch),
        credit=refund_due(meter, ch),
        amount_u=amount_u,
        created_at=created_at,
        command_id=command_id,
    )


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
