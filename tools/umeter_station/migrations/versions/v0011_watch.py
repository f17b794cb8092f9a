"""Findings about meters, and alerts."""

import sqlalchemy as sa
from alembic import op

from umeter_station.migrations.append_only import append_only
from umeter_station.migrations.columns import id_column

revision = "0011"
down_revision = "0010"

_SEVERITY = "severity IN ('info', 'warn', 'alarm', 'critical')"


def _int(name: str, default: str | None = None, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.BigInteger, nullable=nullable, server_default=default)


def _text(name: str, default: str | None = None) -> sa.Column:
    return sa.Column(name, sa.Text, nullable=False, server_default=default)


def _text_key(name: str) -> sa.Column:
    return sa.Column(name, sa.Text, primary_key=True)


def _channel_key() -> sa.Column:
    return sa.Column("ch", sa.BigInteger, primary_key=True, autoincrement=False)


def _to(name: str, of: str) -> sa.Column:
    return sa.Column(name, sa.BigInteger, sa.ForeignKey(of), nullable=False)


def upgrade() -> None:
    _findings()
    _rules()
    _alerts()


def _findings() -> None:
    op.create_table(
        "findings",
        id_column(),
        _text("site", ""),
        _text("meter", ""),
        _int("ch", "0"),
        _text("rule"),
        _text("severity"),
        _text("state"),
        _int("cause_id", nullable=True),
        *(_int(name) for name in ("since_s", "opened_at", "seen_at")),
        *(_int(name, nullable=True) for name in ("acknowledged_at", "closed_at")),
        _int("quiet_until", "0"),
        _int("times", "1"),
        _text("assignee", ""),
        _text("evidence"),
        sa.CheckConstraint(_SEVERITY),
        sa.CheckConstraint("state IN ('open', 'acknowledged', 'closed')"),
    )
    not_closed = sa.text("state <> 'closed'")
    op.create_index(
        "findings_one",
        "findings",
        ["site", "meter", "ch", "rule"],
        unique=True,
        sqlite_where=not_closed,
        postgresql_where=not_closed,
    )
    op.create_index("findings_of_meter", "findings", ["meter", "id"])
    op.create_table(
        "finding_history",
        id_column(),
        _to("finding_id", "findings.id"),
        _int("at"),
        *(_text(name) for name in ("what", "by", "severity")),
        _text("note", ""),
        _text("evidence", "{}"),
    )
    op.create_index("finding_history_of", "finding_history", ["finding_id", "id"])
    append_only("finding_history", "id")


def _rules() -> None:
    op.create_table(
        "finding_marks",
        _text_key("meter"),
        _channel_key(),
        _text_key("rule"),
        *(_int(name) for name in ("bits", "calm", "since_s", "seen_at")),
    )
    op.create_table(
        "thresholds",
        _text_key("meter"),
        _channel_key(),
        _text_key("name"),
        _int("value"),
        _int("set_at"),
        _text("set_by"),
    )
    op.create_table(
        "watch_progress",
        _text_key("meter"),
        *(_int(name, "0") for name in ("fast_at", "hour_at", "slow_at")),
    )
    op.create_table(
        "meter_traffic",
        _text_key("meter"),
        sa.Column("hour_s", sa.BigInteger, primary_key=True, autoincrement=False),
        *(_int(name, "0") for name in ("repeated", "held")),
    )
    op.create_index("events_by_receipt", "events", ["received_at"])
    op.create_index("audit_records_by_receipt", "audit_records", ["received_at"])


def _alerts() -> None:
    op.create_table(
        "alert_targets",
        id_column(),
        *(_text(name) for name in ("name", "kind", "address")),
        sa.Column("secret", sa.LargeBinary),
        _text("severity", "alarm"),
        *(_text(name, "[]") for name in ("rules", "sites", "meters")),
        *(_int(name, "0") for name in ("quiet_from", "quiet_to")),
        _text("tz", "UTC"),
        _int("digest_min", "0"),
        _int("enabled", "1"),
        _int("told_id", "0"),
        _int("made_at"),
        _text("made_by", ""),
        sa.UniqueConstraint("name"),
        sa.CheckConstraint("kind IN ('email', 'webhook')"),
        sa.CheckConstraint(_SEVERITY),
    )
    op.create_table(
        "alert_outbox",
        id_column(),
        _to("target_id", "alert_targets.id"),
        _to("history_id", "finding_history.id"),
        _int("due_at"),
        *(_int(name, "0") for name in ("tries", "lease_until")),
        _text("state", "waiting"),
        _int("done_at", nullable=True),
        _text("error", ""),
        sa.UniqueConstraint("target_id", "history_id"),
        sa.CheckConstraint("state IN ('waiting', 'sent', 'failed', 'dropped')"),
    )
    op.create_index("alert_outbox_due", "alert_outbox", ["state", "due_at"])
