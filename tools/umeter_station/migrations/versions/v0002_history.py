"""What meters keep in their logs: audit records, intervals, and how far each was pulled."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def _ints(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


def _meter() -> sa.Column:
    return sa.Column("meter", sa.Text, sa.ForeignKey("meters.meter"), primary_key=True)


def _key_number(name: str) -> sa.Column:
    return sa.Column(name, sa.BigInteger, primary_key=True, autoincrement=False)


def _immutable(table: str) -> None:
    refuse = f"SELECT RAISE(ABORT, '{table} is append-only')"
    taken = f"EXISTS (SELECT 1 FROM {table} WHERE meter = NEW.meter AND n = NEW.n)"
    op.execute(f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} BEGIN {refuse}; END")
    op.execute(f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} BEGIN {refuse}; END")
    # REPLACE deletes the row in its way without firing a DELETE trigger: INSERT is guarded too.
    op.execute(
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {taken}"
        f" BEGIN {refuse}; END"
    )


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
    _immutable("audit_records")
    _immutable("intervals")
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
