"""The ledger: each row is one transfer from one account to another, and stays as it is.

Accounts are texts. A sale moves money from the desk into transit; the meter's signed answer moves
it on to the customer, or aside for a refund. Per command there is exactly one settlement, because
both outcomes share one idempotency key.
"""

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.errors import Conflict
from umeter_station.models import transfers

CASH_DESK = "cash:desk"


def transit(meter: str, ch: int) -> str:
    return f"transit:{meter}/{ch}"


def customer(meter: str, ch: int) -> str:
    return f"customer:{meter}/{ch}"


def refund_due(meter: str, ch: int) -> str:
    return f"refund-due:{meter}/{ch}"


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


def balance_u(conn: Connection, account: str) -> int:
    """What has been credited to the account less what has been debited from it."""
    t = transfers.c
    total = sa.func.coalesce(sa.func.sum(t.amount_u), 0)
    credited = conn.execute(sa.select(total).where(t.credit == account)).scalar_one()
    debited = conn.execute(sa.select(total).where(t.debit == account)).scalar_one()
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
    applied: bool,
) -> bool:
    """The meter has answered: to the customer, or back."""
    return post(
        conn,
        key=f"settle:{command_id}",
        debit=transit(meter, ch),
        credit=customer(meter, ch) if applied else refund_due(meter, ch),
        amount_u=amount_u,
        created_at=created_at,
        command_id=command_id,
    )
