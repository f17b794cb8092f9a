"""What a meter will take of the next purchase for debts, as far as its answers tell."""

import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.desk.terms import Terms
from umeter_station.models import commands

_NEWEST = 200  # orders that are looked through


@dataclass(frozen=True)
class Debts:
    """`share_u`: owed and taken as a share of purchases, None if the meter has never said;
    `accumulated_u`: fell due without credit, and is taken first."""

    share_u: int | None = None
    share_paid_u: int = 0
    accumulated_u: int = 0


def known(conn: Connection, meter: str, ch: int) -> Debts:
    """From the last full answer about the account, and what was ordered since."""
    c = commands.c
    rows = conn.execute(
        sa.select(c.op, c.args, c.result)
        .where(c.meter == meter, c.op.in_(("status", "credit", "debt", "account")))
        .where(c.state == "applied")
        .order_by(c.n.desc())
        .limit(_NEWEST)
    )
    moved_u = taken_u = paid_u = 0
    for op, args_text, result_text in rows:
        args, result = json.loads(args_text), json.loads(result_text or "{}")
        if args["ch"] != ch:
            continue
        if op == "credit":
            taken_u += _u(result, "payment_debt_u")
            paid_u += _u(result, "accumulated_u")
        elif op == "debt" and args["debt"] == 3:
            moved_u += args["add_u"]
        elif op == "account" and args["action"] in ("close", "reset"):
            return Debts(max(0, moved_u - taken_u))  # Debts are forgotten with an account.
        account = result.get("account") if op == "status" else None
        if isinstance(account, dict):
            owed = account.get("debt_u")
            share_u = owed[2] if isinstance(owed, list) and len(owed) == 3 else 0
            return Debts(
                max(0, share_u + moved_u - taken_u),
                _u(account, "share_paid_u") + taken_u,
                max(0, _u(account, "accumulated_u") - paid_u),
            )
    return Debts(max(0, moved_u - taken_u)) if moved_u else Debts()


def taken_u(amount_u: int, terms: Terms, debts: Debts) -> int:
    """The meter's own rule; without its word on what is owed, the whole share is assumed."""
    share_u = amount_u * terms.debt3_percent // 100
    if debts.share_u is not None:
        share_u = min(share_u, debts.share_u)
    if terms.debt3_cap_u:
        share_u = min(share_u, max(0, terms.debt3_cap_u - debts.share_paid_u))
    return share_u + min(amount_u - share_u, debts.accumulated_u)


def _u(document: dict[str, Any], name: str) -> int:
    value = document.get(name, 0)
    return value if type(value) is int else 0
