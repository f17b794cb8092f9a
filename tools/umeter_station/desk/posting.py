"""What was used of customers' credit, as revenue: once a day per channel.

A day (UTC) ends with the last reading that had come by then, by the station's clock. What comes
late counts for the day it came in; a day that was missed is made up for. Nothing is posted
beyond what the meter has charged, less what it has given back, which it charges, too. While an
order is open that may take credit back the channel waits, since only its answer tells how much.
"""

import json

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import ledger, ledger_meter, orders, packing
from umeter_station.models import commands, meters, readings
from umeter_station.models_desk import posting_marks
from umeter_station.sql import insert
from umeter_station.station import Books

DAY_S = 86_400
_AT_ONCE = 200  # meters in one transaction: sales need not wait for long
_MOST_DAYS = 40  # that are made up for; what is older counts for the first of these


def post_daily(books: Books) -> int:
    """Post every whole day that is not posted yet; returns how many transfers that took."""
    now_s, total, after = books.clock.now_s(), 0, ""
    while True:
        with books.db.write() as conn:
            posted, after = post_some(conn, now_s, after)
        total += posted
        if not after:
            return total


def post_some(
    conn: Connection, now_s: int, after: str = "", limit: int = _AT_ONCE
) -> tuple[int, str]:
    """The same for some meters, whose names come after that one. Returns (transfers, the last
    meter's name; "" if there are no more)."""
    yesterday = now_s // DAY_S - 1
    m = posting_marks.c
    behind = conn.execute(
        sa.select(meters.c.meter, meters.c.added_at, m.through_day)
        .outerjoin(posting_marks, m.meter == meters.c.meter)
        .where(meters.c.meter > after, m.through_day.is_(None) | (m.through_day < yesterday))
        .order_by(meters.c.meter)
        .limit(limit)
    ).all()
    posted = 0
    for meter, added_at, through_day in behind:
        first = added_at // DAY_S if through_day is None else through_day + 1
        posted += _post_meter(
            conn, meter, max(first, yesterday - _MOST_DAYS + 1), yesterday, now_s
        )
    return posted, behind[-1].meter if len(behind) == limit else ""


def _post_meter(conn: Connection, meter: str, first: int, last: int, now_s: int) -> int:
    posted, waiting = 0, _waiting(conn, meter, (last + 1) * DAY_S)
    for day in range(first, last + 1):
        for ch, charged_u in _told(conn, meter, day):
            if ch not in waiting:
                posted += _post(conn, meter, ch, day, charged_u, now_s)
    if not waiting:
        later = insert(conn, posting_marks).values(meter=meter, through_day=last)
        conn.execute(
            later.on_conflict_do_update(index_elements=["meter"], set_={"through_day": last})
        )
    return posted


def _told(conn: Connection, meter: str, day: int) -> list[tuple[int, int]]:
    """(channel, charged total) of the last reading that came within the day."""
    r = readings.c
    packed = conn.execute(
        sa.select(r.packed)
        .where(r.meter == meter)
        .where(r.received_at >= day * DAY_S, r.received_at < (day + 1) * DAY_S)
        .order_by(r.received_at.desc(), r.boot.desc(), r.seq.desc())
        .limit(1)
    ).scalar()
    return [] if packed is None else list(enumerate(packing.totals(packed)[1], start=1))


def _waiting(conn: Connection, meter: str, end_s: int) -> set[int]:
    """Channels with an order that may have moved a total without having told how much."""
    c = commands.c
    rows = conn.execute(
        sa.select(c.args).where(
            c.meter == meter,
            c.op.in_(("debit", "account")),
            c.state.in_((*orders.OPEN_STATES, "unclear")),
            c.created_at < end_s,
        )
    )
    return {json.loads(args)["ch"] for args in rows.scalars()}


def _post(conn: Connection, meter: str, ch: int, day: int, charged_u: int, now_s: int) -> int:
    """1 if there was anything to post."""
    key = f"{ledger.USE}{meter}/{ch}:{day}"
    if ledger.is_posted(conn, key):
        return 0
    customer = ledger.customer(meter, ch)
    kwh = ledger_meter.counts_kwh(conn, meter, ch)
    ends = ledger.used(meter, ch) if kwh else ledger.REVENUE_ENERGY
    used_u = charged_u - ledger_meter.returned_u(conn, meter, ch)
    used_u -= ledger.moved_u(conn, customer, ends)
    if used_u <= 0:
        return 0
    # What was paid for a kWh that is used now: before it is gone.
    value_u = ledger_meter.kwh_value_u(conn, meter, ch, used_u) if kwh else 0
    _transfer(conn, key, customer, ends, used_u, now_s)
    if value_u > 0:
        prepaid = ledger.prepaid(meter, ch)
        _transfer(conn, f"value-{key}", prepaid, ledger.REVENUE_ENERGY, value_u, now_s)
    return 1


def _transfer(
    conn: Connection, key: str, debit: str, credit: str, amount_u: int, now_s: int
) -> None:
    ledger.post(conn, key=key, debit=debit, credit=credit, amount_u=amount_u, created_at=now_s)
