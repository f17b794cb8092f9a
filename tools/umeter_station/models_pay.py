"""The tables of payments, beside those of models.py: providers, banks, the telephone."""

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
)

from umeter_station.models import metadata


def _id() -> Column:
    # SQLite numbers rows by itself only for a column that is exactly INTEGER PRIMARY KEY.
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


def _int(name: str, nullable: bool = False, default: int | None = None) -> Column:
    text = None if default is None else str(default)
    return Column(name, BigInteger, nullable=nullable, server_default=text)


def _text(name: str, nullable: bool = False, default: str | None = None) -> Column:
    return Column(name, Text, nullable=nullable, server_default=default)


def _meter() -> Column:
    return Column("meter", Text, ForeignKey("meters.meter"))


def _amount() -> list[Column | CheckConstraint]:
    # SQLite would keep 0.5 in a BIGINT column as a float: hence typeof().
    whole = CheckConstraint("amount_u > 0 AND typeof(amount_u) = 'integer'")
    return [
        _int("amount_u"),
        whole.ddl_if(dialect="sqlite"),
        CheckConstraint("amount_u > 0").ddl_if(dialect="postgresql"),
    ]


# What somebody wants to pay through a provider. `key` is the payer's own; `reference` is the
# provider's name of the intent, `charge` of the money that moved; `outcome` is what the money
# became: '' (none yet), sale, wallet or suspense. A trigger keeps success final.
payments = Table(
    "payments",
    metadata,
    _id(),
    _text("payer"),
    _text("key"),
    _text("provider"),
    _text("currency"),
    *_amount(),
    _text("purpose"),
    _meter(),
    _int("ch", nullable=True),
    _int("account", nullable=True),
    _int("tenant_id", nullable=True),
    _text("way"),
    _text("quote", default="{}"),
    _int("created_at"),
    _int("expires_at"),
    _text("state"),
    _int("since"),
    _text("reference", nullable=True),
    _text("charge", nullable=True),
    _text("redirect_url", default=""),
    _int("checked_at", default=0),
    _text("outcome", default=""),
    UniqueConstraint("payer", "key"),
    UniqueConstraint("provider", "reference"),
    CheckConstraint("purpose IN ('sale', 'wallet')"),
    CheckConstraint(
        "state IN ('created', 'pending', 'succeeded', 'failed', 'expired', 'refunded')"
    ),
)
Index("payments_by_state", payments.c.state, payments.c.checked_at)
Index("payments_by_charge", payments.c.provider, payments.c.charge)

# What providers told, as it was signed, once per event.
payment_events = Table(
    "payment_events",
    metadata,
    _id(),
    _text("provider"),
    _text("event_id"),
    _text("type"),
    _text("kind"),
    _text("reference"),
    _text("item"),
    Column("payment_id", BigInteger, ForeignKey("payments.id")),
    Column("body", LargeBinary, nullable=False),
    _int("happened_at"),
    _int("received_at"),
    _text("outcome"),
    UniqueConstraint("provider", "event_id"),
)
Index("payment_events_of", payment_events.c.payment_id)
Index("payment_events_item", payment_events.c.provider, payment_events.c.item)

# Where a provider's word and the stored payment do not agree; for a person to look at.
payment_conflicts = Table(
    "payment_conflicts",
    metadata,
    _id(),
    _text("provider"),
    _text("event_id"),
    Column("payment_id", BigInteger, ForeignKey("payments.id")),
    _text("what"),
    _text("detail"),
    _int("at"),
    UniqueConstraint("provider", "event_id"),
)

# Money whose owner is not known yet: `direction` in came and belongs to somebody, out was taken
# from us and is owed by somebody. `account` is the ledger account it came from or went to.
suspense_items = Table(
    "suspense_items",
    metadata,
    _id(),
    _text("key"),
    _text("direction"),
    _text("account"),
    *_amount(),
    _text("why"),
    _text("text"),
    _text("party"),
    Column("payment_id", BigInteger, ForeignKey("payments.id")),
    _int("opened_at"),
    _text("state", default="open"),
    _int("closed_at", nullable=True),
    _text("closed_by", default=""),
    _text("closing", default=""),
    UniqueConstraint("key"),
    CheckConstraint("direction IN ('in', 'out')"),
    CheckConstraint("state IN ('open', 'assigned', 'returned', 'recovered', 'written off')"),
)
Index("suspense_items_open", suspense_items.c.state, suspense_items.c.id)

# Money on its way back to the payer; `source` is the ledger account that pays it.
payment_refunds = Table(
    "payment_refunds",
    metadata,
    _id(),
    _text("asked_by"),
    _text("key"),
    Column("payment_id", BigInteger, ForeignKey("payments.id"), nullable=False),
    *_amount(),
    _text("source"),
    _text("state"),
    _int("asked_at"),
    _int("ended_at", nullable=True),
    _text("provider_ref", default=""),
    UniqueConstraint("asked_by", "key"),
    CheckConstraint("state IN ('asked', 'done', 'failed')"),
)
Index("payment_refunds_open", payment_refunds.c.state)
Index("payment_refunds_of", payment_refunds.c.payment_id)

# A provider's own list of what moved: what the clearing account is compared with. `amount_u` is
# below 0 for what left it.
provider_lines = Table(
    "provider_lines",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("line", Text, primary_key=True),
    _text("kind"),
    _text("reference"),
    _int("amount_u"),
    _int("at"),
)

# When each provider was last asked for that.
provider_marks = Table(
    "provider_marks", metadata, Column("provider", Text, primary_key=True), _int("fetched_at")
)

# The sandbox's own memory, which a real provider would keep at its place.
sandbox_intents = Table(
    "sandbox_intents",
    metadata,
    Column("reference", Text, primary_key=True),
    _int("payment_id"),
    _int("minor"),
    _text("currency"),
    _text("state"),
    _int("made_at"),
    UniqueConstraint("payment_id"),
)
sandbox_moves = Table(
    "sandbox_moves",
    metadata,
    _id(),
    _text("key"),
    _text("kind"),
    _text("reference"),
    _int("minor"),
    _int("at"),
    UniqueConstraint("key"),
)

# What a payer writes on a bank transfer: names a channel, or a tenant's wallet.
payment_references = Table(
    "payment_references",
    metadata,
    _id(),
    _text("reference"),
    _meter(),
    _int("ch", nullable=True),
    _int("tenant_id", nullable=True),
    _int("made_at"),
    UniqueConstraint("reference"),
    UniqueConstraint("meter", "ch"),
    UniqueConstraint("tenant_id"),
    CheckConstraint("(meter IS NULL) = (ch IS NULL) AND (meter IS NULL) <> (tenant_id IS NULL)"),
)

# Files that were read; `done_at` is NULL while one is being read, or was cut off.
bank_files = Table(
    "bank_files",
    metadata,
    _id(),
    _text("bank"),
    _text("sha256"),
    _text("format"),
    _text("name"),
    _text("imported_by"),
    _int("started_at"),
    _int("done_at", nullable=True),
    _text("counts", default="{}"),
    UniqueConstraint("bank", "sha256"),
)

# What a bank's statements say came in or was taken back, once per `identity`. `outcome` is what
# became of it at first: sale, wallet, suspense, or currency (another's; nothing was booked).
bank_lines = Table(
    "bank_lines",
    metadata,
    _id(),
    _text("bank"),
    _text("identity"),
    Column("file_id", BigInteger, ForeignKey("bank_files.id"), nullable=False),
    _text("booked_on"),
    _text("direction"),
    *_amount(),
    _text("currency"),
    _text("text"),
    _text("party"),
    _text("reference"),
    _int("reversal"),
    _text("outcome"),
    _int("at"),
    UniqueConstraint("bank", "identity"),
    CheckConstraint("direction IN ('in', 'out')"),
)

# Who may buy by telephone. `tries` are the wrong ones since the last right one or lock, `locks`
# how often it was locked since a right one; `locked_until` -1 is until an operator unlocks it.
phone_pins = Table(
    "phone_pins",
    metadata,
    Column("tenant_id", BigInteger, primary_key=True, autoincrement=False),
    _text("hash"),
    _int("set_at"),
    _text("set_by"),
    _int("tries", default=0),
    _int("locks", default=0),
    _int("locked_until", default=0),
)
phone_calls = Table(
    "phone_calls",
    metadata,
    Column("token_hash", Text, primary_key=True),
    _text("gateway"),
    _int("tenant_id"),
    _text("number"),
    _int("started_at"),
    _int("ends_at"),
)

# Messages that a gateway delivered, and what they were answered: again is the same answer. No
# PIN is in either of the two texts.
phone_messages = Table(
    "phone_messages",
    metadata,
    Column("gateway", Text, primary_key=True),
    Column("message_id", Text, primary_key=True),
    _text("asked"),
    _text("reply"),
    _int("at"),
)
