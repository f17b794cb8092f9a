"""What a signed answer means for its order and for the ledger, booked once.

How much a debit took, a closed account gave back or a meter lent, only the meter knows. It says so
in its answer; if that was lost, in its audit log: the order is unclear until one of them is here.
"""

import json
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import ledger, ledger_meter, orders, vending
from umeter_station.db import count
from umeter_station.models import audit_records, commands
from umeter_station.orders import Command

_STATE_OF_CODE = {
    "applied": "applied",
    "partly": "partly",
    "expired": "expired",
    "malformed": "refused",
    "unknown_op": "refused",
    "range": "refused",
    "outdated": "refused",
    "wrong_meter": "refused",
    **dict.fromkeys(vending.HELD_CODES, "refused"),
}
# Where the amount is told: the answer's field, and the event of the log that has it as `a`.
_TOLD = {
    "debit": ("taken_u", "debit"),
    "close": ("refund_u", "account.closed"),
    "reset": ("refund_u", "account.reset"),
    "prepaid": ("lend_u", "account.mode"),
}
_EVENT_APPLIED = 1  # `b` of the event of an order, whose `a` is the order's number
_MOST_EVENTS = 16  # of one order
_LARGEST_U = 2**62  # what a database integer holds, with room to add


def note_answer(
    conn: Connection, command: Command, code: str, document: dict[str, Any], now_s: int
) -> None:
    """Settle the order by this answer, or count the answer as one that changes nothing."""
    known, unclear = command.code, command.state == "unclear"
    retold = unclear and code == known and _amount_u(command, document) is not None
    if known is None or retold:
        _settle(conn, command, code, document, now_s)
    elif code in (known, "old"):
        count(conn, "result.repeated")
    elif unclear and known != "applied":
        _settle(conn, command, code, document, now_s)
    else:
        count(conn, "result.contradiction")


def note_log(conn: Connection, history: Command, document: dict[str, Any], now_s: int) -> None:
    """Book what the records that a history order has brought tell of money."""
    if history.args["what"] != "events" or "records" not in document:
        return
    a = audit_records.c
    given = conn.execute(
        sa.select(a.code, a.n, a.ch, a.a)
        .where(a.meter == history.meter, a.code.in_(ledger.GIVEN), a.ch > 0, a.a > 0)
        .where(a.n >= history.args["from"], a.n < history.args["from"] + history.args["count"])
    )
    for event, n, ch, amount_u in given.all():
        ledger_meter.post_given(conn, event, history.meter, ch, amount_u, now_s, history.id, n)
    c = commands.c
    unclear = conn.execute(
        sa.select(c.id).where(
            c.meter == history.meter,
            c.state == "unclear",
            c.code == "applied",
        )
    )
    for command_id in unclear.scalars().all():
        command = orders.get(conn, command_id)
        if _logged_u(conn, command) is not None:
            _settle(conn, command, "applied", command.result or {}, now_s)


def _settle(
    conn: Connection, command: Command, code: str, document: dict[str, Any], now_s: int
) -> None:
    # "old" (the number has left the meter's window) and codes of a newer meter do not tell
    # whether it was applied: the money stays in transit, where it is seen, until that is known.
    state = _STATE_OF_CODE.get(code, "unclear")
    # What a log holds has tables of its own.
    document = {key: value for key, value in document.items() if key != "records"}
    if command.op in orders.MONEY_OPS and state == "partly":
        state = "unclear"
    if state == "applied" and _told_as(command) is not None:
        amount_u = _amount_u(command, document)
        if amount_u is None:
            amount_u = _logged_u(conn, command)
        if amount_u is None:
            state = "unclear"
        else:
            document[_told_as(command)[0]] = amount_u
            _post_moved(conn, command, amount_u, now_s)
    c = commands.c
    updated = conn.execute(
        sa.update(commands)
        .where(c.id == command.id, c.code.is_(None) | (c.state == "unclear"))
        .values(code=code, state=state, answered_at=now_s, result=json.dumps(document))
    )
    if updated.rowcount != 1:
        raise RuntimeError(f"order {command.id} was settled behind a write lock")
    if state != command.state:
        orders.note_states(conn, [command.id], state, now_s, "meter")
    if command.op == "credit" and state != "unclear" and code not in vending.HELD_CODES:
        _end_sale(conn, command, state == "applied", now_s)


def _end_sale(conn: Connection, command: Command, applied: bool, now_s: int) -> None:
    ch, amount_u = command.args["ch"], command.args["amount_u"]
    sale_id = vending.sale_of(conn, command.id)
    if applied and ledger.is_posted(conn, ledger.settlement_key(sale_id)):
        # It was cancelled before it was ever sent, as far as anybody knew, and paid back: the
        # customer has what nobody paid for.
        kwh = ledger_meter.counts_kwh(conn, command.meter, ch)
        ledger.post(
            conn,
            key=f"late:{sale_id}",
            debit=ledger.units(command.meter, ch) if kwh else ledger.SUSPENSE,
            credit=ledger.customer(command.meter, ch),
            amount_u=amount_u,
            created_at=now_s,
            command_id=command.id,
        )
        count(conn, "sale.applied_after_void")
        # Hardly ever: the rules are much to import.
        from umeter_station.watch import findings

        evidence = {"what": "applied after it was void", "order": command.n, "amount_u": amount_u}
        findings.note(conn, "A15", command.meter, ch, evidence, "critical", now_s)
        return
    ledger.post_settlement(
        conn, command.meter, ch, amount_u, now_s, command.id, sale_id=sale_id, applied=applied
    )


def _told_as(command: Command) -> tuple[str, str] | None:
    """(field of the answer, event of the log) with the amount; None if the order moves none."""
    what = command.args["action"] if command.op == "account" else command.op
    if what == "prepaid" and "lend_u" not in command.args:
        return None
    return _TOLD.get(what)


def _amount_u(command: Command, document: dict[str, Any]) -> int | None:
    """What the answer says; None if it says nothing that can be."""
    told = _told_as(command)
    return None if told is None else _possible(command, document.get(told[0]))


def _logged_u(conn: Connection, command: Command) -> int | None:
    """What the audit log says: of one order's events the last is "command"."""
    told = _told_as(command)
    if told is None:
        return None
    a = audit_records.c
    ch = command.args["ch"]
    end_n = conn.execute(
        sa.select(a.n)
        .where(a.meter == command.meter, a.code == "command", a.ch == ch)
        .where(a.a == command.n, a.b == _EVENT_APPLIED)
    ).scalar()
    if end_n is None:
        return None
    before = conn.execute(
        sa.select(a.n, a.ch, a.code, a.a)
        .where(a.meter == command.meter, a.n < end_n, a.n >= end_n - _MOST_EVENTS)
        .order_by(a.n.desc())
    )
    for away, row in enumerate(before, start=1):
        if row.n != end_n - away or row.code == "command":
            return None  # One is missing, or these belong to another order.
        if (row.code, row.ch) == (told[1], ch):
            return _possible(command, row.a)
    return None


def _possible(command: Command, amount_u: Any) -> int | None:
    most_u = command.args.get("amount_u", command.args.get("lend_u", _LARGEST_U))
    return amount_u if type(amount_u) is int and 0 <= amount_u <= most_u else None


def _post_moved(conn: Connection, command: Command, amount_u: int, now_s: int) -> None:
    if amount_u:
        post = ledger_meter.post_loan if "lend_u" in command.args else ledger_meter.post_return
        post(conn, command.meter, command.args["ch"], amount_u, now_s, command.id)
