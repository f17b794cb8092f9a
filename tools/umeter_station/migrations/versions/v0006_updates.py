"""Updates over the air: releases, and how far each meter has come."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def _int(name: str, default: str | None = None) -> sa.Column:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default=default)


def _text(name: str, default: str | None = None) -> sa.Column:
    return sa.Column(name, sa.Text, nullable=False, server_default=default)


def upgrade() -> None:
    op.create_table(
        "bundles",
        sa.Column("manifest", sa.Text, primary_key=True),
        _int("release"),
        _text("version"),
        _text("board"),
        _text("digest"),
        _int("files"),
        _int("added_at"),
    )
    bundle = sa.ForeignKey("bundles.manifest")
    op.create_table(
        "bundle_files",
        sa.Column("manifest", sa.Text, bundle, primary_key=True),
        sa.Column("file", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "updates",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("meter", sa.Text, sa.ForeignKey("meters.meter"), nullable=False),
        sa.Column("manifest", sa.Text, sa.ForeignKey("bundles.manifest"), nullable=False),
        _int("release"),
        _text("state"),
        _int("asked_at"),
        _text("by", ""),
        _int("since"),
        sa.Column("command_id", sa.BigInteger, sa.ForeignKey("commands.id")),
        _int("want_file", "0"),
        _int("want_at", "0"),
        _int("stuck", "0"),
        _text("sentence", ""),
        sa.CheckConstraint(
            "state IN ('offered', 'fetching', 'switching', 'trial', 'kept', 'back', 'failed')"
        ),
    )
    op.create_index("updates_of_meter", "updates", ["meter", "id"])
