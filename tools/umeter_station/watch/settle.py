"""What the rules said, made into findings: opened, kept, explained by one another, closed."""

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.models import meters
from umeter_station.models_people import site_meters, sites
from umeter_station.models_watch import finding_marks
from umeter_station.models_watch import findings as table
from umeter_station.sql import insert
from umeter_station.watch import findings, states
from umeter_station.watch.catalog import BY_ID, SEVERITIES, Rule
from umeter_station.watch.findings import Finding
from umeter_station.watch.states import Mark
from umeter_station.watch.window import Sighting

_SITE_METERS = 3  # of fewer none is an outage of all
_KEEP_S = 900  # what is open and seen again is written no more often
_NO_LIMIT = 1_000_000


@dataclass(frozen=True)
class Verdict:
    """What one rule saw of one meter; an empty `seen` says that all is well."""

    meter: str
    rule: Rule
    seen: tuple[Sighting, ...]


@dataclass(frozen=True)
class Outcome:
    """`explained`: of those that are open, how many have another as their cause."""

    opened: int
    closed: int
    open: int
    explained: int


class _Books:
    """The findings that are not closed and the marks, in memory for one transaction."""

    def __init__(self, conn: Connection) -> None:
        self.open: dict[tuple[str, str], dict[int, Finding]] = {}
        self.sites: dict[str, Finding] = {}
        for found in findings.list_(conn, state="current", limit=_NO_LIMIT):
            if found.site:
                self.sites[found.site] = found
            else:
                self.open.setdefault((found.meter, found.rule), {})[found.ch] = found
        self.marks: dict[tuple[str, str], dict[int, Mark]] = {}
        for row in conn.execute(sa.select(finding_marks)):
            mark = Mark(row.bits, row.calm, row.since_s, row.seen_at)
            self.marks.setdefault((row.meter, row.rule), {})[row.ch] = mark


def settle(conn: Connection, verdicts: Iterable[Verdict], now_s: int) -> Outcome:
    """Inside a write transaction."""
    books = _Books(conn)
    opened = closed = 0
    for (meter, name), seen in _merged(verdicts).items():
        key, rule = (meter, name), BY_ID[name]
        for ch in {*seen, *books.open.get(key, ()), *books.marks.get(key, ())}:
            act = _step(conn, books, rule, key, ch, seen.get(ch), now_s)
            opened += act == states.OPEN
            closed += act == states.CLOSE
    _drop_retired(conn, now_s)
    explained, total = _explain(conn, now_s)
    return Outcome(opened, closed, total, explained)


def _merged(verdicts: Iterable[Verdict]) -> dict[tuple[str, str], dict[int, Sighting]]:
    """{(meter, rule): {channel: what was seen}}: a rule that has looked twice, at two paces, has
    one opinion, and what one of its looks has seen is seen."""
    found: dict[tuple[str, str], dict[int, Sighting]] = {}
    for verdict in verdicts:
        seen = found.setdefault((verdict.meter, verdict.rule.id), {})
        for sighting in verdict.seen:
            seen.setdefault(sighting.ch, sighting)
    return found


def _step(
    conn: Connection,
    books: _Books,
    rule: Rule,
    key: tuple[str, str],
    ch: int,
    sighting: Sighting | None,
    now_s: int,
) -> str | None:
    meter = key[0]
    before = books.marks.get(key, {}).get(ch)
    found = books.open.get(key, {}).get(ch)
    if before is None:
        # Another part of the station noted it, or somebody has just closed it.
        before = Mark(seen_at=found.seen_at, since_s=found.since_s) if found else Mark()
    mark, act = states.step(rule, before, found is not None, sighting and sighting.since_s, now_s)
    if act == states.CLOSE and rule.stays and found and found.state == "open":
        act = None
    if sighting is not None and (act == states.OPEN or found):
        severity = sighting.severity or rule.severity
        if act == states.OPEN or _is_news(found, severity, now_s):
            findings.note(
                *(conn, rule.id, meter, ch, sighting.evidence, severity, now_s),
                since_s=mark.since_s,
            )
    if act == states.CLOSE and found:
        findings.over(conn, found.id, now_s)
    _keep_mark(conn, rule, meter, ch, before, mark, bool(found) or act == states.OPEN, act, now_s)
    return act


def _is_news(found: Finding | None, severity: str, now_s: int) -> bool:
    worse = found and SEVERITIES.index(severity) > SEVERITIES.index(found.severity)
    return found is None or bool(worse) or now_s - found.seen_at >= _KEEP_S


def _keep_mark(
    conn: Connection,
    rule: Rule,
    meter: str,
    ch: int,
    before: Mark,
    mark: Mark,
    is_open: bool,
    act: str | None,
    now_s: int,
) -> None:
    m = finding_marks.c
    if act == states.CLOSE or (mark.is_blank and not is_open):
        if before != Mark():
            conn.execute(
                sa.delete(finding_marks).where(m.meter == meter, m.ch == ch, m.rule == rule.id)
            )
        return
    steady = is_open and mark.bits == before.bits and mark.calm == before.calm
    if steady and act is None and now_s - before.seen_at < _KEEP_S:
        return
    values = {name: getattr(mark, name) for name in Mark.__dataclass_fields__}
    conn.execute(
        insert(conn, finding_marks)
        .values(meter=meter, ch=ch, rule=rule.id, **values)
        .on_conflict_do_update(index_elements=["meter", "ch", "rule"], set_=values)
    )


def _drop_retired(conn: Connection, now_s: int) -> None:
    """Nothing is wrong any more with what is no longer there."""
    f = table.c
    query = sa.select(f.id).join(meters, meters.c.meter == f.meter)
    gone = conn.execute(query.where(f.state != "closed", meters.c.retired_at.is_not(None)))
    for finding_id in gone.scalars().all():
        findings.over(conn, finding_id, now_s)


def _explain(conn: Connection, now_s: int) -> tuple[int, int]:
    """Say of each finding what causes it; returns how many have a cause, of how many."""
    at_sites = _sites_out(conn, now_s)
    by_meter: dict[str, list[Finding]] = {}
    for found in findings.list_(conn, state="current", limit=_NO_LIMIT):
        if not found.site:
            by_meter.setdefault(found.meter, []).append(found)
    explained = total = 0
    for meter, those in by_meter.items():
        for found in those:
            cause_id = _cause(found, those)
            if cause_id is None and found.rule == "A02":
                cause_id = at_sites.get(meter)
            findings.explain(conn, found.id, cause_id, now_s)
            explained += cause_id is not None
            total += 1
    return explained, total


def _cause(found: Finding, those: list[Finding]) -> int | None:
    rule = BY_ID.get(found.rule)
    if rule is None or not rule.causes:
        return None
    causes = [
        other.id
        for other in those
        if other.rule in BY_ID and states.explains(BY_ID[other.rule], other.ch, rule, found.ch)
    ]
    return min(causes, default=None)


def _sites_out(conn: Connection, now_s: int) -> dict[str, int]:
    """Where most meters of a house are silent, it is the house: {meter: the site's finding}."""
    query = sa.select(site_meters.c.meter, sites.c.name).join(
        sites, sites.c.id == site_meters.c.site_id
    )
    query = query.join(meters, meters.c.meter == site_meters.c.meter)
    members: dict[str, list[str]] = {}
    for meter, site in conn.execute(query.where(meters.c.retired_at.is_(None))):
        members.setdefault(site, []).append(meter)
    silent = {
        found.meter: found
        for found in findings.list_(conn, state="current", rule="A02", limit=_NO_LIMIT)
        if not found.site
    }
    known = {
        found.site: found
        for found in findings.list_(conn, state="current", rule="A02", limit=_NO_LIMIT)
        if found.site
    }
    told: dict[str, int] = {}
    for site, names in members.items():
        out = [silent[name] for name in names if name in silent]
        out = [found for found in out if "until_s" not in found.evidence]  # it is back
        if len(names) >= _SITE_METERS and len(out) * 2 > len(names):
            evidence = {"silent": len(out), "meters": len(names)}
            since_s = min(found.since_s for found in out)
            finding_id = findings.note(
                *(conn, "A02", "", 0, evidence, "critical", now_s), since_s=since_s, site=site
            )
            if finding_id is not None:
                told |= {found.meter: finding_id for found in out}
        elif site in known:
            findings.over(conn, known[site].id, now_s)
    return told
