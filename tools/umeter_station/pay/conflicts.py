"""Where a provider's word and the stored payment do not agree: once per event, for good."""

import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.models_pay import payment_conflicts


@dataclass(frozen=True)
class Disagreement:
    """`what`: unknown reference, other amount, other currency, disputed, refunded elsewhere."""

    id: int
    provider: str
    event_id: str
    payment_id: int | None
    what: str
    detail: dict[str, Any]
    at: int


def add(
    conn: Connection,
    provider: str,
    event_id: str,
    payment_id: int | None,
    what: str,
    detail: dict[str, Any],
    now_s: int,
) -> None:
    conn.execute(
        payment_conflicts.insert().values(
            provider=provider,
            event_id=event_id,
            payment_id=payment_id,
            what=what,
            detail=json.dumps(detail, sort_keys=True),
            at=now_s,
        )
    )


def page(conn: Connection, limit: int, before_id: int | None = None) -> list[Disagreement]:
    """The newest first."""
    query = sa.select(payment_conflicts).order_by(payment_conflicts.c.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(payment_conflicts.c.id < before_id)
    return [
        Disagreement(**{**row._mapping, "detail": json.loads(row.detail)})
        for row in conn.execute(query)
    ]
