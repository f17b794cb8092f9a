"""The releases that are here to be brought to meters, and how far meters are with them."""

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.errors import NotFound
from umeter_station.models_updates import bundles, updates
from umeter_station.update import Update


@dataclass(frozen=True)
class Release:
    """`manifest` is its name, 64 hexadecimal digits; `digest` is what a meter that runs it tells
    of its software."""

    manifest: str
    release: int
    version: str
    board: str
    digest: str
    files: int
    added_at: int


_COLUMNS = [bundles.c[name] for name in Release.__dataclass_fields__]


def newest(conn: Connection) -> list[Release]:
    """All of them, the newest of each board first."""
    b = bundles.c
    query = sa.select(*_COLUMNS).order_by(b.board, b.release.desc(), b.added_at.desc())
    return [Release(*row) for row in conn.execute(query)]


def get(conn: Connection, manifest: str) -> Release:
    query = sa.select(*_COLUMNS).where(bundles.c.manifest == manifest)
    row = conn.execute(query).first()
    if row is None:
        raise NotFound(f"There is no release {manifest[:16]!r} here; add its bundle first.")
    return Release(*row)


def updates_of(conn: Connection, ids: Collection[int]) -> dict[int, Update]:
    """Updates by their ids."""
    return {one.id: one for one in _updates(conn, updates.c.id.in_(ids))} if ids else {}


def latest_updates(conn: Connection, limit: int) -> list[Update]:
    """The newest first."""
    return _updates(conn, sa.true(), limit)


def _updates(conn: Connection, which: sa.ColumnElement, limit: int | None = None) -> list[Update]:
    query = (
        sa.select(updates, bundles.c.files)
        .join(bundles, bundles.c.manifest == updates.c.manifest)
        .where(which)
        .order_by(updates.c.id.desc())
        .limit(limit)
    )
    return [Update(**row._mapping) for row in conn.execute(query)]
