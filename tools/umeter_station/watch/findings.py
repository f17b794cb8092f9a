"""Findings: what is wrong, since when, who looks after it, and what became of it.

Open, acknowledged (somebody knows), closed. There is at most one that is not closed of each site,
meter, channel and rule; all that happens to it is in its history, which is never changed. The
rules open and close them through watching.py; other parts of the station `note` what they find.
"""

import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.errors import NotFound, StationError
from umeter_station.models_watch import finding_history, finding_marks, findings
from umeter_station.people import acts
from umeter_station.watch.catalog import SEVERITIES

STATES = ("open", "acknowledged", "closed")
BY_RULE = "rule"
# One that comes back so soon is the same trouble, not another.
REOPEN_S = 3 * 86_400
_REFRESH_S = 900
_LONGEST = 2000
_f, _h = findings.c, finding_history.c


@dataclass(frozen=True)
class Finding:
    """`cause_id`: the finding that explains this one; nobody is told of it meanwhile. `times`: how
    often it was opened. `evidence`: what its rule saw last."""

    id: int
    site: str
    meter: str
    ch: int
    rule: str
    severity: str
    state: str
    cause_id: int | None
    since_s: int
    opened_at: int
    seen_at: int
    acknowledged_at: int | None
    closed_at: int | None
    quiet_until: int
    times: int
    assignee: str
    evidence: dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """One thing that happened to a finding."""

    id: int
    at: int
    what: str
    by: str
    severity: str
    note: str
    evidence: dict[str, Any]


_COLUMNS = [findings.c[name] for name in Finding.__dataclass_fields__]
_ENTRY = [finding_history.c[name] for name in Entry.__dataclass_fields__]


def note(
    conn: Connection,
    rule: str,
    meter: str,
    ch: int,
    evidence: dict[str, Any],
    severity: str,
    now_s: int,
    *,
    since_s: int | None = None,
    site: str = "",
    by: str = BY_RULE,
) -> int | None:
    """It is so: open a finding, or keep the one that is open up to date, inside the caller's
    write transaction. Returns its id; None if somebody closed it and wants quiet."""
    if severity not in SEVERITIES:
        raise ValueError(f"no severity {severity!r}")
    last = _last(conn, site, meter, ch, rule)
    text = _json(evidence)
    if last is not None and last.state != "closed":
        _refresh(conn, last, text, severity, now_s, by)
        return last.id
    if last is not None and now_s < last.quiet_until:
        return None
    began_s = now_s if since_s is None else since_s
    if last is not None and now_s - (last.closed_at or 0) <= REOPEN_S:
        values = {"state": "open", "opened_at": now_s, "acknowledged_at": None, "closed_at": None}
        values |= {"seen_at": now_s, "severity": severity, "evidence": text, "cause_id": None}
        _change(conn, last.id, **values, times=last.times + 1)
        _log(conn, last.id, "reopened", by, severity, now_s, evidence=text)
        return last.id
    row = {"site": site, "meter": meter, "ch": ch, "rule": rule, "severity": severity}
    times = {"since_s": began_s, "opened_at": now_s, "seen_at": now_s}
    made = conn.execute(findings.insert().values(**row, **times, state="open", evidence=text))
    finding_id = made.inserted_primary_key[0]
    _log(conn, finding_id, "opened", by, severity, now_s, evidence=text)
    return finding_id


def _refresh(
    conn: Connection, last: Finding, text: str, severity: str, now_s: int, by: str
) -> None:
    worse = SEVERITIES.index(severity) > SEVERITIES.index(last.severity)
    if worse:
        _change(conn, last.id, severity=severity, evidence=text, seen_at=now_s)
        _log(conn, last.id, "raised", by, severity, now_s, evidence=text)
    elif now_s - last.seen_at >= _REFRESH_S:
        _change(conn, last.id, evidence=text, seen_at=now_s)


def over(conn: Connection, finding_id: int, now_s: int, by: str = BY_RULE) -> None:
    """It is no longer so."""
    found = get(conn, finding_id)
    if found.state != "closed":
        _change(conn, found.id, state="closed", closed_at=now_s, cause_id=None)
        _log(conn, found.id, "closed", by, found.severity, now_s)


def explain(conn: Connection, finding_id: int, cause_id: int | None, now_s: int) -> None:
    """Another finding explains this one, or (None) no longer does."""
    found = get(conn, finding_id)
    if found.cause_id == cause_id:
        return
    _change(conn, finding_id, cause_id=cause_id)
    if found.cause_id is None or cause_id is None:
        what = "explained" if cause_id else "released"
        text = f"by finding {cause_id}" if cause_id else ""
        _log(conn, finding_id, what, BY_RULE, found.severity, now_s, text)


def acknowledge(
    conn: Connection, finding_id: int, by: str, now_s: int, text: str = "", assignee: str = ""
) -> Finding:
    """Somebody knows of it, and looks after it."""
    found = get(conn, finding_id)
    if found.state != "open":
        raise StationError(f"Finding {finding_id} is {found.state} already.")
    values = {"assignee": _line(assignee)} if assignee else {}
    _change(conn, finding_id, state="acknowledged", acknowledged_at=now_s, **values)
    _log(conn, finding_id, "acknowledged", by, found.severity, now_s, _text(text))
    _act(conn, by, "finding.acknowledge", found, now_s)
    return get(conn, finding_id)


def close(
    conn: Connection, finding_id: int, by: str, now_s: int, text: str = "", quiet_s: int = 86_400
) -> Finding:
    """Somebody has settled it. If the rule sees it still, it opens again, after `quiet_s`."""
    found = get(conn, finding_id)
    if found.state == "closed":
        raise StationError(f"Finding {finding_id} is closed already.")
    if not 0 <= quiet_s <= 366 * 86_400:
        raise StationError("A finding can be kept quiet for a year at the most.")
    until_s = now_s + quiet_s if quiet_s else 0
    _change(conn, finding_id, state="closed", closed_at=now_s, cause_id=None, quiet_until=until_s)
    m = finding_marks.c
    conn.execute(
        sa.delete(finding_marks).where(
            m.meter == found.meter, m.ch == found.ch, m.rule == found.rule
        )
    )
    _log(conn, finding_id, "closed", by, found.severity, now_s, _text(text))
    _act(conn, by, "finding.close", found, now_s)
    return get(conn, finding_id)


def assign(conn: Connection, finding_id: int, assignee: str, by: str, now_s: int) -> Finding:
    """Give it to somebody to look after; '' to nobody."""
    found = get(conn, finding_id)
    _change(conn, finding_id, assignee=_line(assignee))
    _log(conn, finding_id, "assigned", by, found.severity, now_s, _line(assignee))
    _act(conn, by, "finding.assign", found, now_s)
    return get(conn, finding_id)


def remark(conn: Connection, finding_id: int, text: str, by: str, now_s: int) -> None:
    """Write something down about it."""
    found = get(conn, finding_id)
    if not text.strip():
        raise StationError("Write something, or leave it.")
    _log(conn, finding_id, "note", by, found.severity, now_s, _text(text))
    _act(conn, by, "finding.note", found, now_s)


def get(conn: Connection, finding_id: int) -> Finding:
    row = conn.execute(sa.select(*_COLUMNS).where(_f.id == finding_id)).first()
    if row is None:
        raise NotFound(f"There is no finding {finding_id}.")
    return _finding(row)


def list_(
    conn: Connection,
    *,
    state: str | None = None,
    rule: str | None = None,
    meter: str | None = None,
    severity: str | None = None,
    explained: bool | None = None,
    before_id: int | None = None,
    limit: int = 200,
) -> list[Finding]:
    """The newest first. `state`: one of STATES, or "current" for those that are not closed;
    `severity`: this or worse; `explained`: only those with another as their cause, or without."""
    query = sa.select(*_COLUMNS)
    if state is not None:
        query = query.where(_f.state != "closed" if state == "current" else _f.state == state)
    if severity is not None:
        query = query.where(_f.severity.in_(SEVERITIES[SEVERITIES.index(severity) :]))
    if explained is not None:
        query = query.where(_f.cause_id.is_not(None) if explained else _f.cause_id.is_(None))
    for column, value in ((_f.rule, rule), (_f.meter, meter)):
        if value is not None:
            query = query.where(column == value)
    if before_id is not None:
        query = query.where(_f.id < before_id)
    rows = conn.execute(query.order_by(_f.id.desc()).limit(limit))
    return [_finding(row) for row in rows]


def history(conn: Connection, finding_id: int) -> list[Entry]:
    """All that happened to it, the oldest first."""
    rows = conn.execute(sa.select(*_ENTRY).where(_h.finding_id == finding_id).order_by(_h.id))
    return [Entry(*row[:-1], json.loads(row.evidence)) for row in rows]


def _last(conn: Connection, site: str, meter: str, ch: int, rule: str) -> Finding | None:
    row = conn.execute(
        sa.select(*_COLUMNS)
        .where(_f.site == site, _f.meter == meter, _f.ch == ch, _f.rule == rule)
        .order_by(_f.id.desc())
        .limit(1)
    ).first()
    return None if row is None else _finding(row)


def _finding(row: sa.Row) -> Finding:
    return Finding(*row[:-1], json.loads(row.evidence))


def _change(conn: Connection, finding_id: int, **values: Any) -> None:
    conn.execute(sa.update(findings).where(_f.id == finding_id).values(values))


def _log(
    conn: Connection,
    finding_id: int,
    what: str,
    by: str,
    severity: str,
    now_s: int,
    text: str = "",
    evidence: str = "{}",
) -> None:
    row = {"finding_id": finding_id, "at": now_s, "what": what, "by": by, "severity": severity}
    conn.execute(finding_history.insert().values(**row, note=text, evidence=evidence))


def _act(conn: Connection, by: str, act: str, found: Finding, now_s: int) -> None:
    detail = {"rule": found.rule, "meter": found.meter, "ch": found.ch}
    acts.note(conn, by, act, f"finding:{found.id}", detail, now_s)


def _json(evidence: dict[str, Any]) -> str:
    return json.dumps(evidence, separators=(",", ":"))


def _text(text: str) -> str:
    if len(text) > _LONGEST or "\0" in text:
        raise StationError(f"A note has at most {_LONGEST} letters.")
    return text


def _line(text: str) -> str:
    if len(text) > 64 or not (text == "" or text.isprintable()):
        raise StationError("Who looks after it is named in at most 64 printable letters.")
    return text
