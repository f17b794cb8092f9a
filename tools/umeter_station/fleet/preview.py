"""A change of many meters' settings, tried out on paper: what each would do, and whom it cuts."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import change, change_warnings, orders, readings
from umeter_station.errors import StationError
from umeter_station.meters import Meter
from umeter_station.models import commands, desired, meters


@dataclass(frozen=True)
class Difference:
    """`before` and `after`: in force, with what is on its way to the meter counted as there;
    `own`: what to set to have it as before (None: nothing of its own)."""

    key: str
    before: Any
    after: Any
    own: Any


@dataclass(frozen=True)
class Preview:
    """One meter. `version`: of its settings now. `refusal`: why it would take nothing of this;
    `cuts`: channels that would be cut off as they stand now."""

    meter: str
    presence: str
    kind: str
    version: int
    differences: tuple[Difference, ...] = ()
    warnings: tuple[str, ...] = ()
    cuts: tuple[int, ...] = ()
    refusal: str = ""
    orders: int = 0
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def changes(self) -> bool:
        return any(d.before != d.after for d in self.differences)


def of_all(
    conn: Connection, chosen: Sequence[Meter], changes: Mapping[str, Any], now_s: int
) -> list[Preview]:
    """The same change for all of them."""
    return of_each(conn, chosen, {known.meter: changes for known in chosen}, now_s)


def of_each(
    conn: Connection,
    chosen: Sequence[Meter],
    changes: Mapping[str, Mapping[str, Any]],
    now_s: int,
) -> list[Preview]:
    versions = _versions(conn)
    waiting = _waiting(conn)
    # Meters mostly have the same settings: what they would do is found out once.
    planned: dict[tuple[str, ...], change.Change | StationError] = {}
    found = []
    for known in chosen:
        wanted, on_way = dict(changes[known.meter]), waiting.get(known.meter, {})
        told = json.loads(known.settings)
        told.pop("version", None)
        same = tuple(json.dumps(part) for part in (told, known.channels, on_way, wanted))
        if same not in planned:
            try:
                planned[same] = change.plan(known, wanted, on_way)
            except StationError as error:
                planned[same] = error
        plan = planned[same]
        status = json.loads(known.status)
        about = {
            "meter": known.meter,
            "presence": known.presence,
            "kind": f"{status.get('board')} {status.get('version')}",
            "version": versions[known.meter],
            "values": wanted,
        }
        if isinstance(plan, StationError):
            found.append(Preview(**about, refusal=str(plan)))
            continue
        reading = readings.latest(conn, known.meter)
        rows = reading.channels if reading else []
        found.append(
            Preview(
                **about,
                differences=tuple(_difference(key, plan, told, on_way) for key in wanted),
                warnings=tuple(change_warnings.warnings(known, plan, reading, now_s)),
                cuts=tuple(row["ch"] for row in rows if change_warnings.supply(plan, row)),
                orders=len(plan.orders),
            )
        )
    return found


def _difference(
    key: str, plan: change.Change, told: dict[str, Any], on_way: dict[str, Any]
) -> Difference:
    before = plan.before.value(key)
    return Difference(key, before, plan.after.value(key), own(key, before, told, on_way))


def own(key: str, before: Any, told: dict[str, Any], on_way: dict[str, Any]) -> Any:
    """A channel without a value of its own has none to go back to; the site always has one."""
    return on_way.get(key, told.get(key)) if key.startswith("ch.") else before


def _versions(conn: Connection) -> dict[str, int]:
    rows = conn.execute(sa.select(meters.c.meter, meters.c.settings_version))
    return {meter: version for meter, version in rows}


def _waiting(conn: Connection) -> dict[str, dict[str, Any]]:
    """As Twin.waiting(), for all meters."""
    d, c = desired.c, commands.c
    rows = conn.execute(
        sa.select(d.meter, d.key, d.value)
        .join(commands, c.id == d.command_id)
        .where(d.state == "waiting", c.state.in_(orders.OPEN_STATES))
        .order_by(d.version)
    )
    found: dict[str, dict[str, Any]] = {}
    for meter, key, value in rows:
        found.setdefault(meter, {})[key] = json.loads(value)
    return found
