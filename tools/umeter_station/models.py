"""The tables, as the newest migration leaves them (a test compares the two).

Times are Unix seconds of the station's clock; money is micro-units (`_u`).
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

from umeter_station.table_columns import id_column, int_column, positive

SCHEMA_VERSION = "0013"
metadata = MetaData()


def _meter() -> Column:
    return Column("meter", Text, ForeignKey("meters.meter"), nullable=False)


# Keys are sealed (secrets.py). `key_state` and the other two keys: key_rotation.py; `key_at` is
# when the key was given. `mqtt_hash` is what the broker knows the meter's password by.
meters = Table(
    "meters",
    metadata,
    Column("meter", Text, primary_key=True),
    Column("key", LargeBinary, nullable=False),
    int_column("added_at"),
    int_column("next_n", default=1),
    int_column("settings_version", default=0),
    Column("presence", Text, nullable=False, server_default="unknown"),
    int_column("boot", default=0),
    int_column("seen_at", default=0),
    int_column("channels", default=0),
    Column("status", Text, nullable=False, server_default="{}"),
    Column("settings", Text, nullable=False, server_default="{}"),
    Column("next_key", LargeBinary),
    Column("old_key", LargeBinary),
    Column("key_state", Text, nullable=False, server_default="steady"),
    int_column("key_at", default=0),
    int_column("retired_at", nullable=True),
    Column("mqtt_hash", Text),
    CheckConstraint("presence IN ('unknown', 'online', 'offline')"),
)

# `code` is the meter's final word; while it is NULL the meter has not answered.
commands = Table(
    "commands",
    metadata,
    id_column(),
    _meter(),
    int_column("n"),
    Column("op", Text, nullable=False),
    Column("args", Text, nullable=False),
    int_column("created_at"),
    int_column("exp"),
    Column("state", Text, nullable=False),
    int_column("sent_count", default=0),
    int_column("answered_at", nullable=True),
    Column("code", Text),
    Column("result", Text),
    UniqueConstraint("meter", "n"),
    CheckConstraint(
        "state IN ('created', 'sent', 'delivered', 'applied', 'partly', 'refused', 'expired',"
        " 'cancelled', 'unclear')"
    ),
)
Index("commands_open", commands.c.state, commands.c.meter, commands.c.n)
Index("commands_of_op", commands.c.meter, commands.c.op, commands.c.n)

# Every state that an order came into, when, and by whom: never changed.
order_states = Table(
    "order_states",
    metadata,
    id_column(),
    Column("command_id", BigInteger, ForeignKey("commands.id"), nullable=False),
    Column("state", Text, nullable=False),
    int_column("at"),
    Column("by", Text, nullable=False),
)
Index("order_states_of_command", order_states.c.command_id)

purchases = Table(
    "purchases",
    metadata,
    id_column(),
    Column("key", Text, nullable=False, unique=True),
    _meter(),
    int_column("ch"),
    int_column("amount_u"),
    int_column("created_at"),
    Column("command_id", BigInteger, ForeignKey("commands.id"), nullable=False, unique=True),
    *positive("amount_u"),
)

# Orders given under a key of the giver's, one order per key; with `purchase_id` the order brings
# the meter once more a purchase that it refused before.
order_keys = Table(
    "order_keys",
    metadata,
    id_column(),
    Column("key", Text, nullable=False, unique=True),
    Column("command_id", BigInteger, ForeignKey("commands.id"), nullable=False, unique=True),
    Column("purchase_id", BigInteger, ForeignKey("purchases.id")),
)
Index("order_keys_purchase", order_keys.c.purchase_id)

# `command_id`: the order to a meter that this is about, if there is one.
transfers = Table(
    "transfers",
    metadata,
    id_column(),
    Column("key", Text, nullable=False, unique=True),
    Column("debit", Text, nullable=False),
    Column("credit", Text, nullable=False),
    int_column("amount_u"),
    int_column("created_at"),
    Column("command_id", BigInteger, ForeignKey("commands.id")),
    *positive("amount_u"),
    CheckConstraint("debit <> credit"),
)
Index("transfers_debit", transfers.c.debit)
Index("transfers_credit", transfers.c.credit)

# The largest totals each channel has told of in answers, or had in a reading when the credit
# changed; the newest reading may have larger ones (readings.totals knows both). They only grow.
channels = Table(
    "channels",
    metadata,
    Column("meter", Text, ForeignKey("meters.meter"), primary_key=True),
    Column("ch", BigInteger, primary_key=True, autoincrement=False),
    int_column("credited_total_u"),
    int_column("charged_total_u"),
)


def _reading() -> list[Column]:
    # `packed` has the channels (packing.py). No foreign keys: the ingest has looked the meter up,
    # and a look-up more for each of thousands of rows a second is what they would cost.
    numbers = (int_column(name) for name in ("clock", "up_s", "event", "received_at"))
    return [*numbers, Column("packed", LargeBinary, nullable=False)]


# Never changed. All of the key is in the message: one that comes twice is stored once. By the
# meter's own time `t` they lie in months on PostgreSQL.
readings = Table(
    "readings",
    metadata,
    Column("meter", Text, primary_key=True),
    *(Column(n, BigInteger, primary_key=True, autoincrement=False) for n in ("boot", "seq", "t")),
    *_reading(),
)
Index("readings_by_time", readings.c.meter, readings.c.received_at)

# The newest of each meter, by (boot, seq).
latest_readings = Table(
    "latest_readings",
    metadata,
    Column("meter", Text, primary_key=True),
    *(int_column(name) for name in ("boot", "seq", "t")),
    *_reading(),
)

events = Table(
    "events",
    metadata,
    Column("meter", Text, ForeignKey("meters.meter"), primary_key=True),
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    int_column("boot"),
    int_column("t"),
    Column("code", Text, nullable=False),
    int_column("ch"),
    int_column("a"),
    int_column("b"),
    int_column("received_at"),
)

# What a meter's log holds, as it was signed for; `raw` is the record itself, never changed.
audit_records = Table(
    "audit_records",
    metadata,
    Column("meter", Text, ForeignKey("meters.meter"), primary_key=True),
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    Column("raw", LargeBinary, nullable=False),
    int_column("boot"),
    int_column("t"),
    int_column("ch"),
    Column("code", Text, nullable=False),
    int_column("a"),
    int_column("b"),
    int_column("received_at"),
    CheckConstraint("length(raw) = 64"),
)

intervals = Table(
    "intervals",
    metadata,
    Column("meter", Text, ForeignKey("meters.meter"), primary_key=True),
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    Column("raw", LargeBinary, nullable=False),
    int_column("t_end"),
    int_column("minutes"),
    int_column("flags"),
    int_column("quarantined"),
    int_column("estimated"),
    *(int_column(f"wh_{ch}") for ch in range(1, 9)),
    int_column("received_at"),
    CheckConstraint("length(raw) = 32"),
)
Index("intervals_by_time", intervals.c.meter, intervals.c.t_end)

# How far a log is pulled: every number below `next_n` is stored, noted as lost, or a gap. `boot`
# is the meter's at its last answer; `command_id` the last order; `refused_in` where it was
# refused; `newest` what the meter named last; `paused` 1 while the operator wants nothing pulled.
histories = Table(
    "histories",
    metadata,
    Column("meter", Text, ForeignKey("meters.meter"), primary_key=True),
    Column("kind", Text, primary_key=True),
    int_column("next_n", default=1),
    int_column("boot", default=0),
    Column("command_id", BigInteger, ForeignKey("commands.id")),
    Column("refused_in", Text, nullable=False, server_default=""),
    int_column("newest", default=0),
    int_column("paused", default=0),
    CheckConstraint("kind IN ('events', 'profile')"),
)

# Numbers that an answer left out: asked for once more, by `command_id`, before they are lost.
history_gaps = Table(
    "history_gaps",
    metadata,
    Column("meter", Text, ForeignKey("meters.meter"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("first_n", BigInteger, primary_key=True, autoincrement=False),
    int_column("last_n"),
    Column("command_id", BigInteger, ForeignKey("commands.id")),
    CheckConstraint("kind IN ('events', 'profile')"),
)

history_findings = Table(
    "history_findings",
    metadata,
    Column("meter", Text, ForeignKey("meters.meter"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("what", Text, primary_key=True),
    Column("first_n", BigInteger, primary_key=True, autoincrement=False),
    int_column("last_n"),
    int_column("noted_at"),
    CheckConstraint("what IN ('lost', 'contradicts', 'restarted')"),
)

# What each setting shall be (`value` as JSON): ordered as `version` by `command_id`; `again` 1 if
# that order repeats one that newer settings overtook. `since` is when `state` came about.
desired = Table(
    "desired",
    metadata,
    Column("meter", Text, ForeignKey("meters.meter"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    int_column("version"),
    int_column("set_at"),
    Column("set_by", Text, nullable=False),
    Column("command_id", BigInteger, ForeignKey("commands.id"), nullable=False),
    int_column("again", default=0),
    Column("state", Text, nullable=False),
    int_column("since"),
    Column("sentence", Text, nullable=False, server_default=""),
    CheckConstraint("state IN ('waiting', 'applied', 'refused', 'differs')"),
)

counters = Table(
    "counters",
    metadata,
    Column("name", Text, primary_key=True),
    int_column("count"),
)
