"""Updates over the air: a release is offered, brought piece by piece, switched to and, if it does
well, kept.

The meter says in each answer which piece it wants next; that causes the next order. So one order
is under way at a time, behind what people order. What the meter has got outlasts cuts and
restarts, on both sides. An order that nobody answered in time is replaced at the next reading.
What became of the trial, the meter tells by events.
"""

import base64
import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_deploy.bundle import Bundle
from umeter_station import meters as known_meters
from umeter_station import orders
from umeter_station.errors import StationError
from umeter_station.messages import Event, Reading
from umeter_station.models import meters
from umeter_station.models_updates import bundle_files, bundles, updates
from umeter_station.orders import Command
from umeter_station.sql import insert

OPEN = ("offered", "fetching", "switching", "trial")
# A token is at most 2048 bytes, and each of base64's layers adds a third.
CHUNK_BYTES = 900
_MOST_STUCK = 5  # pieces in a row that the meter has asked for before
_CLOCKS_APART_S = 60
_TRIAL_S = 660  # of uptime: by then a meter has kept what it tries, or has gone back


@dataclass(frozen=True)
class Update:
    """One meter's way to a release. States: offered, fetching, switching, trial (open); kept,
    back (the meter has returned to what it ran before), failed (`sentence` says why). Of `files`
    the first `want_file` - 1 are there; `since`, Unix seconds: when `state` began."""

    id: int
    meter: str
    manifest: str
    release: int
    state: str
    asked_at: int
    by: str
    since: int
    command_id: int | None
    want_file: int
    want_at: int
    stuck: int
    sentence: str
    files: int

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


def add_bundle(conn: Connection, bundle: Bundle, now_s: int) -> str:
    """Keep a bundle; returns its name. Adding it again changes nothing."""
    row = {
        "manifest": bundle.name,
        "release": bundle.release,
        "version": bundle.version,
        "board": bundle.board,
        "digest": bundle.software,
        "files": len(bundle.files),
        "added_at": now_s,
    }
    added = conn.execute(insert(conn, bundles).values(row).on_conflict_do_nothing())
    if added.rowcount == 1:
        contents = [bundle.manifest, *(content for _, content in bundle.files)]
        conn.execute(
            bundle_files.insert(),
            [
                {"manifest": bundle.name, "file": file, "content": content}
                for file, content in enumerate(contents)
            ],
        )
    return bundle.name


def latest(conn: Connection, meter: str) -> Update | None:
    """The meter's last update, under way or over."""
    u = updates.c
    row = conn.execute(
        sa.select(updates, bundles.c.files)
        .join(bundles, bundles.c.manifest == u.manifest)
        .where(u.meter == meter)
        .order_by(u.id.desc())
        .limit(1)
    ).first()
    return None if row is None else Update(**row._mapping)


def start(conn: Connection, meter: str, manifest: str, now_s: int, by: str = "") -> int:
    """Offer a meter a bundle that was added, and have it brought; returns the update's id, that of
    the one under way if it is the same. StationError if it is not for this meter, or not now."""
    known = known_meters.get(conn, meter)
    bundle = conn.execute(sa.select(bundles).where(bundles.c.manifest == manifest)).one()
    status = json.loads(known.status)
    board, running = status.get("board"), status.get("release")
    if board is not None and board != bundle.board:
        raise StationError(
            f"{meter} is a {board}; make a bundle for it, this is {bundle.board}'s."
        )
    last = latest(conn, meter)
    if last is not None and last.is_open:
        if last.manifest == manifest:
            return last.id
        raise StationError(
            f"{meter} is on its way to release {last.release}; wait for it, or give it up with"
            f" `umeter-station update {meter} --abort`."
        )
    if type(running) is int and running >= bundle.release:
        raise StationError(f"{meter} runs release {running}; a bundle must be newer than that.")
    row = {
        "meter": meter,
        "manifest": manifest,
        "release": bundle.release,
        "state": "offered",
        "asked_at": now_s,
        "by": by,
        "since": now_s,
    }
    update_id = conn.execute(updates.insert().values(row)).inserted_primary_key[0]
    _order(conn, latest(conn, meter), "offer", now_s, **_offer(conn, manifest))
    return update_id


def give_up(conn: Connection, meter: str, now_s: int) -> bool:
    """Bring nothing more, and have the meter throw away what it has got; False if there was no
    update under way. StationError if the meter is trying it already."""
    known_meters.get(conn, meter)
    update = latest(conn, meter)
    if update is None or not update.is_open:
        return False
    if update.state == "trial":
        raise StationError(f"{meter} tries release {update.release}; its trial ends by itself.")
    if update.command_id is not None:
        orders.give_up(conn, update.command_id, now_s)
    orders.place(conn, meter, "update", {"do": "abort"}, now_s, "station")
    _move(conn, update, "failed", now_s, sentence="given up here")
    return True


def data_of(conn: Connection, command: Command) -> dict[str, str]:
    """What a chunk order carries beside its arguments: it is not kept twice."""
    update = updates.alias()
    content = conn.execute(
        sa.select(sa.func.substr(bundle_files.c.content, command.args["at"] + 1, CHUNK_BYTES))
        .join(update, update.c.manifest == bundle_files.c.manifest)
        .where(update.c.meter == command.meter, bundle_files.c.file == command.args["file"])
        .order_by(update.c.id.desc())
        .limit(1)
    ).scalar_one()
    return {"data": base64.b64encode(content).decode()}


def note_answer(conn: Connection, command: Command, document: dict[str, Any], now_s: int) -> None:
    """Go on as the answer to an update or chunk order says, which is settled already."""
    update = latest(conn, command.meter)
    if update is None or update.command_id != command.id or not update.is_open:
        return
    if command.state == "refused":
        why = document.get("reason")
        why = f"{command.code}: {why}" if isinstance(why, str) and why else str(command.code)
        _move(conn, update, "failed", now_s, sentence=why)
    elif command.state == "applied":
        if command.args.get("do") == "switch":
            _move(conn, update, "trial", now_s)
        elif "want" in document:
            _go_on(conn, update, document["want"], document.get("kept"), now_s)
        else:  # it was carried out, and its answer lost: this one tells again
            _order(conn, update, "keep", now_s, file=update.want_file)


def note_event(conn: Connection, meter: str, event: Event, now_s: int) -> None:
    """What the meter tells of a trial."""
    update = latest(conn, meter)
    if update is None or not update.is_open:
        return
    if 0 < event.t < update.asked_at - _CLOCKS_APART_S:
        return  # of an earlier trial, and told late
    if event.code == "update.kept" and event.a == update.release:
        _move(conn, update, "kept", now_s)
    elif event.code == "update.back" and event.b in (0, update.release):
        why = f"release {update.release} did not do well, {event.a} runs again"
        _move(conn, update, "back", now_s, sentence=why)
    elif event.code == "update.switched" and event.a == update.release:
        _move(conn, update, "trial", now_s)


def note_status(conn: Connection, meter: str, now_s: int) -> None:
    """A meter that was to switch, and whose answer was lost, says by its release that it did."""
    update = latest(conn, meter)
    if update is not None and update.state == "switching" and _runs(conn, update):
        _move(conn, update, "trial", now_s)


def note_reading(conn: Connection, meter: str, reading: Reading, now_s: int) -> None:
    """The meter is there: give it what nobody answered in time once more."""
    update = latest(conn, meter)
    if update is None or not update.is_open:
        return
    if update.state == "trial":
        if reading.up_s >= _TRIAL_S and _runs(conn, update):  # its event may be lost
            _move(conn, update, "kept", now_s)
        return
    if update.command_id is not None and orders.get(conn, update.command_id).is_open:
        return
    if update.state == "switching":
        _order(conn, update, "switch", now_s, release=update.release)
    else:
        _order(conn, update, "offer", now_s, **_offer(conn, update.manifest))


def _go_on(conn: Connection, update: Update, want: Any, kept: Any, now_s: int) -> None:
    if want is None:
        update = _move(conn, update, "switching", now_s)
        _order(conn, update, "switch", now_s, release=update.release)
        return
    try:
        file, at = want
        size = _size(conn, update.manifest, file)
        possible = size is not None and type(at) is int and 0 <= at < size
    except (TypeError, ValueError):
        possible = False
    if not possible:
        _move(conn, update, "failed", now_s, sentence="it wants what there is not")
        return
    known = (file, at) <= (update.want_file, update.want_at) and update.state == "fetching"
    stuck = update.stuck + 1 if known else 0
    if stuck >= _MOST_STUCK:
        why = f"it asks for file {file} again and again"
        _move(conn, update, "failed", now_s, sentence=why)
        return
    update = _move(conn, update, "fetching", now_s, want_file=file, want_at=at, stuck=stuck)
    if kept:  # it has found files that need not travel, and there may be more
        _order(conn, update, "keep", now_s, file=file)
    else:
        args = {"file": file, "at": at}
        command_id = orders.place(conn, update.meter, "chunk", args, now_s, "station")
        _keep(conn, update, command_id=command_id)


def _order(conn: Connection, update: Update | None, do: str, now_s: int, **fields: Any) -> None:
    assert update is not None
    command_id = orders.place(conn, update.meter, "update", {"do": do, **fields}, now_s)
    _keep(conn, update, command_id=command_id)


def _offer(conn: Connection, manifest: str) -> dict[str, Any]:
    row = conn.execute(sa.select(bundles).where(bundles.c.manifest == manifest)).one()
    return {
        "release": row.release,
        "board": row.board,
        "manifest": manifest,
        "size": _size(conn, manifest, 0),
        "file": row.files,
    }


def _size(conn: Connection, manifest: str, file: Any) -> int | None:
    """None if there is no such file."""
    if type(file) is not int:
        return None
    f = bundle_files.c
    return conn.execute(
        sa.select(sa.func.length(f.content)).where(f.manifest == manifest, f.file == file)
    ).scalar()


def _runs(conn: Connection, update: Update) -> bool:
    """Does the meter say that it runs just this software?"""
    status = conn.execute(
        sa.select(meters.c.status).where(meters.c.meter == update.meter)
    ).scalar()
    digest = sa.select(bundles.c.digest).where(bundles.c.manifest == update.manifest)
    document = json.loads(status or "{}")
    told = (document.get("release"), document.get("digest"))
    return told == (update.release, conn.execute(digest).scalar())


def _move(conn: Connection, update: Update, state: str, now_s: int, **changes: Any) -> Update:
    since = update.since if state == update.state else now_s
    return _keep(conn, update, state=state, since=since, **changes)


def _keep(conn: Connection, update: Update, **changes: Any) -> Update:
    conn.execute(sa.update(updates).where(updates.c.id == update.id).values(changes))
    return Update(**{**update.__dict__, **changes})
