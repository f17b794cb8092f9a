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
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from umeter_station.models import metadata


def _id() -> Column:
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


def _int(name: str, nullable: bool = False, default: int | None = None) -> Column:
    text = None if default is None else str(default)
    return Column(name, BigInteger, nullable=nullable, server_default=text)


def _text(name: str, nullable: bool = False, **more: object) -> Column:
    return Column(name, Text, nullable=nullable, **more)


def _of(name: str, target: str, nullable: bool = False, **more: object) -> Column:
    return Column(name, BigInteger, ForeignKey(target), nullable=nullable, **more)


def _one_of(name: str, target: str) -> Column:
    return Column(name, BigInteger, ForeignKey(target), primary_key=True, autoincrement=False)


def _meter(**more: object) -> Column:
    return Column("meter", Text, ForeignKey("meters.meter"), nullable=False, **more)


def _positive(name: str) -> list[CheckConstraint]:
    whole = CheckConstraint(f"{name} > 0 AND typeof({name}) = 'integer'").ddl_if(dialect="sqlite")
    return [whole, CheckConstraint(f"{name} > 0").ddl_if(dialect="postgresql")]


# `document`: settings as a meter takes them, by key, without a channel.
tariffs = Table(
    "tariffs",
    metadata,
    _id(),
    _text("name"),
    _int("version"),
    _text("document"),
    _int("created_at"),
    _text("by"),
    UniqueConstraint("name", "version"),
)

# From `from_s` on, until the next one; `ch` 0 stands for all channels that have none of their own.
tariff_assignments = Table(
    "tariff_assignments",
    metadata,
    _id(),
    _meter(),
    _int("ch"),
    _of("tariff_id", "tariffs.id"),
    _int("from_s"),
    _int("noted_at"),
    _text("by"),
)
Index("tariff_assignments_of", tariff_assignments.c.meter, tariff_assignments.c.ch)

# What a way to pay costs and allows from `from_s` on; way "*" where it has no row of its own.
charge_terms = Table(
    "charge_terms",
    metadata,
    _id(),
    _text("way"),
    _int("fee_u"),
    _int("fee_permille"),
    _int("tax_permille"),
    _int("min_u"),
    _int("max_u"),
    _int("from_s"),
    _int("noted_at"),
    _text("by"),
)
Index("charge_terms_of", charge_terms.c.way, charge_terms.c.from_s)

# Where receipts are numbered: a desk, or a way to pay that has none.
registers = Table(
    "registers",
    metadata,
    Column("name", Text, primary_key=True),
    _int("next_receipt", default=1),
    _int("next_z", default=1),
)

shifts = Table(
    "shifts",
    metadata,
    _id(),
    Column("register", Text, ForeignKey("registers.name"), nullable=False),
    _text("cashier"),
    _int("opened_at"),
    _int("float_u"),
    _text("by"),
)
Index("shifts_of_cashier", shifts.c.cashier, shifts.c.id)

# `over_u`: counted less expected, so below 0 if money is missing. `report`: the Z-report.
shift_closings = Table(
    "shift_closings",
    metadata,
    _one_of("shift_id", "shifts.id"),
    Column("register", Text, ForeignKey("registers.name"), nullable=False),
    _int("z_no"),
    _int("closed_at"),
    _int("expected_u"),
    _int("counted_u"),
    _int("over_u"),
    _text("report"),
    _text("by"),
    UniqueConstraint("register", "z_no"),
)

# Cash brought into a drawer (`into_u` > 0) or taken out of it, between a shift and the safe.
cash_moves = Table(
    "cash_moves",
    metadata,
    _id(),
    _text("key", unique=True),
    _of("shift_id", "shifts.id"),
    _int("into_u"),
    _text("reason"),
    _int("at"),
    _text("by"),
    CheckConstraint("into_u <> 0"),
)
Index("cash_moves_of", cash_moves.c.shift_id)

# Of an agent the newest row counts.
agent_terms = Table(
    "agent_terms",
    metadata,
    _id(),
    _text("agent"),
    _int("ceiling_u"),
    _int("commission_permille"),
    _int("active"),
    _int("noted_at"),
    _text("by"),
)
Index("agent_terms_of", agent_terms.c.agent, agent_terms.c.id)

agent_settlements = Table(
    "agent_settlements",
    metadata,
    _id(),
    _text("key", unique=True),
    _text("agent"),
    _int("amount_u"),
    _text("paid_into"),
    _int("at"),
    _text("by"),
    *_positive("amount_u"),
)

# paid_u = fee_u + tax_u + credit_u. The purchase holds what the meter is ordered to credit: the
# same as credit_u where its unit is money, else that many millionths of a kWh.
sales = Table(
    "sales",
    metadata,
    _one_of("purchase_id", "purchases.id"),
    _text("way"),
    _text("unit"),
    _int("paid_u"),
    _int("fee_u"),
    _int("tax_u"),
    _int("credit_u"),
    _int("commission_u"),
    _text("paid_from"),
    _of("shift_id", "shifts.id", nullable=True),
    Column("register", Text, ForeignKey("registers.name"), nullable=False),
    _int("receipt_no"),
    _int("at"),
    _text("by"),
    _text("quote"),
    UniqueConstraint("register", "receipt_no"),
    CheckConstraint("paid_u = fee_u + tax_u + credit_u"),
)
Index("sales_of_shift", sales.c.shift_id)
Index("sales_by_time", sales.c.at)

sale_voids = Table(
    "sale_voids",
    metadata,
    _one_of("purchase_id", "purchases.id"),
    _of("shift_id", "shifts.id"),
    _int("amount_u"),
    _int("at"),
    _text("by"),
)
Index("sale_voids_of_shift", sale_voids.c.shift_id)

# Money that was due back and was paid out at a desk, from its drawer or its bank account.
payouts = Table(
    "payouts",
    metadata,
    _id(),
    _text("key", unique=True),
    _meter(),
    _int("ch"),
    _int("amount_u"),
    _text("paid_to"),
    _of("shift_id", "shifts.id", nullable=True),
    _of("purchase_id", "purchases.id", nullable=True),
    Column("register", Text, ForeignKey("registers.name"), nullable=False),
    _int("receipt_no"),
    _int("at"),
    _text("by"),
    _text("reason"),
    *_positive("amount_u"),
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
    _text("form"),
    _int("at"),
    _text("by"),
    ForeignKeyConstraint(["register"], ["registers.name"]),
)

# How far the use of a meter's channels is posted: through which day (of 86400 s, UTC).
posting_marks = Table(
    "posting_marks",
    metadata,
    Column("meter", Text, ForeignKey("meters.meter"), primary_key=True),
    _int("through_day"),
)

# `digest`: SHA-256 of the one before it and of this report.
reconciliations = Table(
    "reconciliations",
    metadata,
    _id(),
    _int("at"),
    _int("mismatches"),
    _text("report"),
    _text("digest"),
)
