"""A release as it is shown: which meters run it, and which would get it."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from sqlalchemy import Connection

from umeter_station import meters as known_meters
from umeter_station.fleet import rollout_plan
from umeter_station.meters import Meter
from umeter_station.releases import Release
from umeter_station.web.fleet.choosing import Meters, Speed

MOST_LINES = 200


@dataclass(frozen=True)
class Line:
    """One meter, what it runs, and why it would be left out, if it would be."""

    meter: str
    is_online: bool
    runs: str
    refusal: str


@dataclass(frozen=True)
class Looked:
    meters: int
    away: int
    left_out: int
    lines: tuple[Line, ...]
    mark: str

    @property
    def taking(self) -> int:
        return self.meters - self.left_out


def looked(release: Release, chosen: Sequence[Meter]) -> Looked:
    seen = rollout_plan.dry_update(chosen, release)
    lines = [
        Line(one.meter, one.presence == "online", _runs(known), one.refusal)
        for known, one in zip(chosen, seen, strict=True)
    ]
    lines.sort(key=lambda line: (not line.refusal, line.meter))
    told = sorted((line.meter, line.runs, line.refusal) for line in lines)
    return Looked(
        meters=len(lines),
        away=sum(not line.is_online for line in lines),
        left_out=sum(bool(line.refusal) for line in lines),
        lines=tuple(lines[:MOST_LINES]),
        mark=hashlib.sha256(repr(told).encode()).hexdigest()[:32],
    )


def _runs(known: Meter) -> str:
    """Empty for a meter that has not told it."""
    status = json.loads(known.status)
    return " ".join(str(status[name]) for name in ("board", "version") if status.get(name))


def running(conn: Connection) -> dict[tuple[str, int], int]:
    """How many meters in service run each release of a board."""
    found: Counter[tuple[str, int]] = Counter()
    for known in known_meters.all_meters(conn):
        status = json.loads(known.status)
        if known.retired_at is None and type(status.get("release")) is int:
            found[status.get("board"), status["release"]] += 1
    return dict(found)


def query(wish: Meters, speed: Speed) -> str:
    told = {"meters": wish.names, "where": wish.where, "site": wish.site, "tariff": wish.tariff}
    told |= {"all": "yes" if wish.all else "", **speed.__dict__}
    return urlencode({name: value for name, value in told.items() if value})
