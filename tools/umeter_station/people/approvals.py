"""What takes two people, where that is switched on: one asks, another decides, it is done once.

Areas register what is to be done; `carry_out` does it at once, or asks if two are needed:

    approvals.execute("refund", refund)  # refund(conn, args, by, now_s) -> dict, JSON both
    done = approvals.carry_out(conn, "refund", {"sale_id": 7}, who.by, now_s)
    done.approval_id  # None: it is done, and done.result is what refund() gave
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.errors import Conflict, NotFound, StationError
from umeter_station.models_people import approvals, switches
from umeter_station.people import acts
from umeter_station.sql import insert

# Kind: the scope that whoever decides needs, as whoever asks.
KINDS = {"tariff": "tariffs:write", "refund": "refunds:write", "supply": "supply:write"}
LASTS_S = 7 * 86_400
_SWITCH = "two-person."

Execute = Callable[[Connection, dict[str, Any], str, int], dict[str, Any]]
_execute: dict[str, Execute] = {}


@dataclass(frozen=True)
class Approval:
    """`state` is one of asked, executed, declined, expired."""

    id: int
    kind: str
    args: dict[str, Any]
    asked_by: str
    asked_at: int
    expires_at: int
    state: str
    decided_by: str | None
    decided_at: int | None
    outcome: dict[str, Any]


@dataclass(frozen=True)
class Done:
    """Either it waits for another person as `approval_id`, or it is done, with this `result`."""

    approval_id: int | None
    result: dict[str, Any] | None


_COLUMNS = [approvals.c[name] for name in Approval.__dataclass_fields__]


def _approval(row: sa.Row, now_s: int) -> Approval:
    values = dict(row._mapping)
    if values["state"] == "asked" and now_s >= values["expires_at"]:
        values["state"] = "expired"
    for name in ("args", "outcome"):
        values[name] = json.loads(values[name])
    return Approval(**values)


def execute(kind: str, function: Execute) -> None:
    """Register what is done when something of this kind is approved."""
    _check(kind)
    _execute[kind] = function


def _check(kind: str) -> None:
    if kind not in KINDS:
        raise StationError(f"Nothing of the kind {kind!r} can take two people.")


def needed(conn: Connection, kind: str) -> bool:
    """Whether the switch of this kind is on."""
    _check(kind)
    query = sa.select(switches.c.value).where(switches.c.name == _SWITCH + kind)
    return bool(conn.execute(query).scalar())


def switch(conn: Connection, kind: str, on: bool, by: str, now_s: int) -> None:
    _check(kind)
    values = {"name": _SWITCH + kind, "value": int(on), "set_at": now_s, "set_by": by}
    query = insert(conn, switches).values(values)
    conn.execute(query.on_conflict_do_update(index_elements=["name"], set_=values))
    acts.note(conn, by, "approvals.switch", f"kind:{kind}", {"on": on}, now_s)


def carry_out(conn: Connection, kind: str, args: dict[str, Any], by: str, now_s: int) -> Done:
    if needed(conn, kind):
        return Done(ask(conn, kind, args, by, now_s), None)
    return Done(None, _execute[kind](conn, args, by, now_s))


def ask(conn: Connection, kind: str, args: dict[str, Any], by: str, now_s: int) -> int:
    """Once while it waits: the very same asked again, as by a double click, is that one."""
    _check(kind)
    text = json.dumps(args, separators=(",", ":"), sort_keys=True)
    a = approvals.c
    waits = conn.execute(
        sa.select(a.id).where(
            a.kind == kind, a.args == text, a.state == "asked", a.expires_at > now_s
        )
    ).scalar()
    if waits is not None:
        return waits
    inserted = conn.execute(
        approvals.insert().values(
            kind=kind,
            args=text,
            asked_by=by,
            asked_at=now_s,
            expires_at=now_s + LASTS_S,
            state="asked",
        )
    )
    approval_id = inserted.inserted_primary_key[0]
    acts.note(conn, by, "approval.ask", f"approval:{approval_id}", {"kind": kind}, now_s)
    return approval_id


def decide(conn: Connection, approval_id: int, by: str, yes: bool, now_s: int) -> Approval:
    """Do it, or decline it. What cannot be done stays asked: the StationError says why."""
    asked = get(conn, approval_id, now_s)
    if asked.state != "asked":
        raise Conflict(f"Approval {approval_id} is {asked.state} already; ask for a new one.")
    if asked.asked_by == by:
        raise StationError("That takes another person than the one who asked.")
    outcome: dict[str, Any] = {}
    if yes:
        if asked.kind not in _execute:
            raise RuntimeError(f"nobody has registered what a {asked.kind} does")
        outcome = _execute[asked.kind](conn, asked.args, asked.asked_by, now_s)
    conn.execute(
        sa.update(approvals)
        .where(approvals.c.id == approval_id)
        .values(
            state="executed" if yes else "declined",
            decided_by=by,
            decided_at=now_s,
            outcome=json.dumps(outcome),
        )
    )
    word = "approval.accept" if yes else "approval.decline"
    detail = {"kind": asked.kind, "asked_by": asked.asked_by}
    acts.note(conn, by, word, f"approval:{approval_id}", detail, now_s)
    return get(conn, approval_id, now_s)


def get(conn: Connection, approval_id: int, now_s: int) -> Approval:
    row = conn.execute(sa.select(*_COLUMNS).where(approvals.c.id == approval_id)).first()
    if row is None:
        raise NotFound(f"There is no approval {approval_id}.")
    return _approval(row, now_s)


def page(
    conn: Connection, limit: int, now_s: int, before_id: int | None = None, only_open: bool = False
) -> list[Approval]:
    """The newest first; with `before_id` those that are older."""
    a = approvals.c
    query = sa.select(*_COLUMNS).order_by(a.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(a.id < before_id)
    if only_open:
        query = query.where(a.state == "asked", a.expires_at > now_s)
    return [_approval(row, now_s) for row in conn.execute(query)]


def waiting(conn: Connection, now_s: int) -> int:
    """How many wait to be decided."""
    a = approvals.c
    query = sa.select(sa.func.count()).where(a.state == "asked", a.expires_at > now_s)
    return conn.execute(query).scalar_one()
