"""Where a payment or a bank's line goes wrong: a finding, for a person to look at."""

from typing import Any

from sqlalchemy import Connection

# Of the rules: the books and what others say of the same money do not agree.
RULE = "A15"
NO_METER, NO_CHANNEL = "", 0


def note(
    conn: Connection, meter: str | None, ch: int | None, evidence: dict[str, Any], now_s: int
) -> None:
    from umeter_station.watch import findings

    findings.note(conn, RULE, meter or NO_METER, ch or NO_CHANNEL, evidence, "critical", now_s)
