"""Shifts at a desk: opened with a float, closed with counted cash, told by a numbered Z-report.

A shift's drawer is the ledger's account cash:<shift>. Its change comes from the safe (`float`),
and what was counted goes back there; what is missing or too much is over-short. So a closed drawer
is empty in the books.
"""

import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import ledger, vending
from umeter_station.amounts import MAX_AMOUNT_U, format_u
from umeter_station.desk import registers, z_report
from umeter_station.errors import Conflict, NotFound, StationError
from umeter_station.models_desk import cash_moves, shift_closings, shifts
from umeter_station.people import acts


@dataclass(frozen=True)
class Shift:
    """`closed_at` is None while it is open, and so are what comes after it."""

    id: int
    register: str
    cashier: str
    opened_at: int
    float_u: int
    closed_at: int | None
    z_no: int | None
    expected_u: int | None
    counted_u: int | None
    over_u: int | None
    report: dict[str, Any] | None

    @property
    def is_open(self) -> bool:
        return self.closed_at is None


def _select() -> sa.Select:
    c = shift_closings.c
    return sa.select(
        *(shifts.c[name] for name in ("id", "register", "cashier", "opened_at", "float_u")),
        *(c.closed_at, c.z_no, c.expected_u, c.counted_u, c.over_u, c.report),
    ).outerjoin(shift_closings, c.shift_id == shifts.c.id)


def _shift(row: sa.Row) -> Shift:
    return Shift(**{**row._mapping, "report": json.loads(row.report) if row.report else None})


def find(conn: Connection, shift_id: int) -> Shift | None:
    row = conn.execute(_select().where(shifts.c.id == shift_id)).first()
    return None if row is None else _shift(row)


def get(conn: Connection, shift_id: int) -> Shift:
    found = find(conn, shift_id)
    if found is None:
        raise NotFound(f"There is no shift {shift_id}.")
    return found


def check_open(conn: Connection, shift_id: int) -> Shift:
    found = get(conn, shift_id)
    if not found.is_open:
        raise StationError(f"Shift {shift_id} is closed; open a new one.")
    return found


def open_of(conn: Connection, cashier: str) -> Shift | None:
    """The cashier's open shift."""
    query = _select().where(shifts.c.cashier == cashier, shift_closings.c.shift_id.is_(None))
    row = conn.execute(query).first()
    return None if row is None else _shift(row)


def page(conn: Connection, limit: int, before_id: int | None = None) -> list[Shift]:
    """The newest first; with `before_id` those that are older."""
    query = _select().order_by(shifts.c.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(shifts.c.id < before_id)
    return [_shift(row) for row in conn.execute(query)]


def open_(
    conn: Connection, register: str, cashier: str, float_u: int, by: str, now_s: int
) -> Shift:
    """One per cashier and per desk at a time."""
    registers.check_name(register)
    _check_cash(float_u)
    query = _select().where(
        shift_closings.c.shift_id.is_(None),
        (shifts.c.cashier == cashier) | (shifts.c.register == register),
    )
    taken = conn.execute(query).first()
    if taken is not None:
        raise Conflict(
            f"Shift {taken.id} of {taken.cashier} at {taken.register} is open; close it first."
        )
    registers.make(conn, register)
    values = {"register": register, "cashier": cashier, "opened_at": now_s, "float_u": float_u}
    inserted = conn.execute(shifts.insert().values(**values, by=by))
    shift_id = inserted.inserted_primary_key[0]
    if float_u:
        ledger.post(
            conn,
            key=f"shift-float:{shift_id}",
            debit=ledger.cash(shift_id),
            credit=ledger.FLOAT,
            amount_u=float_u,
            created_at=now_s,
        )
    acts.note(conn, by, "shift.open", f"shift:{shift_id}", values, now_s)
    return get(conn, shift_id)


def move_cash(
    conn: Connection, shift_id: int, into_u: int, reason: str, key: str, by: str, now_s: int
) -> bool:
    """Bring cash from the safe into the drawer, or (`into_u` < 0) take it there, once per `key`;
    False if that was noted before."""
    vending.check_key(key)
    m = cash_moves.c
    known = conn.execute(sa.select(m.shift_id, m.into_u).where(m.key == key)).first()
    if known is not None:
        if tuple(known) != (shift_id, into_u):
            raise Conflict(f"Key {key!r} was used for another movement; use a new key.")
        return False
    check_open(conn, shift_id)
    if type(into_u) is not int or not 0 < abs(into_u) <= MAX_AMOUNT_U:
        raise StationError("What is brought or taken is between 0.000001 and 1000000.")
    if not reason or len(reason) > 200 or not reason.isprintable():
        raise StationError("Say why in 1 to 200 printable characters.")
    if -into_u > expected_u(conn, shift_id):
        raise StationError(
            f"The drawer holds {format_u(expected_u(conn, shift_id))}; no more can be taken."
        )
    values = {"shift_id": shift_id, "into_u": into_u, "reason": reason}
    conn.execute(cash_moves.insert().values(key=key, **values, at=now_s, by=by))
    drawer, safe = ledger.cash(shift_id), ledger.FLOAT
    ledger.post(
        conn,
        key=f"shift-cash:{key}",
        debit=drawer if into_u > 0 else safe,
        credit=safe if into_u > 0 else drawer,
        amount_u=abs(into_u),
        created_at=now_s,
    )
    acts.note(conn, by, "shift.cash", f"shift:{shift_id}", values, now_s)
    return True


@dataclass(frozen=True)
class Move:
    """`into_u` above 0: from the safe into the drawer; below: from there into the safe."""

    id: int
    into_u: int
    reason: str
    at: int
    by: str


def moves(conn: Connection, shift_id: int) -> list[Move]:
    """The cash that was brought into a shift's drawer and taken from it, the oldest first."""
    m = cash_moves.c
    query = sa.select(m.id, m.into_u, m.reason, m.at, m.by).where(m.shift_id == shift_id)
    return [Move(*row) for row in conn.execute(query.order_by(m.id))]


def expected_u(conn: Connection, shift_id: int) -> int:
    """What should be in the drawer."""
    return -ledger.balance_u(conn, ledger.cash(shift_id))


def close(conn: Connection, shift_id: int, counted_u: int, by: str, now_s: int) -> Shift:
    """Closed already with the same count: that shift as it is."""
    found = get(conn, shift_id)
    if not found.is_open:
        if found.counted_u != counted_u:
            raise Conflict(
                f"Shift {shift_id} was closed with {format_u(found.counted_u)} counted; what is"
                " wrong about that is a matter of the safe now."
            )
        return found
    _check_cash(counted_u)
    due_u = expected_u(conn, shift_id)
    over_u = counted_u - due_u
    drawer = ledger.cash(shift_id)
    ends = [
        ("shift-over", drawer, ledger.OVER_SHORT, over_u),
        ("shift-short", ledger.OVER_SHORT, drawer, -over_u),
        ("shift-end", ledger.FLOAT, drawer, counted_u),
    ]
    for what, debit, credit, amount_u in ends:
        if amount_u > 0:
            ledger.post(
                conn,
                key=f"{what}:{shift_id}",
                debit=debit,
                credit=credit,
                amount_u=amount_u,
                created_at=now_s,
            )
    z_no = registers.next_z(conn, found.register)
    ending = {"closed_at": now_s, "expected_u": due_u, "counted_u": counted_u, "over_u": over_u}
    report = z_report.make(conn, found, z_no, ending)
    conn.execute(
        shift_closings.insert().values(
            shift_id=shift_id,
            register=found.register,
            z_no=z_no,
            report=json.dumps(report, separators=(",", ":")),
            by=by,
            **ending,
        )
    )
    acts.note(conn, by, "shift.close", f"shift:{shift_id}", {"z_no": z_no, **ending}, now_s)
    return get(conn, shift_id)


def _check_cash(amount_u: int) -> None:
    if type(amount_u) is not int or not 0 <= amount_u <= MAX_AMOUNT_U:
        raise StationError("The cash in a drawer is 0 to 1000000.")
