"""Settings under a name: each version stays as it was made; a rollout tells which it brought."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.change import orders_of
from umeter_station.errors import Conflict, NotFound, StationError
from umeter_station.firmware_check import Document
from umeter_station.meters import MAX_CHANNELS
from umeter_station.models_fleet import templates
from umeter_station.people import acts

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}", re.ASCII)
_LONGEST_NOTE = 200


@dataclass(frozen=True)
class Template:
    """`settings`: {key: value} as they are ordered; null takes one back to its default."""

    name: str
    version: int
    settings: dict[str, Any]
    note: str
    made_at: int
    made_by: str

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"


def add(
    conn: Connection,
    name: str,
    settings: Mapping[str, Any],
    note: str,
    by: str,
    now_s: int,
    base_version: int | None = None,
) -> Template:
    """Make its first version, or the next; the same settings again make none. `base_version`: the
    newest that whoever changes it has seen (0: none); Conflict if there is a newer one."""
    if not _NAME.fullmatch(name):
        raise StationError("A template is named by 1 to 32 of a-z, 0-9, - and _.")
    if len(note) > _LONGEST_NOTE or not (note == "" or note.isprintable()):
        raise StationError(f"A note has at most {_LONGEST_NOTE} printable letters.")
    _check(settings)
    newest = find(conn, name)
    version = 0 if newest is None else newest.version
    if base_version is not None and base_version != version:
        who = "" if newest is None else f", by {newest.made_by or 'somebody'}"
        raise Conflict(f"Template {name} has version {version}{who}; look at it again.")
    if newest is not None and newest.settings == dict(settings):
        return newest
    row = {"version": version + 1, "note": note, "made_at": now_s, "made_by": by}
    text = json.dumps(dict(settings), separators=(",", ":"))
    conn.execute(templates.insert().values(name=name, settings=text, **row))
    detail = {"version": version + 1, "settings": dict(settings)}
    acts.note(conn, by, "template.add", name, detail, now_s)
    return get(conn, name)


def _check(settings: Mapping[str, Any]) -> None:
    """As a meter with all channels and its defaults would; its own settings may differ yet."""
    if not settings:
        raise StationError("A template has at least one setting, as report_s=60.")
    document = Document({}, MAX_CHANNELS)
    for order in orders_of(dict(settings)):
        refused = document.apply(order)
        if refused:
            raise StationError("Nothing was kept: " + "; ".join(refused.values()) + ".")


def find(conn: Connection, name: str, version: int | None = None) -> Template | None:
    """The newest version, or a certain one."""
    t = templates.c
    query = sa.select(templates).where(t.name == name).order_by(t.version.desc()).limit(1)
    if version is not None:
        query = query.where(t.version == version)
    row = conn.execute(query).first()
    return None if row is None else _template(row)


def get(conn: Connection, name: str, version: int | None = None) -> Template:
    found = find(conn, name, version)
    if found is None:
        which = name if version is None else f"{name} v{version}"
        names = ", ".join(one.name for one in newest(conn)) or "none yet"
        raise NotFound(f"There is no template {which}; there are: {names}.")
    return found


def parse_name(text: str) -> tuple[str, int | None]:
    """NAME or NAME@VERSION."""
    name, at, version = text.partition("@")
    if at and not (version.isascii() and version.isdigit()):
        raise StationError(f"{text!r} is no template; write NAME, or NAME@2 for its version 2.")
    return name, int(version) if at else None


def newest(conn: Connection) -> list[Template]:
    """Of each template, by name."""
    t, later = templates.c, templates.alias().c
    newer = sa.exists().where(later.name == t.name, later.version > t.version)
    rows = conn.execute(sa.select(templates).where(~newer).order_by(t.name))
    return [_template(row) for row in rows]


def versions(conn: Connection, name: str) -> list[Template]:
    """All of one, the newest first."""
    get(conn, name)
    t = templates.c
    rows = conn.execute(sa.select(templates).where(t.name == name).order_by(t.version.desc()))
    return [_template(row) for row in rows]


def _template(row: sa.Row) -> Template:
    return Template(**{**row._mapping, "settings": json.loads(row.settings)})
