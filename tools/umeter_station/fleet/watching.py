"""What the rules have found of meters, as selecting and rolling out need to know it."""

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import models_watch

CRITICAL = "critical"


def open_findings(conn: Connection) -> dict[str, list[tuple[str, str]]]:
    """{meter: [(rule, severity)]}"""
    f = models_watch.findings.c
    found: dict[str, list[tuple[str, str]]] = {}
    rows = conn.execute(sa.select(f.meter, f.rule, f.severity).where(f.state != "closed"))
    for meter, rule, severity in rows:
        found.setdefault(meter, []).append((rule, severity))
    return found


def critical_since(conn: Connection, meters: Collection[str]) -> dict[str, list[tuple[str, int]]]:
    """{meter: [(rule, when it was opened)]} of the open ones that are critical."""
    f = models_watch.findings.c
    found: dict[str, list[tuple[str, int]]] = {}
    rows = conn.execute(
        sa.select(f.meter, f.rule, f.opened_at).where(
            f.state != "closed", f.severity == CRITICAL, f.meter.in_(meters)
        )
    )
    for meter, rule, at in rows:
        found.setdefault(meter, []).append((rule, at))
    return found
