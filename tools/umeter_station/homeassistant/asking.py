"""What Home Assistant may ask for: that a channel is disconnected, and nothing else.

Whoever reaches Home Assistant could send this, so it is taken as a wish: it is judged here, it can
only make things safer, and each is noted. A connection takes credit, and a person at the station.
"""

import re

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import meters as known_meters
from umeter_station import orders
from umeter_station.db import count
from umeter_station.homeassistant import payload
from umeter_station.models import commands
from umeter_station.people import acts, approvals

BY = "homeassistant"
_TOPIC = re.compile(rf"{payload.ROOT}/([A-Za-z0-9_-]{{1,32}})/([1-9][0-9]?)/disconnect", re.ASCII)
_AGAIN_S = 60  # A switch that is played with does not fill the meter's orders.


def channel_of(topic: str) -> tuple[str, int] | None:
    found = _TOPIC.fullmatch(topic)
    return None if found is None else (found[1], int(found[2]))


def ask(
    conn: Connection, topic: str, document: bytes, retained: bool, allowed: bool, now_s: int
) -> str:
    """Judge one message, in the caller's write transaction; returns "ordered", or why not."""
    word = _judge(conn, topic, document, retained, allowed, now_s)
    if word != "ordered":
        count(conn, f"homeassistant.{word.replace(' ', '_')}")
    return word


def _judge(
    conn: Connection, topic: str, document: bytes, retained: bool, allowed: bool, now_s: int
) -> str:
    channel = channel_of(topic)
    if channel is None:
        return "foreign"
    if not allowed:
        return "not allowed"
    if retained:
        return "retained"  # It would disconnect again with every start of the station.
    if document == payload.CONNECT.encode():
        return "connects never"
    if document != payload.DISCONNECT.encode():
        return "malformed"
    meter, ch = channel
    known = known_meters.find(conn, meter)
    if known is None or known.retired_at is not None or not 1 <= ch <= known.channels:
        return "unknown"
    if approvals.needed(conn, "supply"):
        return "takes two people"
    if _asked_just_now(conn, meter, ch, now_s):
        return "asked already"
    command_id = orders.order_supply(conn, meter, ch, "open", now_s)
    detail = {"state": "open", "order": command_id}
    acts.note(conn, BY, "supply.open", f"{meter}/{ch}", detail, now_s)
    return "ordered"


def _asked_just_now(conn: Connection, meter: str, ch: int, now_s: int) -> bool:
    """Whatever was ordered last: who has connected it meanwhile wanted that."""
    c = commands.c
    rows = conn.execute(
        sa.select(c.id).where(c.meter == meter, c.op == "supply", c.created_at > now_s - _AGAIN_S)
    )
    return any(orders.get(conn, command_id).args["ch"] == ch for command_id in rows.scalars())
