"""Leases, runs of jobs, heartbeats, and returns to a backup."""

import sqlalchemy as sa
from alembic import op

from umeter_station.migrations.append_only import append_only
from umeter_station.migrations.columns import id_column

revision = "0013"
down_revision = "0012"


def _ints(*names: str, nullable: bool = False) -> list[sa.Column]:
    return [sa.Column(name, sa.BigInteger, nullable=nullable) for name in names]


def _zeros(*names: str) -> list[sa.Column]:
    return [sa.Column(n, sa.BigInteger, nullable=False, server_default="0") for n in names]


def _key(name: str) -> sa.Column:
    return sa.Column(name, sa.Text, primary_key=True)


def upgrade() -> None:
    op.create_table(
        "leases", _key("name"), sa.Column("holder", sa.Text, nullable=False), *_ints("until_s")
    )
    op.create_table(
        "job_runs",
        _key("job"),
        *_ints("started_at"),
        *_ints("ended_at", "ok_at", nullable=True),
        *_zeros("took_ms"),
        sa.Column("error", sa.Text, nullable=False, server_default=""),
        *_zeros("runs", "failures"),
    )
    op.create_table(
        "heartbeats",
        _key("role"),
        sa.Column("worker", sa.BigInteger, primary_key=True, autoincrement=False),
        *_ints("pid", "started_at", "beat_at"),
        sa.CheckConstraint("role IN ('ingest', 'web', 'jobs')"),
    )
    op.create_table(
        "restores",
        id_column(),
        *_ints("made_at", "restored_at", "order_jump", "version_jump"),
    )
    append_only("restores", "id")
