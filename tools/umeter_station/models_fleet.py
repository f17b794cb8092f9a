"""The tables of what is done to many meters: labels, reads, schedules, templates, rollouts."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Table,
    Text,
    UniqueConstraint,
)

from umeter_station.models import metadata
from umeter_station.table_columns import id_column, int_column, text_column


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
    text_column("value"),
)
Index("meter_labels_by_value", meter_labels.c.name, meter_labels.c.value)

# `every` and `tz` as schedule_times.py has them; the run that is due next was due at `next_at`.
schedules = Table(
    "schedules",
    metadata,
    id_column(),
    Column("name", Text, nullable=False, unique=True),
    text_column("selection"),
    text_column("every"),
    text_column("tz"),
    int_column("enabled", 1),
    int_column("next_at"),
    int_column("made_at"),
    text_column("made_by", ""),
    CheckConstraint("enabled IN (0, 1)"),
)

# Reads of many meters. `skipped`: meters that still had one to answer; `missed`: runs of its
# schedule that were never made because nothing ran then.
fleet_reads = Table(
    "fleet_reads",
    metadata,
    id_column(),
    int_column("placed_at"),
    text_column("by", ""),
    text_column("selection"),
    _to("schedule_id", "schedules.id", nullable=True),
    int_column("due_at"),
    int_column("skipped", 0),
    int_column("missed", 0),
    text_column("sentence", ""),
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
    text_column("settings"),
    text_column("note", ""),
    int_column("made_at"),
    text_column("made_by", ""),
)

# `payload`: {key: value} of a set, nothing of a rollback (whose values differ by meter), the name
# of a bundle of an update. `wave` counts from 0, the canaries; `phase` is what goes on in it.
rollouts = Table(
    "rollouts",
    metadata,
    id_column(),
    text_column("kind"),
    text_column("selection"),
    text_column("payload"),
    text_column("template", ""),
    int_column("made_at"),
    text_column("by", ""),
    int_column("healthy_s"),
    int_column("wave_pause_s"),
    int_column("answer_s"),
    int_column("failed_permille"),
    int_column("give_up_at"),
    text_column("state"),
    int_column("since"),
    int_column("wave", 0),
    text_column("phase", "orders"),
    int_column("phase_since"),
    int_column("approval_id", nullable=True),
    _to("rolls_back", "rollouts.id", nullable=True),
    text_column("sentence", ""),
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
    int_column("wave"),
    int_column("base_version"),
    text_column("state"),
    int_column("since"),
    int_column("part", 0),
    _to("command_id", "commands.id", nullable=True),
    _to("update_id", "updates.id", nullable=True),
    int_column("ordered_at", nullable=True),
    int_column("away_at", nullable=True),
    text_column("sentence", ""),
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
    int_column("position"),
    text_column("before"),
    text_column("value"),
    text_column("state", "planned"),
    int_column("since"),
    text_column("sentence", ""),
    CheckConstraint(
        "state IN ('planned', 'waiting', 'applied', 'refused', 'differs', 'overtaken')"
    ),
)

# Who did what to a rollout, and what it did by itself.
rollout_log = Table(
    "rollout_log",
    metadata,
    id_column(),
    _to("rollout_id", "rollouts.id"),
    int_column("at"),
    text_column("by", ""),
    text_column("what"),
)
Index("rollout_log_of_rollout", rollout_log.c.rollout_id, rollout_log.c.id)

# The discovery topics that a broker keeps because this station published them, and their digests.
homeassistant_topics = Table(
    "homeassistant_topics",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("meter", Text, ForeignKey("meters.meter"), nullable=False),
    int_column("ch"),
    text_column("digest"),
    int_column("published_at"),
    UniqueConstraint("meter", "ch"),
)
