"""Orders to a meter, as its page lists them: with all their states, when, and by whom."""

import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import change, orders
from umeter_station.models import commands, order_states
from umeter_station.orders import Command, State
from umeter_station.web import language
from umeter_station.web.language import gettext as _
from umeter_station.web.watch import claims

PAGE = 50
# How a meter's logs and updates are fetched, hundreds of them: of no interest but to a developer.
_CHORES = ("history", "chunk", "time")
# Its arguments are a key, though a wrapped one.
_SECRET = ("key",)


def say(text: str) -> str:
    """Marks a text that is translated when it is shown."""
    return text


_STATES: dict[str, tuple[str, str]] = {
    "created": (say("not sent yet"), "quiet"),
    "sent": (say("sent"), "quiet"),
    "delivered": (say("on its way"), "quiet"),
    "applied": (say("applied"), "good"),
    "partly": (say("applied in part"), "warn"),
    "refused": (say("refused"), "bad"),
    "expired": (say("no answer in time"), "warn"),
    "cancelled": (say("called off"), "quiet"),
    "unclear": (say("unclear"), "bad"),
}
_OPS = {
    "credit": say("credit"),
    "debit": say("take credit back"),
    "debt": say("debt"),
    "account": say("account"),
    "set": say("settings"),
    "key": say("new key"),
    "supply": say("supply"),
    "quarantine": say("held-back energy"),
    "calibrate": say("calibrate"),
    "emergency": say("emergency credit"),
    "restore": say("restore power"),
    "user": say("tenant's switch"),
    "release": say("release a claim"),
    "status": say("status"),
    "read": say("read"),
    "link": say("its connection"),
    "maintenance": say("maintenance"),
    "history": say("its logs"),
    "update": say("update"),
    "chunk": say("piece of an update"),
    "time": say("set the clock"),
}


# What supply and the tenant's switch are ordered to be.
_SUPPLY = {"open": say("open the contact"), "close": say("let it close")}
_LONGEST = 200


@dataclass(frozen=True)
class Order:
    """`args` in words, as far as there are; `answer` in those of the wire, for those who know
    them."""

    command: Command
    states: list[State]
    what: str
    args: str
    state: str
    kind: str
    answer: str

    @property
    def can_cancel(self) -> bool:
        return self.command.is_open and self.command.op not in orders.MONEY_OPS

    @property
    def by(self) -> str:
        return self.states[0].by if self.states else ""


def step_text(state: str) -> str:
    """A step of an order's history: the first is that it was given, whatever came of it."""
    if state == "created":
        return _("ordered")
    return _(_STATES[state][0]) if state in _STATES else state


def of_meter(
    conn: Connection, meter: str, before_id: int | None = None, chores: bool = False
) -> tuple[list[Order], int | None]:
    """(the newest, before which id there are more)"""
    c = commands.c
    query = sa.select(c.id).where(c.meter == meter)
    if not chores:
        query = query.where(c.op.not_in(_CHORES))
    if before_id is not None:
        query = query.where(c.id < before_id)
    ids = list(conn.execute(query.order_by(c.id.desc()).limit(PAGE + 1)).scalars())
    more = ids[PAGE - 1] if len(ids) > PAGE else None
    return _orders(conn, ids[:PAGE]), more


def one(conn: Connection, order_id: int) -> Order:
    """Raises NotFound."""
    return _shown(orders.get(conn, order_id), orders.states(conn, order_id))


def _orders(conn: Connection, ids: list[int]) -> list[Order]:
    s = order_states.c
    query = sa.select(s.command_id, s.state, s.at, s.by).where(s.command_id.in_(ids))
    states: dict[int, list[State]] = {}
    for command_id, state, at, by in conn.execute(query.order_by(s.id)):
        states.setdefault(command_id, []).append(State(state, at, by))
    return [_shown(found, states.get(found.id, [])) for found in orders.several(conn, ids)]


def _shown(command: Command, states: list[State]) -> Order:
    word, kind = _STATES[command.state]
    args: dict[str, Any] = {} if command.op in _SECRET else command.args
    words = [text for name, value in args.items() for text in _words(name, value)]
    reason = (command.result or {}).get("reason", "")
    told = [text for text in (command.code, reason) if isinstance(text, str) and text]
    return Order(
        command=command,
        states=states,
        what=_(_OPS.get(command.op, command.op)),
        args=", ".join(words),
        state=_(word),
        kind=kind,
        answer=": ".join(told),
    )


def _words(name: str, value: Any) -> list[str]:
    """An argument in words; one that has none as it is on the wire."""
    if name == "ch":
        return [_("channel %(ch)s") % {"ch": value}]
    if name == "set" and isinstance(value, dict):
        return [f"{key} = {_short(change.shown(key, each))}" for key, each in value.items()]
    if name == "state" and value in _SUPPLY:
        return [_(_SUPPLY[value])]
    if name == "claim":
        return [claims.word(value)]
    if change.is_money(name) and type(value) is int:
        money = language.current().money(value)
        return [money if name == "amount_u" else f"{name.removesuffix('_u')} {money}"]
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return [f"{name} {_short(text)}"]


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
