"""What meters keep in their logs: audit records, intervals, and how far each was pulled."""

import sqlalchemy as sa
from alembic import op

from umeter_station.migrations.append_only import append_only

revision = "0002"
down_revision = "0001"


def _ints(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


def _meter() -> sa.Column:
    return sa.Column("meter", sa.Text, sa.ForeignKey("meters.meter"), primary_key=True)


def _key_number(name: str) -> sa.Column:
    return sa.Column(name, sa.BigInteger, primary_key=True, autoincrement=False)


def upgrade() -> None:
    op.create_table(
        "audit_records",
        _meter(),
        _key_number("n"),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        *_ints("boot", "t", "ch"),
        sa.Column("code", sa.Text, nullable=False),
        *_ints("a", "b", "received_at"),
        sa.CheckConstraint("length(raw) = 64"),
    )
    op.create_table(
        "intervals",
        _meter(),
        _key_number("n"),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        *_ints("t_end", "minutes", "flags", "quarantined", "estimated"),
        *_ints(*(f"wh_{ch}" for ch in range(1, 9))),
        *_ints("received_at"),
        sa.CheckConstraint("length(raw) = 32"),
    )
    op.create_index("intervals_by_time", "intervals", ["meter", "t_end"])
    append_only("audit_records", ("meter", "n"))
    append_only("intervals", ("meter", "n"))
    op.create_table(
        "histories",
        _meter(),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("next_n", sa.BigInteger, nullable=False, server_default="1"),
        sa.Column("boot", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("command_id", sa.BigInteger, sa.ForeignKey("commands.id")),
        sa.Column("refused_in", sa.Text, nullable=False, server_default=""),
        sa.CheckConstraint("kind IN ('events', 'profile')"),
    )
    op.create_table(
        "history_findings",
        _meter(),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("what", sa.Text, primary_key=True),
        _key_number("first_n"),
        *_ints("last_n", "noted_at"),
        sa.CheckConstraint("what IN ('lost', 'contradicts', 'restarted')"),
    )
