"""Schedules, templates and rollouts over many meters."""

import sqlalchemy as sa
from alembic import op

from umeter_station.migrations.append_only import append_only

revision = "0012"
down_revision = "0011"


def _id() -> sa.Column:
    return sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True)


def _int(name: str, default: str | None = None, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.BigInteger, nullable=nullable, server_default=default)


def _text(name: str, default: str | None = None) -> sa.Column:
    return sa.Column(name, sa.Text, nullable=False, server_default=default)


def _to(name: str, of: str, key: bool = False, nullable: bool = False) -> sa.Column:
    to = sa.ForeignKey(of)
    if key:
        return sa.Column(name, sa.BigInteger, to, primary_key=True, autoincrement=False)
    return sa.Column(name, sa.BigInteger, to, nullable=nullable)


def _meter_key() -> sa.Column:
    return sa.Column("meter", sa.Text, sa.ForeignKey("meters.meter"), primary_key=True)


def _name_key(name: str) -> sa.Column:
    return sa.Column(name, sa.Text, primary_key=True)


def upgrade() -> None:
    op.create_table("meter_labels", _meter_key(), _name_key("name"), _text("value"))
    op.create_index("meter_labels_by_value", "meter_labels", ["name", "value"])
    _reads()
    op.create_table(
        "templates",
        _name_key("name"),
        sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
        _text("settings"),
        _text("note", ""),
        _int("made_at"),
        _text("made_by", ""),
    )
    append_only("templates", ("name", "version"))
    _rollouts()
    op.create_table(
        "homeassistant_topics",
        _name_key("topic"),
        sa.Column("meter", sa.Text, sa.ForeignKey("meters.meter"), nullable=False),
        _int("ch"),
        _text("digest"),
        _int("published_at"),
        sa.UniqueConstraint("meter", "ch"),
    )


def _reads() -> None:
    op.create_table(
        "schedules",
        _id(),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        _text("selection"),
        _text("every"),
        _text("tz"),
        _int("enabled", "1"),
        _int("next_at"),
        _int("made_at"),
        _text("made_by", ""),
        sa.CheckConstraint("enabled IN (0, 1)"),
    )
    op.create_table(
        "fleet_reads",
        _id(),
        _int("placed_at"),
        _text("by", ""),
        _text("selection"),
        _to("schedule_id", "schedules.id", nullable=True),
        _int("due_at"),
        _int("skipped", "0"),
        _int("missed", "0"),
        _text("sentence", ""),
    )
    op.create_index("fleet_reads_of_schedule", "fleet_reads", ["schedule_id", "id"])
    op.create_table(
        "fleet_read_orders",
        _to("read_id", "fleet_reads.id", key=True),
        _meter_key(),
        _to("command_id", "commands.id"),
    )
    op.create_index("fleet_read_orders_command", "fleet_read_orders", ["command_id"])


def _rollouts() -> None:
    op.create_table(
        "rollouts",
        _id(),
        _text("kind"),
        _text("selection"),
        _text("payload"),
        _text("template", ""),
        _int("made_at"),
        _text("by", ""),
        _int("healthy_s"),
        _int("wave_pause_s"),
        _int("answer_s"),
        _int("failed_permille"),
        _int("give_up_at"),
        _text("state"),
        _int("since"),
        _int("wave", "0"),
        _text("phase", "orders"),
        _int("phase_since"),
        _int("approval_id", nullable=True),
        _to("rolls_back", "rollouts.id", nullable=True),
        _text("sentence", ""),
        sa.CheckConstraint("kind IN ('set', 'update')"),
        sa.CheckConstraint(
            "state IN ('asked', 'running', 'paused', 'stopped', 'aborted', 'done')"
        ),
        sa.CheckConstraint("phase IN ('orders', 'healthy')"),
    )
    op.create_index("rollouts_by_state", "rollouts", ["state", "id"])
    op.create_table(
        "rollout_meters",
        _to("rollout_id", "rollouts.id", key=True),
        _meter_key(),
        _int("wave"),
        _int("base_version"),
        _text("state"),
        _int("since"),
        _int("part", "0"),
        _to("command_id", "commands.id", nullable=True),
        _to("update_id", "updates.id", nullable=True),
        _int("ordered_at", nullable=True),
        _int("away_at", nullable=True),
        _text("sentence", ""),
        sa.CheckConstraint(
            "state IN ('waiting', 'ordered', 'applied', 'refused', 'silent', 'unhealthy',"
            " 'overtaken', 'left out')"
        ),
    )
    op.create_index("rollout_meters_by_state", "rollout_meters", ["rollout_id", "state"])
    op.create_index("rollout_meters_of_meter", "rollout_meters", ["meter"])
    op.create_table(
        "rollout_keys",
        _to("rollout_id", "rollouts.id", key=True),
        _meter_key(),
        _name_key("key"),
        _int("position"),
        _text("before"),
        _text("value"),
        _text("state", "planned"),
        _int("since"),
        _text("sentence", ""),
        sa.CheckConstraint(
            "state IN ('planned', 'waiting', 'applied', 'refused', 'differs', 'overtaken')"
        ),
    )
    op.create_table(
        "rollout_log",
        _id(),
        _to("rollout_id", "rollouts.id"),
        _int("at"),
        _text("by", ""),
        _text("what"),
    )
    op.create_index("rollout_log_of_rollout", "rollout_log", ["rollout_id", "id"])
    append_only("rollout_log", "id")
