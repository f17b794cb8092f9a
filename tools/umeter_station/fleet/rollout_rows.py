"""Rollouts as they are kept: read, and moved from one state to the next."""

import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.errors import NotFound
from umeter_station.models import desired
from umeter_station.models_fleet import (
    rollout_keys,
    rollout_log,
    rollout_meters,
    rollouts,
)

OPEN_STATES = ("asked", "running", "paused")
# Of a meter's: these were ordered and went wrong.
FAILED = ("refused", "silent", "unhealthy")
ORDERED = ("ordered", "applied", *FAILED)


def tag_of(rollout_id: int) -> str:
    """Who sets the settings of a rollout, as their twins tell it, and gives what it brings."""
    return f"rollout:{rollout_id}"


@dataclass(frozen=True)
class Rollout:
    """States: asked (for another person's approval), running, paused, stopped (by itself: too
    many failed), aborted, done. `phase`: orders while the meters of `wave` answer, then healthy
    while they are watched. `failed_permille`: beyond that share it stops."""

    id: int
    kind: str
    selection: str
    payload: Any
    template: str
    made_at: int
    by: str
    healthy_s: int
    wave_pause_s: int
    answer_s: int
    failed_permille: int
    give_up_at: int
    state: str
    since: int
    wave: int
    phase: str
    phase_since: int
    approval_id: int | None
    rolls_back: int | None
    sentence: str

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES

    @property
    def tag(self) -> str:
        return tag_of(self.id)


@dataclass(frozen=True)
class MeterRow:
    """States: waiting (for its wave, or away), ordered, applied; refused, silent (no answer in
    time), unhealthy (a critical finding since, or gone); overtaken (somebody else changed it
    since the plan), left out (it would refuse, was retired, or stayed away)."""

    rollout_id: int
    meter: str
    wave: int
    base_version: int
    state: str
    since: int
    part: int
    command_id: int | None
    update_id: int | None
    ordered_at: int | None
    away_at: int | None
    sentence: str


@dataclass(frozen=True)
class KeyRow:
    """One setting of one meter. `before`: what to set to have it as it was. `state` and `since`
    as the rollout saw it last; `now` as it is with the meter now, `now_since` that long: planned,
    waiting, applied, refused, differs, or overtaken by somebody else."""

    meter: str
    key: str
    before: Any
    value: Any
    state: str
    since: int
    sentence: str
    now: str
    now_since: int


@dataclass(frozen=True)
class Logged:
    at: int
    by: str
    what: str


@dataclass(frozen=True)
class Progress:
    """How many meters are in each state; of those that were ordered, `failed_permille` failed."""

    meters: int
    states: dict[str, int]
    waves: int

    def count(self, *states: str) -> int:
        return sum(self.states.get(state, 0) for state in states)

    @property
    def ordered(self) -> int:
        return self.count(*ORDERED)

    @property
    def failed(self) -> int:
        return self.count(*FAILED)

    @property
    def failed_permille(self) -> int:
        """Rounded up, so that it is 0 only if none failed."""
        return -(-self.failed * 1_000 // self.ordered) if self.ordered else 0


def get(conn: Connection, rollout_id: int) -> Rollout:
    row = conn.execute(sa.select(rollouts).where(rollouts.c.id == rollout_id)).first()
    if row is None:
        raise NotFound(f"There is no rollout {rollout_id}; see `fleet rollouts`.")
    return Rollout(**{**row._mapping, "payload": json.loads(row.payload)})


def page(conn: Connection, limit: int, before_id: int | None = None) -> list[Rollout]:
    """The newest first; with `before_id` those that are older."""
    r = rollouts.c
    query = sa.select(r.id).order_by(r.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(r.id < before_id)
    return [get(conn, rollout_id) for rollout_id in conn.execute(query).scalars().all()]


def in_states(conn: Connection, *states: str) -> list[Rollout]:
    r = rollouts.c
    ids = conn.execute(sa.select(r.id).where(r.state.in_(states)).order_by(r.id)).scalars().all()
    return [get(conn, rollout_id) for rollout_id in ids]


def meters(conn: Connection, rollout_id: int, *states: str) -> list[MeterRow]:
    m = rollout_meters.c
    query = sa.select(rollout_meters).where(m.rollout_id == rollout_id)
    if states:
        query = query.where(m.state.in_(states))
    return [MeterRow(**row._mapping) for row in conn.execute(query.order_by(m.wave, m.meter))]


def page_meters(
    conn: Connection, rollout_id: int, limit: int, after: str = "", state: str | None = None
) -> list[MeterRow]:
    """By name, those behind `after`."""
    m = rollout_meters.c
    query = sa.select(rollout_meters).where(m.rollout_id == rollout_id, m.meter > after)
    if state is not None:
        query = query.where(m.state == state)
    rows = conn.execute(query.order_by(m.meter).limit(limit))
    return [MeterRow(**row._mapping) for row in rows]


def keys(
    conn: Connection, rollout_id: int, meter: str | None = None, changed: bool = False
) -> list[KeyRow]:
    """`changed`: only those whose state is no longer the one that is kept."""
    k, d = rollout_keys.c, desired.c
    tag = tag_of(rollout_id)
    query = (
        sa.select(rollout_keys, d.set_by, d.state.label("now"), d.since.label("now_since"))
        .outerjoin(desired, (d.meter == k.meter) & (d.key == k.key))
        .where(k.rollout_id == rollout_id)
        .order_by(k.meter, k.position)
    )
    if meter is not None:
        query = query.where(k.meter == meter)
    if changed:
        ours = (d.set_by == tag) & (d.state != k.state)
        lost = (d.set_by != tag) & k.state.not_in(("planned", "overtaken"))
        query = query.where(ours | lost)
    found = []
    for row in conn.execute(query):
        ours = row.set_by == tag
        planned = row.state == "planned" and not ours
        now = row.now if ours else "planned" if planned else "overtaken"
        found.append(
            KeyRow(
                meter=row.meter,
                key=row.key,
                before=json.loads(row.before),
                value=json.loads(row.value),
                state=row.state,
                since=row.since,
                sentence=row.sentence,
                now=now,
                now_since=row.now_since if ours else row.since,
            )
        )
    return found


def progress(conn: Connection, rollout_id: int) -> Progress:
    m = rollout_meters.c
    mine = m.rollout_id == rollout_id
    rows = conn.execute(sa.select(m.state, sa.func.count()).where(mine).group_by(m.state)).all()
    waves = conn.execute(sa.select(sa.func.count(m.wave.distinct())).where(mine)).scalar_one()
    states = {state: number for state, number in rows}
    return Progress(sum(states.values()), states, waves)


def log(conn: Connection, rollout_id: int, by: str, what: str, now_s: int) -> None:
    row = {"rollout_id": rollout_id, "at": now_s, "by": by, "what": what}
    conn.execute(rollout_log.insert().values(row))


def logged(conn: Connection, rollout_id: int) -> list[Logged]:
    """What was done to it and what it did by itself, oldest first."""
    x = rollout_log.c
    rows = conn.execute(
        sa.select(x.at, x.by, x.what).where(x.rollout_id == rollout_id).order_by(x.id)
    )
    return [Logged(*row) for row in rows]


def move(conn: Connection, rollout_id: int, state: str, now_s: int, **values: Any) -> Rollout:
    conn.execute(
        sa.update(rollouts)
        .where(rollouts.c.id == rollout_id)
        .values(state=state, since=now_s, **values)
    )
    return get(conn, rollout_id)


def keep(conn: Connection, rollout_id: int, **values: Any) -> Rollout:
    conn.execute(sa.update(rollouts).where(rollouts.c.id == rollout_id).values(values))
    return get(conn, rollout_id)


def put(
    conn: Connection, row: MeterRow, state: str, now_s: int, sentence: str = "", **values: Any
) -> None:
    """What became of a meter; `since` moves only with the state."""
    m = rollout_meters.c
    if state != row.state:
        values["since"] = now_s
    conn.execute(
        sa.update(rollout_meters)
        .where(m.rollout_id == row.rollout_id, m.meter == row.meter)
        .values(state=state, sentence=sentence, **values)
    )
