"""What is abnormal now, as a page shows it: grouped under its cause, the worst first."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.models import latest_readings, meters
from umeter_station.models_people import site_meters, sites
from umeter_station.watch import catalog, findings
from umeter_station.watch.catalog import SEVERITIES
from umeter_station.watch.findings import Finding
from umeter_station.web.language import gettext as _
from umeter_station.web.watch.evidence import Fact, facts
from umeter_station.web.watch.meaning import meaning

KINDS = {"critical": "bad", "alarm": "bad", "warn": "warn", "info": "quiet"}
STATES = ("current", "open", "acknowledged", "closed")
MOST = 500


@dataclass(frozen=True)
class Shown:
    """A finding in the reader's words. `site`: the name of the house that it is in, or about."""

    found: Finding
    title: str
    place: str
    site: str
    meaning: str
    advice: str
    facts: list[Fact]

    @property
    def kind(self) -> str:
        return KINDS[self.found.severity]


@dataclass
class Group:
    """A finding with those that it explains."""

    cause: Shown
    explained: list[Shown] = field(default_factory=list)


@dataclass(frozen=True)
class Wish:
    """What the reader wants to see: "" is all. `rule` and `state` as in findings.list_."""

    site: str = ""
    rule: str = ""
    state: str = "current"


@dataclass(frozen=True)
class Calm:
    """How things stand when nothing is wrong. `read_at`: when the newest reading came, 0 if none
    ever did."""

    online: int
    offline: int
    unknown: int
    read_at: int


def title(rule: str) -> str:
    text = _(catalog.title(rule))
    return text[:1].upper() + text[1:]


def place(found: Finding) -> str:
    if found.site:
        return _("Site %(name)s") % {"name": found.site}
    if not found.meter:
        return _("The station")
    if not found.ch:
        return found.meter
    return _("%(meter)s, channel %(ch)s") % {"meter": found.meter, "ch": found.ch}


def shown(found: Finding, site: str) -> Shown:
    means, advice = meaning(found.rule)
    return Shown(
        found=found,
        title=title(found.rule),
        place=place(found),
        site=found.site or site,
        meaning=_(means) if means else "",
        advice=_(advice) if advice else "",
        facts=facts(found.evidence),
    )


def site_names(conn: Connection, meters: Iterable[str] | None = None) -> dict[str, str]:
    """{meter: the name of its house}, of all meters or of these."""
    m = site_meters.c
    query = sa.select(m.meter, sites.c.name).join(sites, sites.c.id == m.site_id)
    if meters is not None:
        query = query.where(m.meter.in_(list(meters)))
    return {meter: name for meter, name in conn.execute(query)}


def groups(conn: Connection, wish: Wish) -> list[Group]:
    """At most MOST findings are looked at, the newest of them."""
    found = findings.list_(conn, state=wish.state, rule=wish.rule or None, limit=MOST)
    houses = site_names(conn, {one.meter for one in found if one.meter})
    rows = [shown(one, houses.get(one.meter, "")) for one in found]
    rows = [row for row in rows if wish.site in ("", row.site)]
    return grouped(rows, by_time=wish.state == "closed")


def grouped(rows: list[Shown], by_time: bool = False) -> list[Group]:
    """Pure. The worst first, then what nobody looks after, then the newest; `by_time`: as they
    come. A cause that is not among the rows explains nothing here."""
    known = {row.found.id: row for row in rows}
    made = {}
    for row in rows:
        root = _root(row, known)
        made.setdefault(root.found.id, Group(root))
        if root is not row:
            made[root.found.id].explained.append(row)
    for group in made.values():
        group.explained.sort(key=_order)
    return list(made.values()) if by_time else sorted(made.values(), key=lambda g: _order(g.cause))


def _root(row: Shown, known: dict[int, Shown]) -> Shown:
    met = set()
    while row.found.cause_id in known and row.found.id not in met:
        met.add(row.found.id)
        row = known[row.found.cause_id]
    return row


def _order(row: Shown) -> tuple[Any, ...]:
    found = row.found
    return (-SEVERITIES.index(found.severity), found.state != "open", -found.since_s, -found.id)


def counts(made: list[Group]) -> dict[str, int]:
    """How many causes there are of each severity, the worst first."""
    found = Counter(group.cause.found.severity for group in made)
    return {severity: found[severity] for severity in SEVERITIES[::-1] if found[severity]}


def calm(conn: Connection) -> Calm:
    m = meters.c
    rows = conn.execute(
        sa.select(m.presence, sa.func.count()).where(m.retired_at.is_(None)).group_by(m.presence)
    )
    by = {presence: count for presence, count in rows}
    newest = conn.execute(sa.select(sa.func.max(latest_readings.c.received_at))).scalar()
    of = (by.get(presence, 0) for presence in ("online", "offline", "unknown"))
    return Calm(*of, read_at=newest or 0)
