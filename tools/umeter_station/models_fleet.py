"""The tables of what is done to many meters: labels, reads, schedules, templates, rollouts."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from umeter_station.models import metadata


def _id() -> Column:
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


def _int(name: str, default: int | None = None, nullable: bool = False) -> Column:
    text = None if default is None else str(default)
    return Column(name, BigInteger, nullable=nullable, server_default=text)


def _text(name: str, default: str | None = None) -> Column:
    return Column(name, Text, nullable=False, server_default=default)


def _to(name: str, of: str, key: bool = False, nullable: bool = False) -> Column:
    column = ForeignKey(of)
    if key:
        return Column(name, BigInteger, column, primary_key=True, autoincrement=False)
    return Column(name, BigInteger, column, nullable=nullable)


# What an operator selects meters by, beside what they tell of themselves: floor, riser, class.
meter_labels = Table(
    "meter_labels",
    metadata,
    Column("meter", Text, ForeignKey("meters.meter"), primary_key=True),
    Column("name", Text, primary_key=True),
    _text("value"),
)
Index("meter_labels_by_value", meter_labels.c.name, meter_labels.c.value)

# `every` and `tz` as schedule_times.py has them; the run that is due next was due at `next_at`.
schedules = Table(
    "schedules",
    metadata,
    _id(),
    Column("name", Text, nullable=False, unique=True),
    _text("selection"),
    _text("every"),
    _text("tz"),
    _int("enabled", 1),
    _int("next_at"),
    _int("made_at"),
    _text("made_by", ""),
    CheckConstraint("enabled IN (0, 1)"),
)

# Reads of many meters. `skipped`: meters that still had one to answer; `missed`: runs of its
# schedule that were never made because nothing ran then.
fleet_reads = Table(
    "fleet_reads",
    metadata,
    _id(),
    _int("placed_at"),
    _text("by", ""),
    _text("selection"),
    _to("schedule_id", "schedules.id", nullable=True),
    _int("due_at"),
    _int("skipped", 0),
    _int("missed", 0),
    _text("sentence", ""),
)
Index("fleet_reads_of_schedule", fleet_reads.c.schedule_id, fleet_reads.c.id)

fleet_read_orders = Table(
    "fleet_read_orders",
    metadata,
    _to("read_id", "fleet_reads.id", key=True),
    Column("meter", Text, ForeignKey("meters.meter"), primary_key=True),
    _to("command_id", "commands.id"),
)
Index("fleet_read_orders_command", fleet_read_orders.c.command_id)

# A template's versions are kept as they were made: a rollout names the one it brought.
templates = Table(
    "templates",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    _text("settings"),
    _text("note", ""),
    _int("made_at"),
    _text("made_by", ""),
)

# `payload`: {key: value} of a set, nothing of a rollback (whose values differ by meter), the name
# of a bundle of an update. `wave` counts from 0, the canaries; `phase` is what goes on in it.
rollouts = Table(
    "rollouts",
    metadata,
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
    _int("wave", 0),
    _text("phase", "orders"),
    _int("phase_since"),
    _int("approval_id", nullable=True),
    _to("rolls_back", "rollouts.id", nullable=True),
    _text("sentence", ""),
    CheckConstraint("kind IN ('set', 'update')"),
    CheckConstraint("state IN ('asked', 'running', 'paused', 'stopped', 'aborted', 'done')"),
    CheckConstraint("phase IN ('orders', 'healthy')"),
)
Index("rollouts_by_state", rollouts.c.state, rollouts.c.id)

# `base_version`: of the meter's settings when the rollout was planned; `part` counts the orders
# that a large change is cut into; `away_at`: since when it is not there while it should be.
rollout_meters = Table(
    "rollout_meters",
    metadata,
    _to("rollout_id", "rollouts.id", key=True),
    Column("meter", Text, ForeignKey("meters.meter"), primary_key=True),
    _int("wave"),
    _int("base_version"),
    _text("state"),
    _int("since"),
    _int("part", 0),
    _to("command_id", "commands.id", nullable=True),
    _to("update_id", "updates.id", nullable=True),
    _int("ordered_at", nullable=True),
    _int("away_at", nullable=True),
    _text("sentence", ""),
    CheckConstraint(
        "state IN ('waiting', 'ordered', 'applied', 'refused', 'silent', 'unhealthy',"
        " 'overtaken', 'left out')"
    ),
)
Index("rollout_meters_by_state", rollout_meters.c.rollout_id, rollout_meters.c.state)
Index("rollout_meters_of_meter", rollout_meters.c.meter)

# `before` and `value` as JSON; `before` null where the channel had none of its own. The state is
# that of the setting's twin as long as it is this rollout's.
rollout_keys = Table(
    "rollout_keys",
    metadata,
    _to("rollout_id", "rollouts.id", key=True),
    Column("meter", Text, ForeignKey("meters.meter"), primary_key=True),
    Column("key", Text, primary_key=True),
    _int("position"),
    _text("before"),
    _text("value"),
    _text("state", "planned"),
    _int("since"),
    _text("sentence", ""),
    CheckConstraint(
        "state IN ('planned', 'waiting', 'applied', 'refused', 'differs', 'overtaken')"
    ),
)

# Who did what to a rollout, and what it did by itself.
rollout_log = Table(
    "rollout_log",
    metadata,
    _id(),
    _to("rollout_id", "rollouts.id"),
    _int("at"),
    _text("by", ""),
    _text("what"),
)
Index("rollout_log_of_rollout", rollout_log.c.rollout_id, rollout_log.c.id)

# The discovery topics that a broker keeps because this station published them, and their digests.
homeassistant_topics = Table(
    "homeassistant_topics",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("meter", Text, ForeignKey("meters.meter"), nullable=False),
    _int("ch"),
    _text("digest"),
    _int("published_at"),
    UniqueConstraint("meter", "ch"),
)
