"""Where a payment or a bank's line goes wrong: a finding, for a person to look at and to close."""

from typing import Any

from sqlalchemy import Connection

from umeter_station.watch import findings

RULE = "R04"


def note(
    conn: Connection, meter: str | None, ch: int | None, evidence: dict[str, Any], now_s: int
) -> None:
    findings.note(conn, RULE, meter or "", ch or 0, evidence, "alarm", now_s)
