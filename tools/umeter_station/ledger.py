"""The ledger: each row is one transfer from one account to another, and stays as it is.

Accounts are texts. A sale moves money from whoever took it into transit; the meter's signed answer
moves it on to the customer, or aside for a refund, and from there back into the wallet that paid.
Per sale there is exactly one settlement, however often it was sent to the meter, because all
outcomes share one idempotency key. What a meter takes back goes from the customer aside for a
refund; what it credits without a sale comes from an account of its own: lent, or an allowance.

A meter may count kWh in place of money. Then transit and customer hold kWh, issued by `units` and
ended in `used`, and the money that was paid for them is kept in `prepaid` until they are used.
"""

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.errors import Conflict
from umeter_station.models import transfers

CASH_DESK = "cash:desk"
REVENUE_ENERGY = "revenue:energy"
REVENUE_FEES = "revenue:fees"
TAX = "tax"
SUSPENSE = "suspense"
OVER_SHORT = "over-short"
FLOAT = "float"  # the safe that shifts get their change from, and give their takings to
COMMISSION = "commission"
SETTLEMENT = "settle:"
_WALLET = "wallet:"
USE = "use:"  # what was used of a customer's credit in a day


def cash(shift_id: int | None) -> str:
    """The drawer of a shift; without one that of a desk where no shifts are kept."""
    return CASH_DESK if shift_id is None else f"cash:{shift_id}"


def clearing(provider: str) -> str:
    return f"clearing:{provider}"


def bank(name: str) -> str:
    return f"bank:{name}"


def agent(name: str) -> str:
    return f"agent:{name}"


def wallet(tenant_id: int) -> str:
    """What a tenant has paid in and not spent yet."""
    return f"{_WALLET}{tenant_id}"


def is_wallet(account: str) -> bool:
    return account.startswith(_WALLET)


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


def units(meter: str, ch: int) -> str:
    """Where a meter's kWh come from when they are sold, and go when they are taken back."""
    return f"units:{meter}/{ch}"


def used(meter: str, ch: int) -> str:
    return f"used:{meter}/{ch}"


def prepaid(meter: str, ch: int) -> str:
    """Money that was paid for kWh which are not used yet."""
    return f"prepaid:{meter}/{ch}"


# Events by which a meter tells of credit that nobody bought: the account it comes from.
GIVEN = {"allowance.given": allowance, "account.forgiven": forgiven}


def settlement_key(command_id: int) -> str:
    """Of a sale: by its first order, whichever order settles it. Else of the order itself."""
    return f"{SETTLEMENT}{command_id}"


def is_ended(sale_id: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """For a query with such a column: the sale's money is in transit no more."""
    key = sa.literal(SETTLEMENT) + sa.cast(sale_id, sa.Text)
    return sa.exists().where(transfers.c.key == key)


def is_back_in_wallet(conn: Connection, sale_id: int) -> bool:
    """Nothing came of the sale, and a wallet had paid for it."""
    return is_posted(conn, _wallet_back_key(sale_id))


def _wallet_back_key(sale_id: int) -> str:
    return f"back-wallet:{sale_id}"


def post(
    conn: Connection,
    *,
    key: str,
    debit: str,
    credit: str,
    amount_u: int,
    created_at: int,
    command_id: int | None = None,
) -> bool:
    """Add one transfer inside the caller's write transaction.

    False if this very transfer is there already; Conflict if the key belongs to another one.
    """
    wanted = (debit, credit, amount_u, command_id)
    t = transfers.c
    # Looking first is safe: write transactions exclude each other.
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
    # PostgreSQL's sum of 8-byte integers is a numeric.
    total = sa.cast(sa.func.coalesce(sa.func.sum(t.amount_u), 0), sa.BigInteger)
    credited = conn.execute(sa.select(total).where(t.credit == account)).scalar_one()
    debited = conn.execute(sa.select(total).where(t.debit == account)).scalar_one()
    return credited, debited


def balance_u(conn: Connection, account: str) -> int:
    """What has been credited to the account less what has been debited from it."""
    credited, debited = sums_u(conn, account)
    return credited - debited


def moved_u(conn: Connection, debit: str, *credits: str) -> int:
    """All that went from one account to any of the others."""
    t = transfers.c
    total = sa.cast(sa.func.coalesce(sa.func.sum(t.amount_u), 0), sa.BigInteger)
    return conn.execute(
        sa.select(total).where(t.debit == debit, t.credit.in_(credits))
    ).scalar_one()


def post_sale(
    conn: Connection,
    meter: str,
    ch: int,
    amount_u: int,
    created_at: int,
    command_id: int,
    paid_from: str = CASH_DESK,
) -> bool:
    """Somebody has the money; the meter does not know of it yet."""
    return post(
        conn,
        key=f"sale:{command_id}",
        debit=paid_from,
        credit=transit(meter, ch),
        amount_u=amount_u,
        created_at=created_at,
        command_id=command_id,
    )


# What else a sale may post, by its first order: what goes back when nothing came of the sale.
ASIDE = ("fee", "tax", "prepaid", "commission")


def post_aside(
    conn: Connection,
    what: str,
    debit: str,
    credit: str,
    amount_u: int,
    created_at: int,
    command_id: int,
) -> None:
    if amount_u:
        post(
            conn,
            key=f"{what}:{command_id}",
            debit=debit,
            credit=credit,
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
    """The end of a sale's money in transit: to the customer, or back, with the fee and the tax.
    `sale_id` is the sale's first order, `command_id` the one whose answer decided."""
    t = transfers.c
    keys = [f"{what}:{sale_id}" for what in ("sale", *ASIDE)]
    found = conn.execute(sa.select(transfers).where(t.key.in_(keys)))
    rows = {row.key.partition(":")[0]: row for row in found}
    back = units(meter, ch) if "prepaid" in rows else refund_due(meter, ch)
    posted = post(
        conn,
        key=settlement_key(sale_id),
        debit=transit(meter, ch),
        credit=customer(meter, ch) if applied else back,
        amount_u=amount_u,
        created_at=created_at,
        command_id=command_id,
    )
    if applied or not posted:
        return posted
    for what, row in rows.items():
        if what == "sale":
            continue
        post(
            conn,
            key=f"back-{row.key}",
            debit=row.credit,
            credit=COMMISSION if what == "commission" else refund_due(meter, ch),
            amount_u=row.amount_u,
            created_at=created_at,
            command_id=command_id,
        )
    if from_wallet := [row for row in rows.values() if is_wallet(row.debit)]:
        post(
            conn,
            key=_wallet_back_key(sale_id),
            debit=refund_due(meter, ch),
            credit=from_wallet[0].debit,
            amount_u=sum(row.amount_u for row in from_wallet),
            created_at=created_at,
            command_id=command_id,
        )
    return True
