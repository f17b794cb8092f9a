"""An act as it is shown: where it leads, and what belongs to it in one line."""

import json
import re
from dataclasses import dataclass

from umeter_station.api.export_tables import Row
from umeter_station.people.acts import Act

# What an act is about, and the page of that.
_PAGES = (
    (re.compile(r"meter:([A-Za-z0-9_-]{1,32})"), "/console/meters/{}"),
    (re.compile(r"([A-Za-z0-9_-]{1,32})/\d+"), "/console/meters/{}"),
    (re.compile(r"tenant:(\d+)"), "/console/tenants/{}"),
    (re.compile(r"rollout:(\d+)"), "/console/fleet/rollouts/{}"),
    (re.compile(r"approval:(\d+)"), "/console/approvals"),
    (re.compile(r"person:(\d+)"), "/console/people/{}"),
)


@dataclass(frozen=True)
class Line:
    """`link` leads to what it is about, empty if there is no page of it."""

    act: Act
    detail: tuple[tuple[str, str], ...]
    link: str


def line(act: Act) -> Line:
    found = ((pattern.fullmatch(act.about), path) for pattern, path in _PAGES)
    link = next((path.format(match[1]) for match, path in found if match), "")
    detail = tuple((name, _plain(value)) for name, value in act.detail.items())
    return Line(act, detail, link)


def row(act: Act) -> Row:
    detail = json.dumps(act.detail, ensure_ascii=False, sort_keys=True)
    return act.n, act.at, act.by, act.act, act.about, detail


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
