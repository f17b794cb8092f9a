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
from umeter_station.table_columns import int_column, text_column

# Releases for a board, by the SHA-256 of their manifest; `digest` is what a meter that runs it
# tells of its software.
bundles = Table(
    "bundles",
    metadata,
    Column("manifest", Text, primary_key=True),
    int_column("release"),
    text_column("version"),
    text_column("board"),
    text_column("digest"),
    int_column("files"),
    int_column("added_at"),
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
    int_column("release"),
    text_column("state"),
    int_column("asked_at"),
    text_column("by", ""),
    int_column("since"),
    Column("command_id", BigInteger, ForeignKey("commands.id")),
    int_column("want_file", 0),
    int_column("want_at", 0),
    int_column("stuck", 0),
    text_column("sentence", ""),
    CheckConstraint(
        "state IN ('offered', 'fetching', 'switching', 'trial', 'kept', 'back', 'failed')"
    ),
)
Index("updates_of_meter", updates.c.meter, updates.c.id)
