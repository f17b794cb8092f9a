"""What expressions ask about meters, looked up for all of them in as few questions as can be."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import orders
from umeter_station.fleet import watching
from umeter_station.fleet.names import Name
from umeter_station.fleet.twins import in_force
from umeter_station.meters import MAX_CHANNELS, Meter
from umeter_station.models import commands, desired, latest_readings
from umeter_station.models_fleet import meter_labels
from umeter_station.models_people import site_meters, sites

_STATUS = ("board", "version", "release")


class Facts:
    """Of `meters`, as they are at `now_s`; `names`: what will be asked for."""

    def __init__(
        self, conn: Connection, meters: Iterable[Meter], now_s: int, names: Iterable[Name]
    ) -> None:
        self._now_s = now_s
        asked = {(name.source, name.key) for name in names}
        sources = {source for source, _ in asked}
        keys = {key for source, key in asked if source == "field"}
        self._labels = _labels(conn) if "label" in sources else {}
        self._sites = _sites(conn) if "site" in keys else {}
        self._desired = _desired(conn) if "desired" in sources else {}
        self._read_at = _read_at(conn) if "reading_age" in keys else {}
        self._orders = _open_orders(conn) if "orders" in keys else {}
        of_findings = keys & {"findings", "critical", "finding"}
        self._findings = watching.open_findings(conn) if of_findings else {}
        self._differs = _differs(conn) if keys & {"differs", "differs_age"} else {}

    def of(self, meter: Meter) -> Callable[[Name], Any]:
        """What looks a name up for this meter."""
        read: dict[str, dict[str, Any]] = {}

        def document(name: str) -> dict[str, Any]:
            if name not in read:
                read[name] = json.loads(getattr(meter, name))
            return read[name]

        def look(name: Name) -> Any:
            if name.source == "field":
                return self._field(meter, name.key, document)
            if name.source == "label":
                return self._labels.get((meter.meter, name.key))
            if name.source == "status":
                return document("status").get(name.key)
            if name.source == "setting":
                return _of_channels(
                    meter, name, lambda ch: in_force(document("settings"), name.key, ch)
                )
            told = (
                self._desired.get(meter.meter, {})
                if name.source == "desired"
                else document("settings")
            )
            return _of_channels(meter, name, lambda ch: told.get(key_of(name.key, ch)))

        return look

    def _field(self, meter: Meter, key: str, document: Callable[[str], dict[str, Any]]) -> Any:
        if key in ("meter", "presence", "boot", "channels"):
            return getattr(meter, key)
        if key in _STATUS:
            return document("status").get(key)
        if key == "site":
            return self._sites.get(meter.meter)
        if key == "seen":
            return self._now_s - meter.seen_at if meter.seen_at else None
        if key == "reading_age":
            read_at = self._read_at.get(meter.meter)
            return None if read_at is None else self._now_s - read_at
        if key == "settings_version":
            return document("settings").get("version")
        if key == "orders":
            return self._orders.get(meter.meter, 0)
        if key in ("differs", "differs_age"):
            number, since = self._differs.get(meter.meter, (0, None))
            return number if key == "differs" else since and self._now_s - since
        rules = self._findings.get(meter.meter, ())
        if key == "finding":
            return frozenset(rule for rule, _ in rules)
        return sum(key == "findings" or severity == "critical" for _, severity in rules)


def key_of(key: str, ch: int | None) -> str:
    return key if ch is None else f"ch.{ch}.{key}"


def _of_channels(meter: Meter, name: Name, one: Callable[[int | None], Any]) -> Any:
    """A list of them for any channel."""
    if name.ch != 0:
        return one(name.ch)
    return [one(ch) for ch in range(1, min(meter.channels, MAX_CHANNELS) + 1)]


def _labels(conn: Connection) -> dict[tuple[str, str], str]:
    return {(row.meter, row.name): row.value for row in conn.execute(sa.select(meter_labels))}


def _sites(conn: Connection) -> dict[str, str]:
    rows = conn.execute(
        sa.select(site_meters.c.meter, sites.c.name).join(
            sites, sites.c.id == site_meters.c.site_id
        )
    )
    return {meter: name for meter, name in rows}


def _desired(conn: Connection) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for meter, key, value in conn.execute(
        sa.select(desired.c.meter, desired.c.key, desired.c.value)
    ):
        found.setdefault(meter, {})[key] = json.loads(value)
    return found


def _read_at(conn: Connection) -> dict[str, int]:
    r = latest_readings.c
    rows = conn.execute(sa.select(r.meter, r.received_at))
    return {meter: at for meter, at in rows}


def _open_orders(conn: Connection) -> dict[str, int]:
    c = commands.c
    rows = conn.execute(
        sa.select(c.meter, sa.func.count())
        .where(c.state.in_(orders.OPEN_STATES), c.op != "history")
        .group_by(c.meter)
    )
    return {meter: number for meter, number in rows}


def _differs(conn: Connection) -> dict[str, tuple[int, int]]:
    d = desired.c
    rows = conn.execute(
        sa.select(d.meter, sa.func.count(), sa.func.min(d.since))
        .where(d.state != "applied")
        .group_by(d.meter)
    )
    return {meter: (number, since) for meter, number, since in rows}
