"""The tables of tariffs, sales at all ways, shifts, agents, receipts and refunds.

What is written here stays; only counters (`registers`) and cursors (`posting_marks`) move. `by` is
who did it, as in the acts of people; money is micro-units (`_u`), shares are per mille.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Table,
    Text,
    UniqueConstraint,
)

from umeter_station.models import metadata
from umeter_station.table_columns import id_column, id_of, int_column, positive, text_column


def _one_of(name: str, target: str) -> Column:
    return Column(name, BigInteger, ForeignKey(target), primary_key=True, autoincrement=False)


def _meter(**more: object) -> Column:
    return Column("meter", Text, ForeignKey("meters.meter"), nullable=False, **more)


# `document`: settings as a meter takes them, by key, without a channel.
tariffs = Table(
    "tariffs",
    metadata,
    id_column(),
    text_column("name"),
    int_column("version"),
    text_column("document"),
    int_column("created_at"),
    text_column("by"),
    UniqueConstraint("name", "version"),
)

# From `from_s` on, until the next one; `ch` 0 stands for all channels that have none of their own.
tariff_assignments = Table(
    "tariff_assignments",
    metadata,
    id_column(),
    _meter(),
    int_column("ch"),
    id_of("tariff_id", "tariffs.id"),
    int_column("from_s"),
    int_column("noted_at"),
    text_column("by"),
)
Index("tariff_assignments_of", tariff_assignments.c.meter, tariff_assignments.c.ch)

# What a way to pay costs and allows from `from_s` on; way "*" where it has no row of its own.
charge_terms = Table(
    "charge_terms",
    metadata,
    id_column(),
    text_column("way"),
    int_column("fee_u"),
    int_column("fee_permille"),
    int_column("tax_permille"),
    int_column("min_u"),
    int_column("max_u"),
    int_column("from_s"),
    int_column("noted_at"),
    text_column("by"),
)
Index("charge_terms_of", charge_terms.c.way, charge_terms.c.from_s)

# Where receipts are numbered: a desk, or a way to pay that has none.
registers = Table(
    "registers",
    metadata,
    Column("name", Text, primary_key=True),
    int_column("next_receipt", default=1),
    int_column("next_z", default=1),
)

shifts = Table(
    "shifts",
    metadata,
    id_column(),
    Column("register", Text, ForeignKey("registers.name"), nullable=False),
    text_column("cashier"),
    int_column("opened_at"),
    int_column("float_u"),
    text_column("by"),
)
Index("shifts_of_cashier", shifts.c.cashier, shifts.c.id)

# `over_u`: counted less expected, so below 0 if money is missing. `report`: the Z-report.
shift_closings = Table(
    "shift_closings",
    metadata,
    _one_of("shift_id", "shifts.id"),
    Column("register", Text, ForeignKey("registers.name"), nullable=False),
    int_column("z_no"),
    int_column("closed_at"),
    int_column("expected_u"),
    int_column("counted_u"),
    int_column("over_u"),
    text_column("report"),
    text_column("by"),
    UniqueConstraint("register", "z_no"),
)

# Cash brought into a drawer (`into_u` > 0) or taken out of it, between a shift and the safe.
cash_moves = Table(
    "cash_moves",
    metadata,
    id_column(),
    text_column("key", unique=True),
    id_of("shift_id", "shifts.id"),
    int_column("into_u"),
    text_column("reason"),
    int_column("at"),
    text_column("by"),
    CheckConstraint("into_u <> 0"),
)
Index("cash_moves_of", cash_moves.c.shift_id)

# Of an agent the newest row counts.
agent_terms = Table(
    "agent_terms",
    metadata,
    id_column(),
    text_column("agent"),
    int_column("ceiling_u"),
    int_column("commission_permille"),
    int_column("active"),
    int_column("noted_at"),
    text_column("by"),
)
Index("agent_terms_of", agent_terms.c.agent, agent_terms.c.id)

agent_settlements = Table(
    "agent_settlements",
    metadata,
    id_column(),
    text_column("key", unique=True),
    text_column("agent"),
    int_column("amount_u"),
    text_column("paid_into"),
    int_column("at"),
    text_column("by"),
    *positive("amount_u"),
)

# paid_u = fee_u + tax_u + credit_u. The purchase holds what the meter is ordered to credit: the
# same as credit_u where its unit is money, else that many millionths of a kWh.
sales = Table(
    "sales",
    metadata,
    _one_of("purchase_id", "purchases.id"),
    text_column("way"),
    text_column("unit"),
    int_column("paid_u"),
    int_column("fee_u"),
    int_column("tax_u"),
    int_column("credit_u"),
    int_column("commission_u"),
    text_column("paid_from"),
    id_of("shift_id", "shifts.id", nullable=True),
    Column("register", Text, ForeignKey("registers.name"), nullable=False),
    int_column("receipt_no"),
    int_column("at"),
    text_column("by"),
    text_column("quote"),
    UniqueConstraint("register", "receipt_no"),
    CheckConstraint("paid_u = fee_u + tax_u + credit_u"),
)
Index("sales_of_shift", sales.c.shift_id)
Index("sales_by_time", sales.c.at)

sale_voids = Table(
    "sale_voids",
    metadata,
    _one_of("purchase_id", "purchases.id"),
    id_of("shift_id", "shifts.id"),
    int_column("amount_u"),
    int_column("at"),
    text_column("by"),
)
Index("sale_voids_of_shift", sale_voids.c.shift_id)

# Money that was due back and was paid out at a desk, from its drawer or its bank account.
payouts = Table(
    "payouts",
    metadata,
    id_column(),
    text_column("key", unique=True),
    _meter(),
    int_column("ch"),
    int_column("amount_u"),
    text_column("paid_to"),
    id_of("shift_id", "shifts.id", nullable=True),
    id_of("purchase_id", "purchases.id", nullable=True),
    Column("register", Text, ForeignKey("registers.name"), nullable=False),
    int_column("receipt_no"),
    int_column("at"),
    text_column("by"),
    text_column("reason"),
    *positive("amount_u"),
    UniqueConstraint("register", "receipt_no"),
)
Index("payouts_of_channel", payouts.c.meter, payouts.c.ch)
Index("payouts_of_shift", payouts.c.shift_id)
Index("payouts_of_purchase", payouts.c.purchase_id)

# `n` 0 is the original, the others are copies.
receipt_prints = Table(
    "receipt_prints",
    metadata,
    Column("register", Text, primary_key=True),
    Column("receipt_no", BigInteger, primary_key=True, autoincrement=False),
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    text_column("form"),
    int_column("at"),
    text_column("by"),
    ForeignKeyConstraint(["register"], ["registers.name"]),
)

# How far the use of a meter's channels is posted: through which day (of 86400 s, UTC).
posting_marks = Table(
    "posting_marks",
    metadata,
    Column("meter", Text, ForeignKey("meters.meter"), primary_key=True),
    int_column("through_day"),
)

# `digest`: SHA-256 of the one before it and of this report.
reconciliations = Table(
    "reconciliations",
    metadata,
    id_column(),
    int_column("at"),
    int_column("mismatches"),
    text_column("report"),
    text_column("digest"),
)
