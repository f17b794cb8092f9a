"""What a meter is, apart from what it measures: its settings, its software, how far its logs are
here and whether they can be believed."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from umeter_station import audit, change, pulling, twin, update
from umeter_station.audit import Verdict
from umeter_station.fleet import select
from umeter_station.meters import Meter
from umeter_station.pulling import Progress
from umeter_station.twin import Twin
from umeter_station.update import Update
from umeter_station.web.language import gettext as _


def say(text: str) -> str:
    """Marks a text that is translated when it is shown."""
    return text


_DESIRED: dict[str, tuple[str, str]] = {
    "applied": (say("as desired"), "good"),
    "waiting": (say("not answered yet"), "warn"),
    "refused": (say("refused"), "bad"),
    "differs": (say("differs"), "bad"),
}
_UPDATES: dict[str, tuple[str, str]] = {
    "offered": (say("offered"), "quiet"),
    "fetching": (say("fetching"), "quiet"),
    "switching": (say("switching"), "warn"),
    "trial": (say("on trial"), "warn"),
    "kept": (say("kept"), "good"),
    "back": (say("went back to the release before"), "bad"),
    "failed": (say("failed"), "bad"),
}
_LONGEST = 400


@dataclass(frozen=True)
class Setting:
    """One key. `desired` None: nobody ordered it; `since_s`: since when it is not as desired."""

    key: str
    desired: str | None
    reported: str
    state: str
    kind: str
    since_s: int | None
    set_by: str
    set_at: int | None
    sentence: str


@dataclass(frozen=True)
class State:
    """`chain` None: not for the reader."""

    status: dict[str, Any]
    labels: dict[str, str]
    update: Update | None
    update_state: str
    update_kind: str
    logs: list[Progress]
    chain: Verdict | None


def settings(conn: Connection, meter: str) -> tuple[Twin, list[Setting]]:
    """(the twin, its keys: those that are not as desired first)"""
    found = twin.get(conn, meter)
    rows = []
    for row in found.desired:
        word, kind = _DESIRED[row.state]
        rows.append(
            Setting(
                key=row.key,
                desired=_text(row.key, row.value),
                reported=_reported(found, row.key),
                state=_(word),
                kind=kind,
                since_s=None if row.state == "applied" else row.since,
                set_by=row.set_by,
                set_at=row.set_at,
                sentence=row.sentence,
            )
        )
    rows.sort(key=lambda row: (row.since_s is None, row.key))
    ordered = {row.key for row in rows}
    rest = sorted(key for key in found.reported if key not in ordered and key != "version")
    rows += [
        Setting(key, None, _reported(found, key), "", "quiet", None, "", None, "") for key in rest
    ]
    return found, rows


def state(conn: Connection, known: Meter, with_audit: bool) -> State:
    newest = update.latest(conn, known.meter)
    word, kind = _UPDATES[newest.state] if newest else ("", "quiet")
    return State(
        status=json.loads(known.status),
        labels=select.labels_of(conn, known.meter),
        update=newest,
        update_state=_(word) if word else "",
        update_kind=kind,
        logs=pulling.progress(conn, known.meter),
        chain=audit.verify(conn, known.meter) if with_audit else None,
    )


def _reported(found: Twin, key: str) -> str:
    return _text(key, found.reported[key]) if key in found.reported else "–"


def _text(key: str, value: Any) -> str:
    if value is None:
        return _("its default")
    text = value if isinstance(value, str) else change.shown(key, value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
