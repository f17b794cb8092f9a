"""Findings in words, for mails and terminals."""

from collections.abc import Sequence
from typing import Any, Protocol

from umeter_station.amounts import format_u
from umeter_station.watch.catalog import SEVERITIES, title
from umeter_station.words import time_text

_WHAT = {
    "opened": "new",
    "reopened": "again",
    "raised": "worse",
    "released": "new",
    "closed": "over",
}


class Told(Protocol):
    site: str
    meter: str
    ch: int
    rule: str
    severity: str


def place(told: Told) -> str:
    """What it is about."""
    if told.site:
        return f"site {told.site}"
    if not told.meter:
        return "the station"
    return f"{told.meter} channel {told.ch}" if told.ch else told.meter


def evidence_text(evidence: dict[str, Any]) -> str:
    return ", ".join(_fact(name, value) for name, value in evidence.items())


def _fact(name: str, value: Any) -> str:
    if name.endswith("_u") and type(value) is int:
        return f"{name.removesuffix('_u')} {format_u(value)}"
    return f"{name} {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return f"({evidence_text(value)})"
    if isinstance(value, list):
        return " ".join(_value(each) for each in value[:8])
    return str(value)


def subject(items: Sequence[Any]) -> str:
    worst = max(items, key=lambda item: SEVERITIES.index(item.severity))
    line = f"[{worst.severity}] {place(worst)}: {title(worst.rule)}"
    if worst.what == "closed":
        line += " (over)"
    return line if len(items) == 1 else f"{line}, and {len(items) - 1} more"


def text(items: Sequence[Any]) -> str:
    """One paragraph each, times in UTC."""
    parts = []
    for item in items:
        lines = [
            f"{_WHAT[item.what]}, {item.severity}: {title(item.rule)} ({item.rule})",
            f"  {place(item)}, since {time_text(item.since_s)} UTC, finding {item.finding_id}",
        ]
        if item.evidence:
            lines.append(f"  {evidence_text(item.evidence)}")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"
