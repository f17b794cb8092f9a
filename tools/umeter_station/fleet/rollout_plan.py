"""Rollouts begun: of settings by key or by template, of a release, and back again."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.errors import Conflict, StationError
from umeter_station.firmware_check import split
from umeter_station.fleet import preview, rollout_rows, waves
from umeter_station.fleet.preview import Preview
from umeter_station.fleet.rollout_rows import OPEN_STATES
from umeter_station.fleet.select import Selection, choose
from umeter_station.fleet.waves import Candidate, Pace
from umeter_station.meters import Meter
from umeter_station.models_fleet import rollout_keys, rollout_meters, rollouts
from umeter_station.models_updates import bundles
from umeter_station.people import acts, approvals

# Settings that change what a customer pays: two people may be needed for them.
TARIFF_KEYS = frozenset(("price_u_per_kwh", "tariff", "next_tariff", "unit"))
_NAMED = 5


@dataclass(frozen=True)
class Consent:
    """What whoever starts it has seen in the dry run and wants all the same. `versions`: of the
    meters' settings there; Conflict if one was changed since."""

    refusals: bool = False
    cuts: bool = False
    versions: Mapping[str, int] | None = None


def dry_run(
    conn: Connection, selection: Selection, changes: Mapping[str, Any], now_s: int
) -> list[Preview]:
    """What the change would do to each meter; nothing is written."""
    _named(changes)
    return preview.of_all(conn, choose(conn, selection, now_s), changes, now_s)


def start_set(
    conn: Connection,
    selection: Selection,
    changes: Mapping[str, Any],
    pace: Pace,
    by: str,
    now_s: int,
    consent: Consent | None = None,
    template: str = "",
) -> int:
    """Bring settings to the chosen meters; returns the rollout's id. What begins it, and goes on
    with it, is rollouts.step()."""
    seen = dry_run(conn, selection, changes, now_s)
    _consented(seen, consent or Consent())
    return _start(conn, selection, dict(changes), seen, pace, by, now_s, template=template)


def start_update(
    conn: Connection, selection: Selection, manifest: str, pace: Pace, by: str, now_s: int
) -> int:
    """Bring the chosen meters a release that was added (update.add_bundle)."""
    bundle = conn.execute(sa.select(bundles).where(bundles.c.manifest == manifest)).first()
    if bundle is None:
        raise StationError(f"There is no release {manifest[:16]!r} here; add its bundle first.")
    seen = dry_update(choose(conn, selection, now_s), bundle)
    return _start(conn, selection, manifest, seen, pace, by, now_s, kind="update")


def dry_update(chosen: Sequence[Meter], bundle: Any) -> list[Preview]:
    """Which would be left out by a release, a row of bundles or what has its columns."""
    return [_would_update(known, bundle) for known in chosen]


def _would_update(known: Meter, bundle: Any) -> Preview:
    """One of another board, or that has it, is left out and not failed."""
    status = json.loads(known.status)
    board, running = status.get("board"), status.get("release")
    refusal = ""
    if board is not None and board != bundle.board:
        refusal = f"it is a {board}, the release is for {bundle.board}"
    elif type(running) is int and running >= bundle.release:
        refusal = f"it runs release {running} already"
    kind = f"{board} {status.get('version')}"
    return Preview(known.meter, known.presence, kind, 0, refusal=refusal)


def roll_back(conn: Connection, rollout_id: int, by: str, now_s: int, pace: Pace) -> int:
    """Order the values of before, key by key, where nobody has set another since; returns the id
    of the rollout that does it."""
    rollout = rollout_rows.get(conn, rollout_id)
    if rollout.kind == "update":
        raise StationError("A release gives way to a newer one only; make one, and bring that.")
    if rollout.state in ("asked", "running", "paused"):
        raise StationError(f"Rollout {rollout_id} is {rollout.state}; abort it first.")
    back: dict[str, dict[str, Any]] = {}
    changed = 0
    for key in rollout_rows.keys(conn, rollout_id):
        if key.now == "overtaken":
            changed += key.state not in ("planned", "overtaken")
        elif key.now in ("waiting", "applied", "differs"):
            back.setdefault(key.meter, {})[key.key] = key.before
    if not back:
        raise StationError(f"Nothing of rollout {rollout_id} is in force any more, or ever was.")
    selection = Selection(names=tuple(sorted(back)))
    seen = preview.of_each(conn, choose(conn, selection, now_s), back, now_s)
    sentence = f"{changed} settings were changed since and stay" if changed else ""
    return _start(
        conn, selection, {}, seen, pace, by, now_s, rolls_back=rollout_id, sentence=sentence
    )


def _named(changes: Mapping[str, Any]) -> None:
    if not changes:
        raise StationError("Name at least one setting, as price_u_per_kwh=250000.")


def _consented(seen: Sequence[Preview], consent: Consent) -> None:
    refused = [one for one in seen if one.refusal]
    cut = [one for one in seen if one.cuts]
    if refused and not consent.refusals:
        raise StationError(
            f"{len(refused)} of {len(seen)} meters would refuse it ({_some(refused)}):"
            f" {refused[0].refusal} Leave them out by consenting to that."
        )
    if cut and not consent.cuts:
        raise StationError(
            f"Customers of {len(cut)} meters would be cut off ({_some(cut)}); look at the dry run,"
            " and consent to that if it is meant."
        )
    if consent.versions is not None:
        # Also a meter that was not seen: what the selection means may have changed.
        moved = [one for one in seen if consent.versions.get(one.meter) != one.version]
        if moved:
            raise Conflict(
                f"The settings of {_some(moved)} were changed since they were looked at; look at"
                " them again."
            )


def _some(seen: Sequence[Preview]) -> str:
    names = ", ".join(one.meter for one in seen[:_NAMED])
    return names + (f" and {len(seen) - _NAMED} more" if len(seen) > _NAMED else "")


def _start(
    conn: Connection,
    selection: Selection,
    payload: Any,
    seen: Sequence[Preview],
    pace: Pace,
    by: str,
    now_s: int,
    kind: str = "set",
    template: str = "",
    rolls_back: int | None = None,
    sentence: str = "",
) -> int:
    taking = [one for one in seen if not one.refusal]
    if not taking:
        why = seen[0].refusal if seen else f"no meter is chosen by {selection}"
        raise StationError(f"There is no meter to do this to: {why.rstrip('.')}.")
    _alone(conn, taking, kind)
    values = {key: value for one in taking for key, value in one.values.items()}
    row = {
        "kind": kind,
        "selection": str(selection),
        "payload": json.dumps(payload, separators=(",", ":")),
        "template": template,
        "made_at": now_s,
        "by": by,
        "healthy_s": pace.healthy_s,
        "wave_pause_s": pace.wave_pause_s,
        "answer_s": pace.answer_s,
        "failed_permille": pace.failed_permille,
        "give_up_at": now_s + pace.give_up_s,
        "state": "running",
        "since": now_s,
        "phase_since": now_s,
        "rolls_back": rolls_back,
        "sentence": sentence,
    }
    rollout_id = conn.execute(rollouts.insert().values(row)).inserted_primary_key[0]
    _keep_meters(conn, rollout_id, seen, pace, now_s)
    detail = {"selection": str(selection), "meters": len(taking), "values": values}
    acts.note(conn, by, f"rollout.{kind}", rollout_rows.tag_of(rollout_id), detail, now_s)
    rollout_rows.log(conn, rollout_id, by, "started", now_s)
    if is_tariff(values) and approvals.needed(conn, "tariff"):
        asked = approvals.ask(conn, "tariff", {"rollout_id": rollout_id, **detail}, by, now_s)
        rollout_rows.move(conn, rollout_id, "asked", now_s, approval_id=asked)
        rollout_rows.log(conn, rollout_id, by, f"waits for approval {asked}", now_s)
    return rollout_id


def is_tariff(keys: Mapping[str, Any]) -> bool:
    return any(split(key)[1] in TARIFF_KEYS for key in keys)


def _alone(conn: Connection, taking: Sequence[Preview], kind: str) -> None:
    """Two rollouts that bring the same to the same meters would undo each other."""
    mine = {(one.meter, key) for one in taking for key in (one.values or [""])}
    m, k, r = rollout_meters.c, rollout_keys.c, rollouts.c
    busy = (
        sa.select(r.id, m.meter, sa.func.coalesce(k.key, ""))
        .join(rollout_meters, m.rollout_id == r.id)
        .outerjoin(rollout_keys, (k.rollout_id == r.id) & (k.meter == m.meter))
        .where(r.state.in_(OPEN_STATES), r.kind == kind, m.state.in_(("waiting", "ordered")))
    )
    for rollout_id, meter, key in conn.execute(busy):
        if (meter, key) in mine:
            what = f"{key} of {meter}" if key else meter
            raise Conflict(f"Rollout {rollout_id} still has to do with {what}; end it first.")


def _keep_meters(
    conn: Connection, rollout_id: int, seen: Sequence[Preview], pace: Pace, now_s: int
) -> None:
    taking = [one for one in seen if not one.refusal]
    candidates = [Candidate(one.meter, one.presence == "online", one.kind) for one in taking]
    wave = waves.assign(candidates, pace)
    rows = [
        {
            "rollout_id": rollout_id,
            "meter": one.meter,
            "wave": wave.get(one.meter, 0),
            "base_version": one.version,
            "state": "left out" if one.refusal else "waiting",
            "since": now_s,
            "sentence": one.refusal,
        }
        for one in seen
    ]
    conn.execute(rollout_meters.insert(), rows)
    first = min(wave.values())
    conn.execute(sa.update(rollouts).where(rollouts.c.id == rollout_id).values(wave=first))
    keys = [
        {
            "rollout_id": rollout_id,
            "meter": one.meter,
            "key": d.key,
            "position": position,
            "before": json.dumps(d.own, separators=(",", ":")),
            "value": json.dumps(one.values[d.key], separators=(",", ":")),
            "since": now_s,
        }
        for one in taking
        for position, d in enumerate(one.differences)
    ]
    if keys:
        conn.execute(rollout_keys.insert(), keys)
