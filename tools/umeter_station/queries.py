"""Questions to the database; nothing here writes."""

import json
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import holding, ledger, ledger_meter, orders, readings
from umeter_station.models import (
    audit_records,
    commands,
    events,
    history_findings,
    intervals,
    purchases,
    transfers,
)
from umeter_station.readings import StoredReading as StoredReading

latest_reading = readings.latest


@dataclass(frozen=True)
class Balance:
    """One channel, micro-units. `sold_u` was paid; of it `in_transit_u` waits for the meter's
    answer, `held_u` it would not take now. `credited_u` the meter has confirmed: what was paid,
    and of it `given_u` what it lent, gave or forgave. `returned_u` it has taken back,
    which it charged; that, and what it refused, is in `refund_due_u`. `credited_total_u` and
    `charged_total_u` are its own largest totals so far, of which it may have credited `told_u`
    that the ledger does not hold yet: loans without an answer, allowances whose record is to come.
    `is_current`: a reading has come since the ledger's last word on this customer; before that
    the totals may simply be older, because answers are lost and readings are rare."""

    meter: str
    ch: int
    sold_u: int
    in_transit_u: int
    held_u: int
    refund_due_u: int
    credited_u: int
    given_u: int
    returned_u: int
    told_u: int
    credited_total_u: int
    charged_total_u: int
    is_current: bool

    @property
    def balance_u(self) -> int:
        return self.credited_u - self.charged_total_u

    @property
    def agrees(self) -> bool:
        """The meter's totals are the ledger's, give or take what is on its way."""
        ahead_u = self.credited_total_u - self.credited_u
        behind = ahead_u < 0 or self.charged_total_u < self.returned_u
        return ahead_u <= self.in_transit_u + self.told_u and not (behind and self.is_current)


def latest_events(conn: Connection, meter: str, limit: int) -> list[dict]:
    """The newest `limit` events, oldest of them first."""
    query = (
        sa.select(events).where(events.c.meter == meter).order_by(events.c.n.desc()).limit(limit)
    )
    return [dict(row._mapping) for row in conn.execute(query)][::-1]


def intervals_since(conn: Connection, meter: str, since_s: int | None, limit: int) -> list[dict]:
    """The newest `limit` intervals, oldest of them first; those that end after `since_s`, which
    leaves out those of which the meter did not know when they were."""
    c = intervals.c
    query = sa.select(intervals).where(c.meter == meter)
    if since_s is not None:
        query = query.where(c.t_end > since_s)
    rows = conn.execute(query.order_by(c.n.desc()).limit(limit))
    return [dict(row._mapping) for row in rows][::-1]


def findings(conn: Connection, meter: str, kind: str) -> list[dict]:
    """What was noted of a log ("events" or "profile") that nobody can mend: what, first_n,
    last_n, noted_at."""
    f = history_findings.c
    rows = conn.execute(
        sa.select(f.what, f.first_n, f.last_n, f.noted_at)
        .where(f.meter == meter, f.kind == kind)
        .order_by(f.first_n, f.what)
    )
    return [dict(row._mapping) for row in rows]


def open_count(conn: Connection, meter: str) -> int:
    """Orders that the meter has not answered yet; not those by which its logs are pulled."""
    return conn.execute(
        sa.select(sa.func.count()).where(
            commands.c.meter == meter,
            commands.c.op != "history",
            commands.c.state.in_(orders.OPEN_STATES),
        )
    ).scalar_one()


def balances(conn: Connection, meter: str) -> list[Balance]:
    """Every channel that was sold to or has reported totals, in order."""
    p = purchases.c
    sums = sa.select(p.ch, sa.func.sum(p.amount_u)).where(p.meter == meter).group_by(p.ch)
    sold_u = {ch: amount_u for ch, amount_u in conn.execute(sums)}
    totals = readings.totals(conn, meter)
    last_read_at = readings.received_at(conn, meter)
    held_u: dict[int, int] = {}
    for held in holding.held(conn, meter):
        held_u[held.ch] = held_u.get(held.ch, 0) + held.amount_u
    told_u = _told_u(conn, meter)
    found = []
    for ch in sorted(set(sold_u) | set(totals)):
        credited_total_u, charged_total_u = totals.get(ch, (0, 0))
        credited_u, _ = ledger.sums_u(conn, ledger.customer(meter, ch))
        given = [ledger.lent(meter, ch), *(of(meter, ch) for of in ledger.GIVEN.values())]
        transit_u = ledger.balance_u(conn, ledger.transit(meter, ch))
        found.append(
            Balance(
                meter=meter,
                ch=ch,
                sold_u=sold_u.get(ch, 0),
                in_transit_u=transit_u - held_u.get(ch, 0),
                held_u=held_u.get(ch, 0),
                refund_due_u=ledger.balance_u(conn, ledger.refund_due(meter, ch)),
                credited_u=credited_u,
                given_u=-sum(ledger.balance_u(conn, account) for account in given),
                returned_u=ledger_meter.returned_u(conn, meter, ch),
                told_u=told_u.get(ch, 0),
                credited_total_u=credited_total_u,
                charged_total_u=charged_total_u,
                is_current=last_read_at > _last_posted_at(conn, meter, ch),
            )
        )
    return found


def _last_posted_at(conn: Connection, meter: str, ch: int) -> int:
    t = transfers.c
    customer = ledger.customer(meter, ch)
    return conn.execute(
        sa.select(sa.func.coalesce(sa.func.max(t.created_at), 0)).where(
            (t.credit == customer) | ((t.debit == customer) & ~t.key.startswith(ledger.USE))
        )
    ).scalar_one()


def _told_u(conn: Connection, meter: str) -> dict[int, int]:
    """By channel: what the meter may have credited, and the ledger does not hold yet.

    An event as it is published is a mere hint, since nobody signed it: it explains a total until
    the log's own record is here, and moves no money.
    """
    e, a, c = events.c, audit_records.c, commands.c
    hints = conn.execute(
        sa.select(e.ch, e.a)
        .where(e.meter == meter, e.code.in_(ledger.GIVEN), e.a > 0)
        .where(~sa.exists().where(a.meter == e.meter, a.n == e.n))
    )
    found: dict[int, int] = {}
    for ch, amount_u in hints:
        found[ch] = found.get(ch, 0) + amount_u
    loans = conn.execute(
        sa.select(c.args).where(
            c.meter == meter, c.op == "account", c.state.in_((*orders.OPEN_STATES, "unclear"))
        )
    )
    for text in loans.scalars():
        args = json.loads(text)
        found[args["ch"]] = found.get(args["ch"], 0) + args.get("lend_u", 0)
    return found
