"""A rollout as it is shown: how far it is, its meters a page at a time, each with its settings."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from umeter_station import change, releases
from umeter_station import meters as known_meters
from umeter_station.fleet import names, rollout_rows
from umeter_station.fleet.facts import Facts
from umeter_station.fleet.rollout_rows import KeyRow, Logged, MeterRow, Progress, Rollout
from umeter_station.update import Update

ROWS = 50
# What the meters of a rollout can be looked through by: a word of the page's, and their states.
VIEWS = {
    "": (),
    "failed": rollout_rows.FAILED,
    "open": ("waiting", "ordered"),
    "applied": ("applied",),
    "other": ("overtaken", "left out"),
}


@dataclass(frozen=True)
class KeyLine:
    """One setting of one meter, in words; `now` and `since` as the meter has it now."""

    key: str
    before: str
    value: str
    now: str
    since: int
    sentence: str


@dataclass(frozen=True)
class MeterLine:
    """`update`: how far a release is with the meter, in a rollout of one."""

    row: MeterRow
    keys: tuple[KeyLine, ...]
    update: Update | None


@dataclass(frozen=True)
class Shown:
    """`differing`: settings that the meters do not have as they were brought, and since when the
    oldest is so (None: all have them)."""

    rollout: Rollout
    what: str
    progress: Progress
    lines: tuple[MeterLine, ...]
    after: str
    differing: int
    differing_since: int | None
    log: tuple[Logged, ...]

    @property
    def over(self) -> int:
        """Meters for which it is decided."""
        return self.progress.meters - self.progress.count("waiting", "ordered")


@dataclass(frozen=True)
class Listed:
    rollout: Rollout
    what: str
    progress: Progress


@dataclass(frozen=True)
class Different:
    """A meter with so many settings that are not as they were set, the oldest since `age_s`."""

    meter: str
    keys: int
    age_s: int


def listed(conn: Connection, limit: int, before_id: int | None = None) -> list[Listed]:
    found = rollout_rows.page(conn, limit, before_id)
    return [Listed(one, what(conn, one), rollout_rows.progress(conn, one.id)) for one in found]


def what(conn: Connection, rollout: Rollout) -> str:
    """What it brings, as it is written everywhere; empty if it goes back from another."""
    if rollout.kind == "update":
        release = releases.get(conn, rollout.payload)
        return f"{release.board} {release.version} ({release.release})"
    settings = ", ".join(f"{k} = {change.shown(k, v)}" for k, v in rollout.payload.items())
    return rollout.template or settings


def shown(conn: Connection, rollout_id: int, view: str = "", after: str = "") -> Shown:
    """`view` is one of VIEWS; `after`: the last meter of the page before. Raises NotFound."""
    rollout = rollout_rows.get(conn, rollout_id)
    found = _page(conn, rollout_id, VIEWS.get(view, ()), after)
    rows = found[:ROWS]
    ids = [row.update_id for row in rows if row.update_id is not None]
    brought = releases.updates_of(conn, ids)
    lines = []
    for row in rows:
        keys = rollout_rows.keys(conn, rollout_id, row.meter) if rollout.kind == "set" else []
        update = None if row.update_id is None else brought.get(row.update_id)
        lines.append(MeterLine(row, tuple(_key(key) for key in keys), update))
    differing = _differing(conn, rollout)
    return Shown(
        rollout=rollout,
        what=what(conn, rollout),
        progress=rollout_rows.progress(conn, rollout_id),
        lines=tuple(lines),
        after=rows[-1].meter if len(found) > ROWS else "",
        differing=len(differing),
        differing_since=min((key.now_since for key in differing), default=None),
        log=tuple(reversed(rollout_rows.logged(conn, rollout_id))),
    )


def _page(conn: Connection, rollout_id: int, states: Sequence[str], after: str) -> list[MeterRow]:
    if len(states) <= 1:
        state = states[0] if states else None
        return rollout_rows.page_meters(conn, rollout_id, ROWS + 1, after, state)
    found = [row for row in rollout_rows.meters(conn, rollout_id, *states) if row.meter > after]
    return sorted(found, key=lambda row: row.meter)[: ROWS + 1]


def _key(key: KeyRow) -> KeyLine:
    before, value = (change.shown(key.key, each) for each in (key.before, key.value))
    return KeyLine(key.key, before, value, key.now, key.now_since, key.sentence)


def _differing(conn: Connection, rollout: Rollout) -> list[KeyRow]:
    if rollout.kind != "set" or rollout.state == "asked":
        return []
    found = rollout_rows.keys(conn, rollout.id)
    return [key for key in found if key.now in ("waiting", "refused", "differs")]


def differences(conn: Connection, now_s: int) -> list[Different]:
    """Of all meters in service, those with the oldest first."""
    chosen = [known for known in known_meters.all_meters(conn) if known.retired_at is None]
    number, age = names.find("differs"), names.find("differs_age")
    facts = Facts(conn, chosen, now_s, (number, age))
    found = []
    for known in chosen:
        look = facts.of(known)
        if look(number):
            found.append(Different(known.meter, look(number), look(age)))
    return sorted(found, key=lambda one: (-one.age_s, one.meter))
