"""The tables of findings and alerts, beside those of models.py.

A finding is about a channel (`ch`), a whole meter (`ch` 0), a site (`site`), or the station itself
(`meter` and `site` both ''). The times are Unix seconds of the station's clock.
"""

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
    UniqueConstraint,
    text,
)

from umeter_station.models import audit_records, events, metadata


def _id() -> Column:
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


def _int(name: str, default: int | None = None, nullable: bool = False) -> Column:
    given = None if default is None else str(default)
    return Column(name, BigInteger, nullable=nullable, server_default=given)


def _text(name: str, default: str | None = None) -> Column:
    return Column(name, Text, nullable=False, server_default=default)


def _text_key(name: str) -> Column:
    return Column(name, Text, primary_key=True)


# `cause_id`: the finding that explains this one, which nobody is told of meanwhile. `since_s` is
# when it began as far as the rule can tell, `seen_at` when it was seen last, `times` how often it
# was opened. `quiet_until`: closed by hand, and not to be opened again before.
findings = Table(
    "findings",
    metadata,
    _id(),
    _text("site", ""),
    _text("meter", ""),
    _int("ch", 0),
    _text("rule"),
    _text("severity"),
    _text("state"),
    _int("cause_id", nullable=True),
    _int("since_s"),
    _int("opened_at"),
    _int("seen_at"),
    _int("acknowledged_at", nullable=True),
    _int("closed_at", nullable=True),
    _int("quiet_until", 0),
    _int("times", 1),
    _text("assignee", ""),
    _text("evidence"),
    CheckConstraint("severity IN ('info', 'warn', 'alarm', 'critical')"),
    CheckConstraint("state IN ('open', 'acknowledged', 'closed')"),
)
_NOT_CLOSED = text("state <> 'closed'")
Index(
    "findings_one",
    findings.c.site,
    findings.c.meter,
    findings.c.ch,
    findings.c.rule,
    unique=True,
    sqlite_where=_NOT_CLOSED,
    postgresql_where=_NOT_CLOSED,
)
Index("findings_of_meter", findings.c.meter, findings.c.id)

# All that ever happened to a finding, append-only. `evidence`: what the rule saw at that moment.
finding_history = Table(
    "finding_history",
    metadata,
    _id(),
    Column("finding_id", BigInteger, ForeignKey("findings.id"), nullable=False),
    _int("at"),
    _text("what"),
    _text("by"),
    _text("severity"),
    _text("note", ""),
    _text("evidence", "{}"),
)
Index("finding_history_of", finding_history.c.finding_id, finding_history.c.id)

# What is not enough for a finding yet, or not calm enough to close one: `bits` has the last
# verdicts, the newest in bit 0; `calm` how many in a row saw nothing.
finding_marks = Table(
    "finding_marks",
    metadata,
    _text_key("meter"),
    Column("ch", BigInteger, primary_key=True, autoincrement=False),
    _text_key("rule"),
    _int("bits"),
    _int("calm"),
    _int("since_s"),
    _int("seen_at"),
)

# Limits of the rules that differ from the built-in ones: of all meters (''), or of one.
thresholds = Table(
    "thresholds",
    metadata,
    _text_key("meter"),
    Column("ch", BigInteger, primary_key=True, autoincrement=False),
    _text_key("name"),
    _int("value"),
    _int("set_at"),
    _text("set_by"),
)

# How far each meter's load profile was judged. Of '': readings and events of all, in `fast_at`.
watch_progress = Table(
    "watch_progress",
    metadata,
    _text_key("meter"),
    *(_int(name, 0) for name in ("fast_at", "hour_at", "slow_at")),
)

# What each meter has sent in vain, by the hour: `repeated` was stored already, `held` was more
# than its token bucket had.
meter_traffic = Table(
    "meter_traffic",
    metadata,
    _text_key("meter"),
    Column("hour_s", BigInteger, primary_key=True, autoincrement=False),
    _int("repeated", 0),
    _int("held", 0),
)

# What came in since the last look is found without going through all that ever did.
Index("events_by_receipt", events.c.received_at)
Index("audit_records_by_receipt", audit_records.c.received_at)

# Who is told of findings, and when. `rules`, `sites` and `meters` are JSON lists, [] for all;
# `quiet_from` and `quiet_to` minutes of the day in `tz`; `digest_min` 0 for at once. `secret`
# (sealed) signs what a webhook gets. What findings' history has up to `told_id` was looked at.
alert_targets = Table(
    "alert_targets",
    metadata,
    _id(),
    _text("name"),
    _text("kind"),
    _text("address"),
    Column("secret", LargeBinary),
    _text("severity", "alarm"),
    _text("rules", "[]"),
    _text("sites", "[]"),
    _text("meters", "[]"),
    _int("quiet_from", 0),
    _int("quiet_to", 0),
    _text("tz", "UTC"),
    _int("digest_min", 0),
    _int("enabled", 1),
    _int("told_id", 0),
    _int("made_at"),
    _text("made_by", ""),
    UniqueConstraint("name"),
    CheckConstraint("kind IN ('email', 'webhook')"),
    CheckConstraint("severity IN ('info', 'warn', 'alarm', 'critical')"),
)

# What is to be told: once per target and entry of a finding's history. `lease_until`: a sender
# has it in hand; if that one dies, another takes it then.
alert_outbox = Table(
    "alert_outbox",
    metadata,
    _id(),
    Column("target_id", BigInteger, ForeignKey("alert_targets.id"), nullable=False),
    Column("history_id", BigInteger, ForeignKey("finding_history.id"), nullable=False),
    _int("due_at"),
    _int("tries", 0),
    _int("lease_until", 0),
    _text("state", "waiting"),
    _int("done_at", nullable=True),
    _text("error", ""),
    UniqueConstraint("target_id", "history_id"),
    CheckConstraint("state IN ('waiting', 'sent', 'failed', 'dropped')"),
)
Index("alert_outbox_due", alert_outbox.c.state, alert_outbox.c.due_at)
