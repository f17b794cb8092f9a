"""Rollouts driven on: a state machine in the database, so that a restart forgets nothing.

`step()` looks what the meters of a wave have answered, orders those that are there and were not
ordered yet, and begins the next wave once this one has answered and has been well for long
enough. With more failures than allowed it stops, and orders nothing more until a person decides.
"""

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import orders
from umeter_station.errors import StationError
from umeter_station.fleet import rollout_health, rollout_rows, rollout_set, rollout_update
from umeter_station.fleet.rollout_rows import MeterRow, Rollout
from umeter_station.models import meters
from umeter_station.models_fleet import rollout_meters
from umeter_station.people import acts, approvals

_SYSTEM = "system"
# What moves no more by itself may still get late answers for so long.
_LATE_S = 7 * 86_400


def step(conn: Connection, now_s: int) -> int:
    """Drive every rollout on; returns how many are not over yet. Call it every few seconds."""
    for rollout in rollout_rows.in_states(conn, "asked"):
        _look_at_approval(conn, rollout, now_s)
    for rollout in rollout_rows.in_states(conn, "running", "paused", "stopped", "aborted"):
        if rollout.is_open or now_s - rollout.since < _LATE_S:
            refresh(conn, rollout, now_s)
        if rollout.state == "running":
            _drive(conn, rollout, now_s)
    return len(rollout_rows.in_states(conn, *rollout_rows.OPEN_STATES))


def refresh(conn: Connection, rollout: Rollout, now_s: int) -> None:
    """Take in what the meters have answered so far."""
    one = rollout_set if rollout.kind == "set" else rollout_update
    for row in rollout_rows.meters(conn, rollout.id, "ordered", "silent"):
        one.refresh(conn, rollout, row, now_s)
    if rollout.kind == "set":
        rollout_set.refresh_keys(conn, rollout, now_s)


def _look_at_approval(conn: Connection, rollout: Rollout, now_s: int) -> None:
    assert rollout.approval_id is not None
    asked = approvals.get(conn, rollout.approval_id, now_s)
    if asked.state == "asked":
        return
    if asked.state == "executed":
        rollout_rows.move(conn, rollout.id, "running", now_s, phase_since=now_s)
        rollout_rows.log(conn, rollout.id, asked.decided_by or "", "approved", now_s)
        return
    _end(conn, rollout, "aborted", f"its approval is {asked.state}", _SYSTEM, now_s)


def _drive(conn: Connection, rollout: Rollout, now_s: int) -> None:
    """Wave after wave, until there is something to wait for."""
    while rollout.state == "running":
        rollout_health.judge(conn, rollout, now_s)
        if _too_many_failed(conn, rollout, now_s):
            return
        if rollout.phase == "orders":
            _order_wave(conn, rollout, now_s)
            # A part of a change may have been refused without asking the meter.
            if _too_many_failed(conn, rollout, now_s) or not _is_answered(conn, rollout, now_s):
                return
            rollout = rollout_rows.keep(conn, rollout.id, phase="healthy", phase_since=now_s)
        watched_s = rollout.healthy_s if rollout.wave == 0 else rollout.wave_pause_s
        if rollout_health.someone_is_away(conn, rollout) and watched_s:
            rollout_rows.keep(conn, rollout.id, phase_since=now_s)
            return
        # One that answered late was not there to be watched from the beginning.
        begun_s = max(rollout.phase_since, rollout_health.last_applied(conn, rollout))
        if now_s - begun_s < watched_s:
            return
        rollout = _next_wave(conn, rollout, now_s)


def _too_many_failed(conn: Connection, rollout: Rollout, now_s: int) -> bool:
    progress = rollout_rows.progress(conn, rollout.id)
    if progress.failed * 1_000 <= rollout.failed_permille * progress.ordered:
        return False
    sentence = f"{progress.failed} of {progress.ordered} meters failed"
    _end(conn, rollout, "stopped", sentence, _SYSTEM, now_s)
    return True


def _order_wave(conn: Connection, rollout: Rollout, now_s: int) -> None:
    """Those of this wave, and those of earlier ones that were away; who is away is left for
    later, and in the end left out."""
    one = rollout_set if rollout.kind == "set" else rollout_update
    there = _presence(conn, rollout.id)
    for row in rollout_rows.meters(conn, rollout.id, "waiting"):
        if row.wave > rollout.wave:
            continue
        presence, retired = there[row.meter]
        if retired:
            rollout_rows.put(conn, row, "left out", now_s, "it is retired", away_at=None)
        elif presence == "online":
            one.order(conn, rollout, row, now_s)
        elif now_s >= rollout.give_up_at:
            rollout_rows.put(conn, row, "left out", now_s, "it stayed away", away_at=None)
        elif row.away_at is None:
            rollout_rows.put(conn, row, "waiting", now_s, "it is away", away_at=now_s)


def _presence(conn: Connection, rollout_id: int) -> dict[str, tuple[str, bool]]:
    m = rollout_meters.c
    rows = conn.execute(
        sa.select(m.meter, meters.c.presence, meters.c.retired_at)
        .join(meters, meters.c.meter == m.meter)
        .where(m.rollout_id == rollout_id)
    )
    return {meter: (presence, at is not None) for meter, presence, at in rows}


def _is_answered(conn: Connection, rollout: Rollout, now_s: int) -> bool:
    """Nobody holds up a wave by being away, but a canary does: others go by what it shows. The
    last wave is over when all have come back."""
    under_way = rollout_rows.meters(conn, rollout.id, "waiting", "ordered")
    last = not any(row.wave > rollout.wave for row in under_way)
    for row in under_way:
        if row.wave > rollout.wave:
            continue
        if row.state == "ordered" or row.away_at is None or row.wave == 0 or last:
            return False
    return True


def _next_wave(conn: Connection, rollout: Rollout, now_s: int) -> Rollout:
    if rollout.wave == 0 and not rollout_rows.meters(conn, rollout.id, "applied"):
        sentence = "no canary was left to tell whether it does well"
        return _end(conn, rollout, "stopped", sentence, _SYSTEM, now_s)
    waiting = rollout_rows.meters(conn, rollout.id, "waiting")
    following = min((row.wave for row in waiting if row.wave > rollout.wave), default=None)
    if following is None:
        if waiting:  # They have come back while the wave was watched.
            return rollout_rows.keep(conn, rollout.id, phase="orders", phase_since=now_s)
        return _end(conn, rollout, "done", rollout.sentence, _SYSTEM, now_s)
    rollout_rows.log(conn, rollout.id, _SYSTEM, f"wave {following} begins", now_s)
    return rollout_rows.keep(conn, rollout.id, wave=following, phase="orders", phase_since=now_s)


def _end(
    conn: Connection, rollout: Rollout, state: str, sentence: str, by: str, now_s: int
) -> Rollout:
    moved = rollout_rows.move(conn, rollout.id, state, now_s, sentence=sentence)
    what = f"{state}: {sentence}" if sentence else state
    rollout_rows.log(conn, rollout.id, by, what, now_s)
    acts.note(conn, by, f"rollout.{state}", rollout.tag, {"why": sentence}, now_s)
    if state in ("stopped", "aborted"):
        _take_back(conn, rollout, now_s)
    return moved


def _take_back(conn: Connection, rollout: Rollout, now_s: int) -> None:
    """Send nothing more of what was not answered; an answer all the same is taken in."""
    for row in rollout_rows.meters(conn, rollout.id, "ordered", "silent"):
        if rollout.kind == "update":
            rollout_update.give_up(conn, row, now_s)
        elif row.command_id is not None:
            orders.give_up(conn, row.command_id)


def pause(conn: Connection, rollout_id: int, by: str, now_s: int) -> Rollout:
    """Order nothing more for now; what is ordered goes on."""
    rollout = _in(conn, rollout_id, "paused", "running")
    return _told(conn, rollout, "paused", by, now_s)


def resume(
    conn: Connection, rollout_id: int, by: str, now_s: int, failed_permille: int | None = None
) -> Rollout:
    """Go on; after it has stopped by itself, only with a larger share that may fail."""
    rollout = _in(conn, rollout_id, "resumed", "paused", "stopped")
    share = rollout.failed_permille if failed_permille is None else failed_permille
    now_failed = rollout_rows.progress(conn, rollout_id).failed_permille
    if not 0 <= share <= 1_000 or now_failed > share:
        raise StationError(
            f"{now_failed} per mille of its meters have failed; name a share that may, from that"
            " to 1000, to go on."
        )
    rollout_rows.keep(conn, rollout_id, failed_permille=share, phase_since=now_s, sentence="")
    return _told(conn, rollout, "running", by, now_s)


def abort(conn: Connection, rollout_id: int, by: str, now_s: int) -> Rollout:
    """Order nothing more, and take back what was not answered; what was applied stays so until
    it is rolled back."""
    rollout = _in(conn, rollout_id, "aborted", "asked", "running", "paused", "stopped")
    return _end(conn, rollout, "aborted", "", by, now_s)


def _in(conn: Connection, rollout_id: int, word: str, *states: str) -> Rollout:
    rollout = rollout_rows.get(conn, rollout_id)
    if rollout.state not in states:
        raise StationError(f"Rollout {rollout_id} is {rollout.state}; it cannot be {word}.")
    return rollout


def _told(conn: Connection, rollout: Rollout, state: str, by: str, now_s: int) -> Rollout:
    rollout_rows.log(conn, rollout.id, by, "resumed" if state == "running" else state, now_s)
    acts.note(conn, by, f"rollout.{state}", rollout.tag, {}, now_s)
    return rollout_rows.move(conn, rollout.id, state, now_s)


def approved(conn: Connection, rollout_id: int) -> None:
    """For whom decides: StationError if there is nothing left to approve."""
    rollout = rollout_rows.get(conn, rollout_id)
    if rollout.state != "asked":
        raise StationError(f"Rollout {rollout_id} is {rollout.state}; it waits for no approval.")


__all__ = ["MeterRow", "Rollout", "abort", "approved", "pause", "refresh", "resume", "step"]
