"""A meter's channels as its page shows them: values of now, and who holds each contact open."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import orders, readings
from umeter_station.meters import Meter
from umeter_station.models import audit_records, commands, events, purchases
from umeter_station.people import approvals
from umeter_station.people.approvals import Approval
from umeter_station.watch import findings
from umeter_station.watch.profile import setup
from umeter_station.web.language import gettext as _
from umeter_station.web.watch import boards, claims
from umeter_station.web.watch.claims import Claim
from umeter_station.web.watch.findings import Shown, shown
from umeter_station.words import CLAIM_NAMES, state_names

_HELD = ("register.jump", "register.reset")
_DECIDED = ("quarantine.accepted", "quarantine.refused")
_EVENTS = ("contact.open", "contact.close", *_HELD, *_DECIDED)
_MOST_EVENTS = 2_000
_MOST_APPROVALS = 200


@dataclass(frozen=True)
class Held:
    """A claim, and since when the contact has been open for it, None if no event tells."""

    claim: Claim
    since_s: int | None


@dataclass(frozen=True)
class Channel:
    """`tenant_id` 0: nobody has it. `values` as in a reading, None if none has come; `to_come_u`:
    credit on its way; `held_wh`: energy that the meter holds back as implausible. `is_inlet`: it
    measures what goes into the house, so how its account stands says nothing."""

    ch: int
    tenant_id: int
    tenant: str
    values: dict[str, int | None] | None
    states: list[str]
    held: list[Held]
    to_come_u: int
    held_wh: int
    is_inlet: bool

    @property
    def is_closed(self) -> bool:
        return bool(self.values and self.values["contact"])

    @property
    def is_open(self) -> bool:
        """And feeds nobody for that."""
        return bool(self.values and not self.values["contact"] and not self.is_inlet)


@dataclass(frozen=True)
class Live:
    """All of a meter that changes by itself. `read_at` 0: no reading has come."""

    known: Meter
    channels: list[Channel]
    read_at: int
    t: int
    is_clock_set: bool
    findings: list[Shown]
    asked: list[Approval]


def live(
    conn: Connection, known: Meter, now_s: int, with_findings: bool, with_tenants: bool
) -> Live:
    reading = readings.latest(conn, known.meter)
    told = reading.channels if reading else []
    people = boards.tenants_of(conn, [known.meter], now_s) if with_tenants else {}
    moves, held_wh = _moves(conn, known.meter)
    to_come = _to_come_u(conn, known.meter)
    inlet = setup(known.settings, known.channels).inlet_ch
    channels = []
    for ch in range(1, max(len(told), known.channels) + 1):
        values = told[ch - 1] if ch <= len(told) else None
        tenant_id, tenant = people.get((known.meter, ch), (0, ""))
        held = _held(values, moves.get(ch, [])) if values else []
        states = [_(name) for name in state_names((values or {}).get("state") or 0)]
        channels.append(
            Channel(
                ch=ch,
                tenant_id=tenant_id,
                tenant=tenant,
                values=values,
                states=[] if ch == inlet else states,
                held=[one for one in held if ch != inlet or one.claim.name != "credit"],
                to_come_u=to_come.get(ch, 0),
                held_wh=held_wh.get(ch, 0),
                is_inlet=ch == inlet,
            )
        )
    found = findings.list_(conn, state="current", meter=known.meter) if with_findings else []
    asked = approvals.page(conn, _MOST_APPROVALS, now_s, only_open=True)
    return Live(
        known=known,
        channels=channels,
        read_at=reading.received_at if reading else 0,
        t=reading.t if reading else 0,
        is_clock_set=bool(reading and reading.clock),
        findings=[shown(one, "") for one in found],
        asked=[a for a in asked if a.kind == "supply" and a.args["meter"] == known.meter],
    )


def _held(values: dict[str, int | None], moves: list[sa.Row]) -> list[Held]:
    """`moves`: of the contact, the newest first."""
    found = []
    for claim in claims.explained(values["claims"], values["armed"]):
        since_s = None
        bit = 1 << CLAIM_NAMES.index(claim.name) if claim.name in CLAIM_NAMES else 0
        for move in moves:
            # As long as it has not closed again it has been open for that.
            if move.code != "contact.open":
                break
            if move.a & bit:
                since_s = move.at or None
        found.append(Held(claim, since_s))
    return found


def _moves(conn: Connection, meter: str) -> tuple[dict[int, list[sa.Row]], dict[int, int]]:
    """(by channel its contact's moves, the newest first; what each holds back, Wh). The pulled
    log is the truth, and what was published meanwhile is there sooner."""
    rows: dict[int, sa.Row] = {}
    for table in (events, audit_records):
        c = table.c
        query = sa.select(c.n, c.t.label("at"), c.code, c.ch, c.a).where(
            c.meter == meter, c.code.in_(_EVENTS)
        )
        for row in conn.execute(query.order_by(c.n.desc()).limit(_MOST_EVENTS)):
            rows[row.n] = row
    moves: dict[int, list[sa.Row]] = {}
    held: dict[int, int] = {}
    for _n, row in sorted(rows.items()):
        if row.code in _HELD:
            held[row.ch] = held.get(row.ch, 0) + row.a
        elif row.code in _DECIDED:
            held[row.ch] = 0
        else:
            moves.setdefault(row.ch, []).insert(0, row)
    return moves, held


def _to_come_u(conn: Connection, meter: str) -> dict[int, int]:
    p, c = purchases.c, commands.c
    rows = conn.execute(
        sa.select(p.ch, sa.func.sum(p.amount_u))
        .join(commands, c.id == p.command_id)
        .where(p.meter == meter, c.state.in_(orders.OPEN_STATES))
        .group_by(p.ch)
    )
    return {ch: int(amount_u) for ch, amount_u in rows}


def order_waiting(conn: Connection, meter: str, op: str, args: dict[str, Any]) -> int | None:
    """The very same order, if the meter has yet to answer it: it is not given twice."""
    last = orders.latest(conn, meter, op)
    return last.id if last is not None and last.is_open and last.args == args else None
