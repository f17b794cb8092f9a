"""The ledger as people read it: all accounts with their sums, and one account's statement."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.models import transfers

_KWH = ("units:", "used:")
_OF_CHANNEL = ("transit:", "customer:", "lent:", "allowance:", "forgiven:")


@dataclass(frozen=True)
class Account:
    """`unit` is "money" or, for a channel whose meter counts those, "kwh"; the sums of each unit
    are equal over all accounts."""

    account: str
    unit: str
    debit_u: int
    credit_u: int

    @property
    def balance_u(self) -> int:
        return self.credit_u - self.debit_u


@dataclass(frozen=True)
class Entry:
    """`amount_u` is above 0 if it was credited to the account; `balance_u` is after it."""

    id: int
    key: str
    at: int
    other: str
    amount_u: int
    balance_u: int
    command_id: int | None


def trial_balance(conn: Connection) -> list[Account]:
    """Every account that was ever moved, by name."""
    t = transfers.c
    total = sa.cast(sa.func.sum(t.amount_u), sa.BigInteger)
    debits = dict(conn.execute(sa.select(t.debit, total).group_by(t.debit)).all())
    credits = dict(conn.execute(sa.select(t.credit, total).group_by(t.credit)).all())
    names = sorted({*debits, *credits})
    of_kwh = {name.partition(":")[2] for name in names if name.startswith("units:")}
    return [
        Account(name, _unit(name, of_kwh), debits.get(name, 0), credits.get(name, 0))
        for name in names
    ]


def _unit(name: str, of_kwh: set[str]) -> str:
    counts = name.startswith(_KWH)
    counts = counts or (name.startswith(_OF_CHANNEL) and name.partition(":")[2] in of_kwh)
    return "kwh" if counts else "money"


def balances_u(conn: Connection) -> dict[str, int]:
    return {account.account: account.balance_u for account in trial_balance(conn)}


def statement(
    conn: Connection, account: str, limit: int = 100, before_id: int | None = None
) -> list[Entry]:
    """The newest first; with `before_id` those that are older."""
    t = transfers.c
    signed = sa.case((t.credit == account, t.amount_u), else_=-t.amount_u)
    mine = (t.credit == account) | (t.debit == account)
    older = sa.true() if before_id is None else t.id < before_id
    total = sa.cast(sa.func.coalesce(sa.func.sum(signed), 0), sa.BigInteger)
    balance_u = conn.execute(sa.select(total).where(mine, older)).scalar_one()
    rows = conn.execute(
        sa.select(t.id, t.key, t.created_at, t.command_id, signed.label("amount_u"))
        .add_columns(sa.case((t.credit == account, t.debit), else_=t.credit).label("other"))
        .where(mine, older)
        .order_by(t.id.desc())
        .limit(limit)
    )
    found = []
    for row in rows:
        found.append(
            Entry(
                row.id,
                row.key,
                row.created_at,
                row.other,
                row.amount_u,
                balance_u,
                row.command_id,
            )
        )
        balance_u -= row.amount_u
    return found
