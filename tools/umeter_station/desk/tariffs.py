"""Tariffs by name: written once per version, given to channels in time, sent to their meters.

A tariff is a document of settings as a meter takes them (`tariff`, `price_u_per_kwh`, `unit`, what
goes to debts, limits), without channels. A change is a new version; what was in force stays known.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import change, meters, twin
from umeter_station.desk import terms
from umeter_station.desk.terms import Terms
from umeter_station.errors import NotFound, StationError
from umeter_station.firmware_check import Document
from umeter_station.models_desk import tariff_assignments, tariffs
from umeter_station.people import acts

KEYS = (
    *("tariff", "next_tariff", "price_u_per_kwh", "unit", "debt3_percent", "debt3_cap_u"),
    *("max_topup_u", "max_balance_u", "emergency_u", "emergency_at_u", "disable_at_u"),
    *("low_credit_u", "low_credit_2_u", "pretrip_u", "reclose_at_u", "hysteresis_u"),
    *("allowance_u", "allowance_every"),
)
_NAME = re.compile(r"[A-Za-z0-9_. -]{1,40}", re.ASCII)


@dataclass(frozen=True)
class Tariff:
    id: int
    name: str
    version: int
    document: dict[str, Any]
    created_at: int
    by: str


@dataclass(frozen=True)
class Assignment:
    """`ch` 0: all channels of the meter that have none of their own."""

    id: int
    meter: str
    ch: int
    tariff: str
    version: int
    from_s: int
    noted_at: int
    by: str


_COLUMNS = [tariffs.c[name] for name in Tariff.__dataclass_fields__]


def _tariff(row: sa.Row) -> Tariff:
    return Tariff(**{**row._mapping, "document": json.loads(row.document)})


def save(conn: Connection, name: str, document: dict[str, Any], by: str, now_s: int) -> Tariff:
    """The next version of a tariff; the newest one if it is the same."""
    check(name, document)
    newest = _newest(conn, name)
    if newest is not None and newest.document == document:
        return newest
    version = 1 if newest is None else newest.version + 1
    text = json.dumps(document, separators=(",", ":"))
    values = {"name": name, "version": version, "document": text, "created_at": now_s, "by": by}
    conn.execute(tariffs.insert().values(values))
    acts.note(conn, by, "tariff.save", f"{name}/{version}", document, now_s)
    return get(conn, name)


def check(name: str, document: dict[str, Any]) -> None:
    """As a meter will judge it; StationError for what none would take."""
    if _NAME.fullmatch(name) is None:
        raise StationError(f"{name!r} names no tariff; use 1 to 40 letters, digits and - _ .")
    foreign = [key for key in document if key not in KEYS]
    if foreign or not document:
        raise StationError(
            f"A tariff holds some of {', '.join(KEYS)}; {', '.join(foreign) or 'it is empty'}."
        )
    refused = Document({}, 1).apply(document)
    if refused:
        raise StationError("; ".join(dict.fromkeys(refused.values())) + ".")


def _newest(conn: Connection, name: str) -> Tariff | None:
    query = sa.select(*_COLUMNS).where(tariffs.c.name == name)
    row = conn.execute(query.order_by(tariffs.c.version.desc()).limit(1)).first()
    return None if row is None else _tariff(row)


def get(conn: Connection, name: str, version: int | None = None) -> Tariff:
    """The newest, or the one of that version."""
    query = sa.select(*_COLUMNS).where(tariffs.c.name == name)
    if version is not None:
        query = query.where(tariffs.c.version == version)
    row = conn.execute(query.order_by(tariffs.c.version.desc()).limit(1)).first()
    if row is None:
        which = "" if version is None else f" version {version}"
        raise NotFound(f"There is no tariff {name!r}{which}; `umeter-station tariffs list`.")
    return _tariff(row)


def all_newest(conn: Connection) -> list[Tariff]:
    later = tariffs.alias().c
    newer = sa.exists().where(later.name == tariffs.c.name, later.version > tariffs.c.version)
    rows = conn.execute(sa.select(*_COLUMNS).where(~newer).order_by(tariffs.c.name))
    return [_tariff(row) for row in rows]


def versions(conn: Connection, name: str) -> list[Tariff]:
    """All of one tariff, the newest first."""
    query = sa.select(*_COLUMNS).where(tariffs.c.name == name)
    return [_tariff(row) for row in conn.execute(query.order_by(tariffs.c.version.desc()))]


def assign(
    conn: Connection, meter: str, ch: int, tariff: Tariff, from_s: int, by: str, now_s: int
) -> None:
    known = meters.get(conn, meter)
    if ch != 0:
        meters.check_channel(known, ch)
    values = {"from_s": from_s, "noted_at": now_s, "by": by}
    conn.execute(
        tariff_assignments.insert().values(meter=meter, ch=ch, tariff_id=tariff.id, **values)
    )
    detail = {"tariff": tariff.name, "version": tariff.version, "from_s": from_s}
    acts.note(conn, by, "tariff.assign", f"{meter}/{ch}", detail, now_s)


def assignments(conn: Connection, meter: str) -> list[Assignment]:
    """All that there ever were, the newest first."""
    a = tariff_assignments.c
    rows = conn.execute(
        sa.select(a.id, a.meter, a.ch, tariffs.c.name, tariffs.c.version)
        .add_columns(a.from_s, a.noted_at, a.by)
        .join(tariffs, tariffs.c.id == a.tariff_id)
        .where(a.meter == meter)
        .order_by(a.from_s.desc(), a.id.desc())
    )
    return [Assignment(*row) for row in rows]


def assigned(conn: Connection, meter: str, ch: int, at_s: int) -> Tariff | None:
    """The channel's own, else the meter's."""
    a = tariff_assignments.c
    row = conn.execute(
        sa.select(*_COLUMNS)
        .join(tariff_assignments, a.tariff_id == tariffs.c.id)
        .where(a.meter == meter, a.ch.in_((0, ch)), a.from_s <= at_s)
        .order_by((a.ch == ch).desc(), a.from_s.desc(), a.id.desc())
        .limit(1)
    ).first()
    return None if row is None else _tariff(row)


def given(conn: Connection, name: str, now_s: int) -> list[Assignment]:
    """Where a tariff is in force, in whatever version: by meter and channel."""
    return [each for each in _in_force(conn, now_s) if each.tariff == name]


def counts(conn: Connection, now_s: int) -> dict[str, int]:
    """By tariff: in how many places it is in force, each a meter or one channel."""
    return dict(Counter(each.tariff for each in _in_force(conn, now_s)))


def _in_force(conn: Connection, now_s: int) -> list[Assignment]:
    a, later = tariff_assignments.c, tariff_assignments.alias().c
    newer = sa.exists().where(
        later.meter == a.meter,
        later.ch == a.ch,
        later.from_s <= now_s,
        (later.from_s > a.from_s) | ((later.from_s == a.from_s) & (later.id > a.id)),
    )
    rows = conn.execute(
        sa.select(a.id, a.meter, a.ch, tariffs.c.name, tariffs.c.version)
        .add_columns(a.from_s, a.noted_at, a.by)
        .join(tariffs, tariffs.c.id == a.tariff_id)
        .where(a.from_s <= now_s, ~newer)
        .order_by(a.meter, a.ch)
    )
    return [Assignment(*row) for row in rows]


def settings_of(tariff: Tariff) -> dict[str, Any]:
    """What a meter that shall have it now is ordered to set."""
    return _whole(tariff.document)


def push(
    conn: Connection,
    meter: str,
    ch: int,
    tariff: Tariff,
    by: str,
    now_s: int,
    from_s: int | None = None,
) -> list[int]:
    """Give the channel (0: the whole meter) this tariff from now on, or from a later moment, and
    order it; returns the orders' ids. What the tariff does not say stays as it is at the meter."""
    known = meters.get(conn, meter)
    prefix = f"ch.{ch}." if ch else ""
    if from_s is None or from_s <= now_s:
        from_s, document = now_s, settings_of(tariff)
    elif terms.of(conn, meter, ch, now_s).unit == "kwh":
        document = {}  # What a kWh costs is the station's matter.
    else:
        document = _following(tariff, from_s)
    changes = {prefix + key: value for key, value in document.items()}
    assign(conn, meter, ch, tariff, from_s, by, now_s)
    if not changes:
        return []
    waiting = twin.get(conn, meter).waiting()
    orders = change.plan(known, changes, waiting).orders
    return [twin.order_set(conn, meter, order, now_s, by=by[:64]) for order in orders]


def _whole(document: dict[str, Any]) -> dict[str, Any]:
    """With what ends the prices before: of three ways to say them a meter goes by the first."""
    ended = {key: None for key in ("next_tariff", "tariff") if key not in document}
    return ended | document


def _following(tariff: Tariff, from_s: int) -> dict[str, Any]:
    """As the meter takes over by itself at that moment, with or without the station."""
    document = tariff.document
    price = {"prices": [[document.get("price_u_per_kwh")]]}
    following = document.get("tariff") or price
    if set(document) - {"tariff", "price_u_per_kwh"}:
        raise StationError(
            f"Only prices can be given in advance; send {tariff.name} when it shall begin."
        )
    return {"next_tariff": {**following, "from": from_s}}


def kwh_price_u(conn: Connection, meter: str, ch: int, found: Terms, now_s: int) -> int:
    """What a kWh costs where the meter counts kWh alone: by the tariff that the channel was
    given, else by the price among the meter's settings."""
    given = assigned(conn, meter, ch, now_s)
    price_u = None if given is None else given.document.get("price_u_per_kwh")
    if price_u is None and found.tariff is not None:
        price_u = found.tariff["prices"][0][0]
    if not price_u:
        raise StationError(
            f"What a kWh costs on channel {ch} of {meter} is not known; give it a tariff with"
            " price_u_per_kwh, or set that."
        )
    return price_u
