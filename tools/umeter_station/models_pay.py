"""The tables of payments, beside those of models.py: providers, banks, the telephone."""

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
)

from umeter_station.models import metadata
from umeter_station.table_columns import id_column, int_column, positive, text_column


def _meter() -> Column:
    return Column("meter", Text, ForeignKey("meters.meter"))


def _amount() -> list[Column | CheckConstraint]:
    return [int_column("amount_u"), *positive("amount_u")]


# What somebody wants to pay through a provider. `key` is the payer's own; `reference` is the
# provider's name of the intent, `charge` of the money that moved; `outcome` is what the money
# became: '' (none yet), sale, wallet or suspense. A trigger keeps success final.
payments = Table(
    "payments",
    metadata,
    id_column(),
    text_column("payer"),
    text_column("key"),
    text_column("provider"),
    text_column("currency"),
    *_amount(),
    text_column("purpose"),
    _meter(),
    int_column("ch", nullable=True),
    int_column("account", nullable=True),
    int_column("tenant_id", nullable=True),
    text_column("way"),
    text_column("quote", default="{}"),
    int_column("created_at"),
    int_column("expires_at"),
    text_column("state"),
    int_column("since"),
    text_column("reference", nullable=True),
    text_column("charge", nullable=True),
    text_column("redirect_url", default=""),
    int_column("checked_at", default=0),
    text_column("outcome", default=""),
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
    id_column(),
    text_column("provider"),
    text_column("event_id"),
    text_column("type"),
    text_column("kind"),
    text_column("reference"),
    text_column("item"),
    Column("payment_id", BigInteger, ForeignKey("payments.id")),
    Column("body", LargeBinary, nullable=False),
    int_column("happened_at"),
    int_column("received_at"),
    text_column("outcome"),
    UniqueConstraint("provider", "event_id"),
)
Index("payment_events_of", payment_events.c.payment_id)
Index("payment_events_item", payment_events.c.provider, payment_events.c.item)

# Where a provider's word and the stored payment do not agree; for a person to look at.
payment_conflicts = Table(
    "payment_conflicts",
    metadata,
    id_column(),
    text_column("provider"),
    text_column("event_id"),
    Column("payment_id", BigInteger, ForeignKey("payments.id")),
    text_column("what"),
    text_column("detail"),
    int_column("at"),
    UniqueConstraint("provider", "event_id"),
)

# Money whose owner is not known yet: `direction` in came and belongs to somebody, out was taken
# from us and is owed by somebody. `account` is the ledger account it came from or went to.
suspense_items = Table(
    "suspense_items",
    metadata,
    id_column(),
    text_column("key"),
    text_column("direction"),
    text_column("account"),
    *_amount(),
    text_column("why"),
    text_column("text"),
    text_column("party"),
    Column("payment_id", BigInteger, ForeignKey("payments.id")),
    int_column("opened_at"),
    text_column("state", default="open"),
    int_column("closed_at", nullable=True),
    text_column("closed_by", default=""),
    text_column("closing", default=""),
    UniqueConstraint("key"),
    CheckConstraint("direction IN ('in', 'out')"),
    CheckConstraint("state IN ('open', 'assigned', 'returned', 'recovered', 'written off')"),
)
Index("suspense_items_open", suspense_items.c.state, suspense_items.c.id)

# Money on its way back to the payer; `source` is the ledger account that pays it.
payment_refunds = Table(
    "payment_refunds",
    metadata,
    id_column(),
    text_column("asked_by"),
    text_column("key"),
    Column("payment_id", BigInteger, ForeignKey("payments.id"), nullable=False),
    *_amount(),
    text_column("source"),
    text_column("state"),
    int_column("asked_at"),
    int_column("ended_at", nullable=True),
    text_column("provider_ref", default=""),
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
    text_column("kind"),
    text_column("reference"),
    int_column("amount_u"),
    int_column("at"),
)

# When each provider was last asked for that.
provider_marks = Table(
    "provider_marks",
    metadata,
    Column("provider", Text, primary_key=True),
    int_column("fetched_at"),
)

# The sandbox's own memory, which a real provider would keep at its place.
sandbox_intents = Table(
    "sandbox_intents",
    metadata,
    Column("reference", Text, primary_key=True),
    int_column("payment_id"),
    int_column("minor"),
    text_column("currency"),
    text_column("state"),
    int_column("made_at"),
    UniqueConstraint("payment_id"),
)
sandbox_moves = Table(
    "sandbox_moves",
    metadata,
    id_column(),
    text_column("key"),
    text_column("kind"),
    text_column("reference"),
    int_column("minor"),
    int_column("at"),
    UniqueConstraint("key"),
)

# What a payer writes on a bank transfer: names a channel, or a tenant's wallet.
payment_references = Table(
    "payment_references",
    metadata,
    id_column(),
    text_column("reference"),
    _meter(),
    int_column("ch", nullable=True),
    int_column("tenant_id", nullable=True),
    int_column("made_at"),
    UniqueConstraint("reference"),
    UniqueConstraint("meter", "ch"),
    UniqueConstraint("tenant_id"),
    CheckConstraint("(meter IS NULL) = (ch IS NULL) AND (meter IS NULL) <> (tenant_id IS NULL)"),
)

# Files that were read; `done_at` is NULL while one is being read, or was cut off.
bank_files = Table(
    "bank_files",
    metadata,
    id_column(),
    text_column("bank"),
    text_column("sha256"),
    text_column("format"),
    text_column("name"),
    text_column("imported_by"),
    int_column("started_at"),
    int_column("done_at", nullable=True),
    text_column("counts", default="{}"),
    UniqueConstraint("bank", "sha256"),
)

# What a bank's statements say came in or was taken back, once per `identity`. `outcome` is what
# became of it at first: sale, wallet, suspense, or currency (another's; nothing was booked).
bank_lines = Table(
    "bank_lines",
    metadata,
    id_column(),
    text_column("bank"),
    text_column("identity"),
    Column("file_id", BigInteger, ForeignKey("bank_files.id"), nullable=False),
    text_column("booked_on"),
    text_column("direction"),
    *_amount(),
    text_column("currency"),
    text_column("text"),
    text_column("party"),
    text_column("reference"),
    int_column("reversal"),
    text_column("outcome"),
    int_column("at"),
    UniqueConstraint("bank", "identity"),
    CheckConstraint("direction IN ('in', 'out')"),
)

# Who may buy by telephone. `tries` are the wrong ones since the last right one or lock, `locks`
# how often it was locked since a right one; `locked_until` -1 is until an operator unlocks it.
phone_pins = Table(
    "phone_pins",
    metadata,
    Column("tenant_id", BigInteger, primary_key=True, autoincrement=False),
    text_column("hash"),
    int_column("set_at"),
    text_column("set_by"),
    int_column("tries", default=0),
    int_column("locks", default=0),
    int_column("locked_until", default=0),
)
phone_calls = Table(
    "phone_calls",
    metadata,
    Column("token_hash", Text, primary_key=True),
    text_column("gateway"),
    int_column("tenant_id"),
    text_column("number"),
    int_column("started_at"),
    int_column("ends_at"),
)

# Messages that a gateway delivered, and what they were answered: again is the same answer. No
# PIN is in either of the two texts.
phone_messages = Table(
    "phone_messages",
    metadata,
    Column("gateway", Text, primary_key=True),
    Column("message_id", Text, primary_key=True),
    text_column("asked"),
    text_column("reply"),
    int_column("at"),
)
