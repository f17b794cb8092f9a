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
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from umeter_station.models import audit_records, events, metadata
from umeter_station.table_columns import id_column, int_column, text_column


def _text_key(name: str) -> Column:
    return Column(name, Text, primary_key=True)


# `cause_id`: the finding that explains this one, which nobody is told of meanwhile. `since_s` is
# when it began as far as the rule can tell, `seen_at` when it was seen last, `times` how often it
# was opened. `quiet_until`: closed by hand, and not to be opened again before.
findings = Table(
    "findings",
    metadata,
    id_column(),
    text_column("site", ""),
    text_column("meter", ""),
    int_column("ch", 0),
    text_column("rule"),
    text_column("severity"),
    text_column("state"),
    int_column("cause_id", nullable=True),
    int_column("since_s"),
    int_column("opened_at"),
    int_column("seen_at"),
    int_column("acknowledged_at", nullable=True),
    int_column("closed_at", nullable=True),
    int_column("quiet_until", 0),
    int_column("times", 1),
    text_column("assignee", ""),
    text_column("evidence"),
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
    id_column(),
    Column("finding_id", BigInteger, ForeignKey("findings.id"), nullable=False),
    int_column("at"),
    text_column("what"),
    text_column("by"),
    text_column("severity"),
    text_column("note", ""),
    text_column("evidence", "{}"),
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
    int_column("bits"),
    int_column("calm"),
    int_column("since_s"),
    int_column("seen_at"),
)

# Limits of the rules that differ from the built-in ones: of all meters (''), or of one.
thresholds = Table(
    "thresholds",
    metadata,
    _text_key("meter"),
    Column("ch", BigInteger, primary_key=True, autoincrement=False),
    _text_key("name"),
    int_column("value"),
    int_column("set_at"),
    text_column("set_by"),
)

# How far each meter's load profile was judged. Of '': readings and events of all, in `fast_at`.
watch_progress = Table(
    "watch_progress",
    metadata,
    _text_key("meter"),
    *(int_column(name, 0) for name in ("fast_at", "hour_at", "slow_at")),
)

# What each meter has sent in vain, by the hour: `repeated` was stored already, `held` was more
# than its token bucket had.
meter_traffic = Table(
    "meter_traffic",
    metadata,
    _text_key("meter"),
    Column("hour_s", BigInteger, primary_key=True, autoincrement=False),
    int_column("repeated", 0),
    int_column("held", 0),
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
    id_column(),
    text_column("name"),
    text_column("kind"),
    text_column("address"),
    Column("secret", LargeBinary),
    text_column("severity", "alarm"),
    text_column("rules", "[]"),
    text_column("sites", "[]"),
    text_column("meters", "[]"),
    int_column("quiet_from", 0),
    int_column("quiet_to", 0),
    text_column("tz", "UTC"),
    int_column("digest_min", 0),
    int_column("enabled", 1),
    int_column("told_id", 0),
    int_column("made_at"),
    text_column("made_by", ""),
    UniqueConstraint("name"),
    CheckConstraint("kind IN ('email', 'webhook')"),
    CheckConstraint("severity IN ('info', 'warn', 'alarm', 'critical')"),
)

# What is to be told: once per target and entry of a finding's history. `lease_until`: a sender
# has it in hand; if that one dies, another takes it then.
alert_outbox = Table(
    "alert_outbox",
    metadata,
    id_column(),
    Column("target_id", BigInteger, ForeignKey("alert_targets.id"), nullable=False),
    Column("history_id", BigInteger, ForeignKey("finding_history.id"), nullable=False),
    int_column("due_at"),
    int_column("tries", 0),
    int_column("lease_until", 0),
    text_column("state", "waiting"),
    int_column("done_at", nullable=True),
    text_column("error", ""),
    UniqueConstraint("target_id", "history_id"),
    CheckConstraint("state IN ('waiting', 'sent', 'failed', 'dropped')"),
)
Index("alert_outbox_due", alert_outbox.c.state, alert_outbox.c.due_at)
