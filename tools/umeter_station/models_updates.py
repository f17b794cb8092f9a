"""The tables of updates over the air, beside those of models.py."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
)

from umeter_station.models import metadata


def _int(name: str, default: int | None = None) -> Column:
    text = None if default is None else str(default)
    return Column(name, BigInteger, nullable=False, server_default=text)


def _text(name: str, default: str | None = None) -> Column:
    return Column(name, Text, nullable=False, server_default=default)


# Releases for a board, by the SHA-256 of their manifest; `digest` is what a meter that runs it
# tells of its software.
bundles = Table(
    "bundles",
    metadata,
    Column("manifest", Text, primary_key=True),
    _int("release"),
    _text("version"),
    _text("board"),
    _text("digest"),
    _int("files"),
    _int("added_at"),
)

# File 0 is the manifest.
bundle_files = Table(
    "bundle_files",
    metadata,
    Column("manifest", Text, ForeignKey("bundles.manifest"), primary_key=True),
    Column("file", BigInteger, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
)

# `want_file` and `want_at`: the piece that the meter asked for last; `stuck`: so often it asked
# for one that it had asked for before. `since` is when `state` came about.
updates = Table(
    "updates",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("meter", Text, ForeignKey("meters.meter"), nullable=False),
    Column("manifest", Text, ForeignKey("bundles.manifest"), nullable=False),
    _int("release"),
    _text("state"),
    _int("asked_at"),
    _text("by", ""),
    _int("since"),
    Column("command_id", BigInteger, ForeignKey("commands.id")),
    _int("want_file", 0),
    _int("want_at", 0),
    _int("stuck", 0),
    _text("sentence", ""),
    CheckConstraint(
        "state IN ('offered', 'fetching', 'switching', 'trial', 'kept', 'back', 'failed')"
    ),
)
Index("updates_of_meter", updates.c.meter, updates.c.id)
