"""A tenant's channel as its household sees it: what is left, what is drawn, and whether there is
power."""

import json
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import ledger, meters, readings
from umeter_station.api.deps import Caller
from umeter_station.desk import pricing, terms
from umeter_station.desk.terms import Terms
from umeter_station.firmware_check import Document
from umeter_station.models import commands
from umeter_station.orders import OPEN_STATES
from umeter_station.people import sites
from umeter_station.watch.profile import setup
from umeter_station.web.charts import rates
from umeter_station.web.charts.buckets import midnight_s
from umeter_station.web.charts.energy import Source, profile
from umeter_station.web.charts.routes import source_of, sources_of
from umeter_station.web.portal import supply
from umeter_station.web.portal.supply import Reason

_DAY_S = 86_400
_MEAN_DAYS = 7
_LEAST_DAYS = 2  # of use that are known, before anybody says how long the rest lasts
_MOST_DAYS = 90
_PATIENCE = 3  # readings that may be late before they are called old
_HAND_OPS = ("restore", "emergency", "user")
LOW, EMERGENCY_OFFERED, EMERGENCY_USED, FRIENDLY = 3, 4, 8, 32
PROTECTED, PAYS_AFTER, CLOSED, LOCKED = 64, 128, 256, 512


@dataclass(frozen=True)
class Channel:
    """None stands for what is not known. `balance_u` in money, or in millionths of a kWh where
    `is_kwh`; `balance_wh` what that is in energy at the tariff of now; `transit_u` paid and not
    yet at the meter. `lasts_until_s`: by the mean use of the last days; `lasts_long`: more than
    that can be said for. `state`: the bits of a reading; `ordered`: what this household ordered
    and the meter has not answered."""

    source: Source
    site: str
    presence: str
    is_kwh: bool
    balance_u: int | None
    balance_wh: int | None
    transit_u: int
    lasts_until_s: int | None
    lasts_long: bool
    power_dw: int | None
    today_wh: int | None
    is_on: bool | None
    state: int
    reasons: tuple[Reason, ...]
    read_at: int
    is_old: bool
    ordered: tuple[str, ...]
    emergency_u: int

    @property
    def meter(self) -> str:
        return self.source.meter

    @property
    def ch(self) -> int:
        return self.source.ch

    @property
    def query(self) -> str:
        return f"meter={self.meter}&ch={self.ch}"

    @property
    def is_low(self) -> bool:
        return bool(self.state & (LOW | 16))

    def has(self, bit: int) -> bool:
        return bool(self.state & bit)


@dataclass(frozen=True)
class Family:
    """All channels of a household together; None if not all of them are known."""

    balance_u: int | None
    power_dw: int | None
    today_wh: int | None


def of(conn: Connection, who: Caller, where: tzinfo) -> list[Channel]:
    return [channel(conn, source, where, who.now_s) for source in sources_of(conn, who)]


def one(conn: Connection, who: Caller, meter: str, ch: int, where: tzinfo) -> Channel:
    """NotFound for what is not the caller's."""
    return channel(conn, source_of(conn, who, meter, ch), where, who.now_s)


def together(channels: list[Channel]) -> Family:
    def total(values: list[int | None]) -> int | None:
        known = [value for value in values if value is not None]
        return sum(known) if known and len(known) == len(values) else None

    money = [None if each.is_kwh else each.balance_u for each in channels]
    return Family(
        total(money),
        total([each.power_dw for each in channels]),
        total([each.today_wh for each in channels]),
    )


def channel(conn: Connection, source: Source, where: tzinfo, now_s: int) -> Channel:
    known = meters.get(conn, source.meter)
    site_id = sites.site_of(conn, source.meter)
    found = terms.of(conn, source.meter, source.ch, now_s)
    told, read_at = _told(conn, source)
    is_kwh = found.unit == "kwh"
    balance_u = told.get("balance_u")
    balance_wh = _energy_of(conn, source, balance_u, found, where, now_s)
    report_s = setup(known.settings, known.channels).report_s
    is_old = bool(read_at) and now_s - read_at > _PATIENCE * report_s + 60
    state = told.get("state") or 0
    settings = settings_of(known)
    claims = supply.Claims(told.get("claims") or 0, told.get("armed") or 0, state)
    until_s, long = _lasts(conn, source, told, balance_wh, where, now_s)
    contact = told.get("contact")
    return Channel(
        source=source,
        site="" if site_id is None else sites.get(conn, site_id).name,
        presence=known.presence,
        is_kwh=is_kwh,
        balance_u=balance_u,
        balance_wh=balance_wh,
        transit_u=ledger.balance_u(conn, ledger.transit(source.meter, source.ch)),
        lasts_until_s=until_s,
        lasts_long=long,
        power_dw=None if is_old else told.get("power_dw"),
        today_wh=_today_wh(conn, source, told, where, now_s),
        is_on=None if contact is None else bool(contact),
        state=state,
        reasons=() if contact in (None, 1) else supply.reasons(claims, settings, source.ch),
        read_at=read_at,
        is_old=is_old,
        ordered=_ordered(conn, source),
        emergency_u=settings.get("emergency_u", source.ch),
    )


def settings_of(known: meters.Meter) -> Document:
    """As the meter has them, its defaults where it never said."""
    return Document(json.loads(known.settings), known.channels or 8)


def _told(conn: Connection, source: Source) -> tuple[dict[str, Any], int]:
    """What the newest reading says of the channel, and when it came; nothing that is of before."""
    newest = readings.latest(conn, source.meter)
    if newest is None or newest.received_at < source.since_s:
        return {}, 0
    if source.ch > len(newest.channels):
        return {}, newest.received_at
    return newest.channels[source.ch - 1], newest.received_at


def _energy_of(
    conn: Connection,
    source: Source,
    balance_u: int | None,
    found: Terms,
    where: tzinfo,
    now_s: int,
) -> int | None:
    if balance_u is None:
        return None
    if found.unit == "kwh":
        return balance_u // 1000
    if found.tariff is None or not any(map(any, found.tariff["prices"])):
        return None
    if balance_u <= 0:
        return 0
    shares = pricing.rate_shares(found.tariff, terms.mmdd(now_s), found.weekend_days)
    used_wh = profile(conn, source, rates.month_begun_s(now_s, where), now_s).wh.sum()
    parts = pricing.buys(balance_u, found.tariff, shares, int(used_wh))
    return sum(part.wh for part in parts)


def _lasts(
    conn: Connection,
    source: Source,
    told: dict[str, Any],
    balance_wh: int | None,
    where: tzinfo,
    now_s: int,
) -> tuple[int | None, bool]:
    """(until when, whether longer than anybody should say). The meter's own word, else by the
    load profile of the last whole days."""
    days = told.get("days_left")
    if days is not None and days >= 0:
        return (now_s + days * _DAY_S, False) if days <= _MOST_DAYS else (None, True)
    if balance_wh is None:
        return None, False
    until_s = midnight_s(now_s, where)
    rows = profile(conn, source, midnight_s(now_s, where, -_MEAN_DAYS), until_s)
    known_s = int((rows.end_s - rows.start_s).sum())
    if known_s < _LEAST_DAYS * _DAY_S:
        return None, False
    used_wh = int(np.sum(rows.wh))
    if not used_wh or balance_wh * known_s // used_wh > _MOST_DAYS * _DAY_S:
        return None, True
    return now_s + balance_wh * known_s // used_wh, False


def _today_wh(
    conn: Connection, source: Source, told: dict[str, Any], where: tzinfo, now_s: int
) -> int | None:
    """Of the load profile, which is some minutes behind."""
    rows = profile(conn, source, midnight_s(now_s, where), now_s)
    return int(rows.wh.sum()) if len(rows) else (0 if told else None)


def _ordered(conn: Connection, source: Source) -> tuple[str, ...]:
    c = commands.c
    rows = conn.execute(
        sa.select(c.op, c.args)
        .where(c.meter == source.meter, c.op.in_(_HAND_OPS), c.state.in_(OPEN_STATES))
        .order_by(c.id)
    )
    found = [op for op, args in rows if json.loads(args).get("ch") == source.ch]
    return tuple(dict.fromkeys(found))
