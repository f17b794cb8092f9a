"""Agents sell for the operator and keep the money for a while: up to a ceiling, less a commission.

What an agent owes is the ledger's account agent:<name>: sales debit it, the commission of each is
a row of its own, and what he pays in is credited.
"""

import re
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import ledger, vending
from umeter_station.amounts import MAX_AMOUNT_U, check_amount_u, format_u
from umeter_station.errors import Conflict, NotFound, StationError
from umeter_station.models_desk import agent_settlements, agent_terms
from umeter_station.people import acts

_PREFIX = "agent:"
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,24}", re.ASCII)
_PERMILLE = 1000


@dataclass(frozen=True)
class Agent:
    """`owed_u`: what was sold and not paid in yet; `room_u` of the ceiling is left."""

    name: str
    ceiling_u: int
    commission_permille: int
    active: bool
    owed_u: int

    @property
    def room_u(self) -> int:
        return max(0, self.ceiling_u - self.owed_u)


def set_terms(
    conn: Connection,
    name: str,
    ceiling_u: int,
    commission_permille: int,
    by: str,
    now_s: int,
    active: bool = True,
) -> Agent:
    """A new agent, or new terms from now on; with `active` False he sells no more."""
    if _NAME.fullmatch(name) is None:
        raise StationError(f"{name!r} names no agent; use 1 to 24 letters, digits and - _ .")
    if type(ceiling_u) is not int or not 0 <= ceiling_u <= MAX_AMOUNT_U:
        raise StationError("An agent's ceiling is 0 to 1000000.")
    if type(commission_permille) is not int or not 0 <= commission_permille < _PERMILLE:
        raise StationError("A commission is 0 to 999 per mille.")
    terms = {
        "ceiling_u": ceiling_u,
        "commission_permille": commission_permille,
        "active": int(active),
    }
    conn.execute(agent_terms.insert().values(agent=name, **terms, noted_at=now_s, by=by))
    acts.note(conn, by, "agent.terms", f"{_PREFIX}{name}", terms, now_s)
    return get(conn, name)


def find(conn: Connection, name: str) -> Agent | None:
    a = agent_terms.c
    row = conn.execute(
        sa.select(a.ceiling_u, a.commission_permille, a.active)
        .where(a.agent == name)
        .order_by(a.id.desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    owed_u = -ledger.balance_u(conn, ledger.agent(name))
    return Agent(name, row.ceiling_u, row.commission_permille, bool(row.active), owed_u)


def get(conn: Connection, name: str) -> Agent:
    found = find(conn, name)
    if found is None:
        raise NotFound(f"There is no agent {name!r}; `umeter-station agents set` makes one.")
    return found


def all_agents(conn: Connection) -> list[Agent]:
    names = conn.execute(sa.select(agent_terms.c.agent).distinct().order_by(agent_terms.c.agent))
    return [get(conn, name) for name in names.scalars()]


def take(conn: Connection, paid_from: str, paid_u: int) -> int:
    """Let an agent take a payment, inside the transaction that sells; returns the commission.
    0 for what no agent takes. StationError if it would go beyond the ceiling."""
    if not paid_from.startswith(_PREFIX):
        return 0
    agent = get(conn, paid_from.removeprefix(_PREFIX))
    if not agent.active:
        raise StationError(f"Agent {agent.name} sells no more.")
    commission_u = paid_u * agent.commission_permille // _PERMILLE
    if agent.owed_u + paid_u - commission_u > agent.ceiling_u:
        raise StationError(
            f"Agent {agent.name} may take {format_u(agent.room_u)} more before he pays in; he owes"
            f" {format_u(agent.owed_u)} of at most {format_u(agent.ceiling_u)}."
        )
    return commission_u


def settle(
    conn: Connection, name: str, amount_u: int, paid_into: str, key: str, by: str, now_s: int
) -> bool:
    """The agent pays in, once per `key`; False if that was noted before. `paid_into`: the
    ledger's account that has it now, as cash(shift_id) or bank(name)."""
    vending.check_key(key)
    check_amount_u(amount_u)
    s = agent_settlements.c
    known = conn.execute(sa.select(s.agent, s.amount_u, s.paid_into).where(s.key == key)).first()
    if known is not None:
        if tuple(known) != (name, amount_u, paid_into):
            raise Conflict(f"Key {key!r} was used for another payment; use a new key.")
        return False
    agent = get(conn, name)
    if amount_u > agent.owed_u:
        raise StationError(f"Agent {name} owes {format_u(agent.owed_u)}; he cannot pay in more.")
    values = {"agent": name, "amount_u": amount_u, "paid_into": paid_into}
    conn.execute(agent_settlements.insert().values(key=key, **values, at=now_s, by=by))
    ledger.post(
        conn,
        key=f"agent-pays:{key}",
        debit=paid_into,
        credit=ledger.agent(name),
        amount_u=amount_u,
        created_at=now_s,
    )
    acts.note(conn, by, "agent.pays", f"{_PREFIX}{name}", values, now_s)
    return True
