"""What somebody began to pay and has not become a sale yet."""

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.models_pay import payments
from umeter_station.pay.payments import OPEN, Payment

_MOST = 20


def of(conn: Connection, payer: str, now_s: int) -> list[Payment]:
    """Those that still can be paid, and those whose money waits for somebody to look after it;
    the newest first."""
    p = payments.c
    waits = p.state.in_(OPEN) & (p.expires_at > now_s)
    looked_after = (p.state == "succeeded") & (p.outcome == "suspense")
    query = sa.select(*(p[name] for name in Payment.__dataclass_fields__))
    query = query.where(p.payer == payer, waits | looked_after)
    return [Payment(*row) for row in conn.execute(query.order_by(p.id.desc()).limit(_MOST))]
