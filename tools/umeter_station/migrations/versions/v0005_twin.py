"""What settings shall be, numbers of the logs that are asked for again, and pauses of the pull."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def _int(name: str, default: str | None = None) -> sa.Column:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default=default)


def _text(name: str, default: str | None = None) -> sa.Column:
    return sa.Column(name, sa.Text, nullable=False, server_default=default)


def _meter() -> sa.Column:
    return sa.Column("meter", sa.Text, sa.ForeignKey("meters.meter"), primary_key=True)


def _order(nullable: bool) -> sa.Column:
    key = sa.ForeignKey("commands.id")
    return sa.Column("command_id", sa.BigInteger, key, nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "desired",
        _meter(),
        sa.Column("key", sa.Text, primary_key=True),
        _text("value"),
        _int("version"),
        _int("set_at"),
        _text("set_by"),
        _order(nullable=False),
        _int("again", "0"),
        _text("state"),
        _int("since"),
        _text("sentence", ""),
        sa.CheckConstraint("state IN ('waiting', 'applied', 'refused', 'differs')"),
    )
    op.create_table(
        "history_gaps",
        _meter(),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("first_n", sa.BigInteger, primary_key=True, autoincrement=False),
        _int("last_n"),
        _order(nullable=True),
        sa.CheckConstraint("kind IN ('events', 'profile')"),
    )
    op.add_column("histories", _int("newest", "0"))
    op.add_column("histories", _int("paused", "0"))
