"""What of the books disagrees with what others say of the same money: provider, meter, drawer."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import ledger_check, queries, readings
from umeter_station.desk import accounts
from umeter_station.models import channels, transfers
from umeter_station.models_desk import shift_closings, shifts
from umeter_station.pay import reports

LEDGER, PROVIDER, SHIFT, METER = "R01", "R02", "R03", "A15"
_LONGEST_SHIFT_S = 36 * 3600


@dataclass(frozen=True)
class Mismatch:
    """`meter` is "" and `ch` 0 for what is about none."""

    rule: str
    what: str
    meter: str
    ch: int
    evidence: dict[str, Any]


def all_(conn: Connection, now_s: int) -> Iterator[Mismatch]:
    yield from in_ledger(conn)
    yield from at_providers(conn, now_s)
    yield from on_meters(conn)
    yield from in_drawers(conn, now_s)


def in_ledger(conn: Connection) -> Iterator[Mismatch]:
    for sentence in ledger_check.check(conn):
        yield Mismatch(LEDGER, sentence, "", 0, {})
    sums: dict[str, int] = {}
    for account in accounts.trial_balance(conn):
        sums[account.unit] = sums.get(account.unit, 0) + account.balance_u
    for unit, sum_u in sums.items():
        if sum_u:
            yield Mismatch(LEDGER, f"The accounts in {unit} do not balance.", "", 0, {"u": sum_u})


def at_providers(conn: Connection, now_s: int) -> Iterator[Mismatch]:
    for found in reports.mismatches(conn, now_s):
        what = f"Payment {found.reference} at {found.provider}: {found.what}."
        yield Mismatch(PROVIDER, what, "", 0, asdict(found))


def on_meters(conn: Connection) -> Iterator[Mismatch]:
    """Only where the sums differ is it worth asking what explains that."""
    for meter in _unequal(conn):
        for balance in queries.balances(conn, meter):
            if not balance.agrees:
                what = "The meter and the ledger do not agree on what was credited."
                evidence = {
                    name: getattr(balance, name)
                    for name in (
                        *("credited_u", "credited_total_u", "in_transit_u", "held_u", "told_u"),
                        *("returned_u", "charged_total_u"),
                    )
                }
                yield Mismatch(METER, what, meter, balance.ch, evidence)


def _unequal(conn: Connection) -> list[str]:
    t, c = transfers.c, channels.c
    total = sa.cast(sa.func.sum(t.amount_u), sa.BigInteger)
    credited = conn.execute(
        sa.select(t.credit, total).where(t.credit.like("customer:%")).group_by(t.credit)
    )
    booked_u = {name.partition(":")[2]: amount_u for name, amount_u in credited}
    told_u: dict[str, int] = {}
    rows = conn.execute(sa.select(c.meter, c.ch, c.credited_total_u))
    newest = (
        (reading.meter, row["ch"], row["credited_total_u"])
        for reading in readings.latest_of_all(conn).values()
        for row in reading.channels
    )
    for meter, ch, total_u in (*rows, *newest):
        place = f"{meter}/{ch}"
        told_u[place] = max(told_u.get(place, 0), total_u or 0)
    places = {*booked_u, *told_u}
    return sorted(
        {
            place.rpartition("/")[0]
            for place in places
            if booked_u.get(place, 0) != told_u.get(place, 0)
        }
    )


def in_drawers(conn: Connection, now_s: int) -> Iterator[Mismatch]:
    s, c = shifts.c, shift_closings.c
    left_u = {
        account.removeprefix("cash:"): balance_u
        for account, balance_u in accounts.balances_u(conn).items()
        if account.startswith("cash:")
    }
    rows = conn.execute(
        sa.select(s.id, s.register, s.cashier, s.opened_at, c.report, c.z_no)
        .outerjoin(shift_closings, c.shift_id == s.id)
        .order_by(s.id)
    )
    for row in rows:
        evidence = {"shift": row.id, "register": row.register, "cashier": row.cashier}
        if row.report is None:
            if row.opened_at < now_s - _LONGEST_SHIFT_S:
                what = f"Shift {row.id} was not closed."
                yield Mismatch(SHIFT, what, "", 0, evidence | {"opened_at": row.opened_at})
            continue
        balance_u = left_u.get(str(row.id), 0)
        if balance_u:
            what = f"The drawer of shift {row.id} is closed, but not empty in the books."
            yield Mismatch(SHIFT, what, "", 0, evidence | {"balance_u": balance_u})
        report = json.loads(row.report)
        if _expected_u(report) != report["expected_u"]:
            what = f"The Z-report of shift {row.id} does not add up."
            yield Mismatch(SHIFT, what, "", 0, evidence | {"adds_up_to_u": _expected_u(report)})
        if report["over_u"]:
            what = f"Shift {row.id} was closed with another sum than expected."
            yield Mismatch(SHIFT, what, "", 0, evidence | {"over_u": report["over_u"]})


def _expected_u(report: dict[str, Any]) -> int:
    into = ("float_u", "cash_sales_u", "agents_u", "brought_u")
    out = ("voided_u", "paid_out_u", "taken_u")
    return sum(report[name] for name in into) - sum(report[name] for name in out)
