"""Tariffs that a rollout brought: noted down for each meter as what it was given.

A rollout knows settings, and no tariffs. Who has which, and by what the past is priced, stands in
the assignments; so whatever of a rollout is a tariff's settings becomes one, from the moment on at
which the meter applied it. A rollout that goes back gives a meter again what it had.
"""

import json

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.desk import tariffs
from umeter_station.desk.tariffs import Tariff
from umeter_station.fleet import rollout_plan
from umeter_station.fleet.rollout_rows import tag_of
from umeter_station.models import order_states
from umeter_station.models_desk import tariff_assignments
from umeter_station.models_fleet import rollout_meters, rollouts

# As long as late answers are taken in, and a little longer.
_LOOK_BACK_S = 10 * 86_400
_r, _m = rollouts.c, rollout_meters.c


def note(conn: Connection, now_s: int) -> int:
    """What is new since the last time; how many meters that is."""
    recent = sa.select(_r.id, _r.payload, _r.rolls_back).where(
        _r.kind == "set", (_r.since > now_s - _LOOK_BACK_S) | _r.state.in_(("running", "paused"))
    )
    found = 0
    for row in conn.execute(recent).all():
        values = json.loads(row.payload)
        if row.rolls_back is None and rollout_plan.is_tariff(values):
            brought = _tariff_of(conn, values)
            found += _note(conn, row, now_s, brought) if brought is not None else 0
        elif row.rolls_back is not None and _is_noted(conn, row.rolls_back):
            found += _note(conn, row, now_s, None)
    return found


def _note(conn: Connection, rollout: sa.Row, now_s: int, brought: Tariff | None) -> int:
    """`brought` None: each meter has again what it had."""
    found = 0
    for meter, at_s in _applied(conn, rollout.id):
        tariff = brought or _had_before(conn, meter, tag_of(rollout.rolls_back))
        if tariff is not None:
            tariffs.assign(conn, meter, 0, tariff, at_s, tag_of(rollout.id), now_s)
            found += 1
    return found


def _is_noted(conn: Connection, rollout_id: int) -> bool:
    """Whether it brought a tariff to any meter."""
    a = tariff_assignments.c
    query = sa.select(a.id).where(a.by == tag_of(rollout_id)).limit(1)
    return conn.execute(query).first() is not None


def _tariff_of(conn: Connection, values: dict) -> Tariff | None:
    """The tariff, in its version, whose settings these are; of those that say the same the
    youngest."""
    for newest in tariffs.all_newest(conn):
        for tariff in tariffs.versions(conn, newest.name):
            if tariffs.settings_of(tariff) == values:
                return tariff
    return None


def _applied(conn: Connection, rollout_id: int) -> list[tuple[str, int]]:
    """(meter, when) of those that have it and for which that is not noted yet. One that has
    fared ill since has it all the same."""
    a, s = tariff_assignments.c, order_states.c
    noted = sa.exists().where(a.meter == _m.meter, a.by == tag_of(rollout_id))
    rows = conn.execute(
        sa.select(_m.meter, sa.func.min(s.at))
        .join(order_states, (s.command_id == _m.command_id) & (s.state == "applied"))
        .where(_m.rollout_id == rollout_id, _m.state.in_(("applied", "unhealthy")), ~noted)
        .group_by(_m.meter)
        .order_by(_m.meter)
    )
    return [(meter, at_s) for meter, at_s in rows]


def _had_before(conn: Connection, meter: str, by: str) -> Tariff | None:
    """Before a rollout brought it another; None if it brought none, or nothing is known."""
    given = [each for each in tariffs.assignments(conn, meter) if each.ch == 0]
    brought = next((each for each in given if each.by == by), None)
    if brought is None:
        return None
    before = next((each for each in given if each.from_s < brought.from_s), None)
    return before and tariffs.get(conn, before.tariff, before.version)
