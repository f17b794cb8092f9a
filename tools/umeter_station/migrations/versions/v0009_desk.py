"""Quotes, shifts, agents, receipts, refunds; transfers that no order to a meter stands behind."""

import sqlalchemy as sa
from alembic import op

from umeter_station.migrations.append_only import append_only
from umeter_station.migrations.columns import id_column, positive

revision = "0009"
down_revision = "0008"


def _ints(*names: str, nullable: bool = False) -> list[sa.Column]:
    return [sa.Column(name, sa.BigInteger, nullable=nullable) for name in names]


def _texts(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _of(name: str, target: str, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.BigInteger, sa.ForeignKey(target), nullable=nullable)


def _one_of(name: str, target: str) -> sa.Column:
    of = sa.ForeignKey(target)
    return sa.Column(name, sa.BigInteger, of, primary_key=True, autoincrement=False)


def _meter() -> sa.Column:
    return sa.Column("meter", sa.Text, sa.ForeignKey("meters.meter"), nullable=False)


def _register() -> sa.Column:
    return sa.Column("register", sa.Text, sa.ForeignKey("registers.name"), nullable=False)


def _key() -> sa.Column:
    return sa.Column("key", sa.Text, nullable=False, unique=True)


def upgrade() -> None:
    _transfers_without_orders()
    _prices()
    _desks()
    _sales()
    _refunds()
    _nights()


def _transfers_without_orders() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.alter_column("transfers", "command_id", nullable=True)
        return
    # SQLite drops no NOT NULL: the table is made anew. Its triggers and indexes go with it.
    op.create_table(
        "transfers_new",
        id_column(),
        _key(),
        *_texts("debit", "credit"),
        *_ints("amount_u", "created_at"),
        _of("command_id", "commands.id", nullable=True),
        positive("amount_u"),
        sa.CheckConstraint("debit <> credit"),
    )
    names = "id, key, debit, credit, amount_u, created_at, command_id"
    op.execute(f"INSERT INTO transfers_new ({names}) SELECT {names} FROM transfers ORDER BY id")
    op.drop_table("transfers")
    op.rename_table("transfers_new", "transfers")
    op.create_index("transfers_debit", "transfers", ["debit"])
    op.create_index("transfers_credit", "transfers", ["credit"])
    append_only("transfers", "key", "id")


def _prices() -> None:
    op.create_table(
        "tariffs",
        id_column(),
        *_texts("name"),
        *_ints("version"),
        *_texts("document"),
        *_ints("created_at"),
        *_texts("by"),
        sa.UniqueConstraint("name", "version"),
    )
    append_only("tariffs", "id", ("name", "version"))
    op.create_table(
        "tariff_assignments",
        id_column(),
        _meter(),
        *_ints("ch"),
        _of("tariff_id", "tariffs.id"),
        *_ints("from_s", "noted_at"),
        *_texts("by"),
    )
    op.create_index("tariff_assignments_of", "tariff_assignments", ["meter", "ch"])
    append_only("tariff_assignments", "id")
    op.create_table(
        "charge_terms",
        id_column(),
        *_texts("way"),
        *_ints("fee_u", "fee_permille", "tax_permille", "min_u", "max_u", "from_s", "noted_at"),
        *_texts("by"),
    )
    op.create_index("charge_terms_of", "charge_terms", ["way", "from_s"])
    append_only("charge_terms", "id")


def _desks() -> None:
    op.create_table(
        "registers",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("next_receipt", sa.BigInteger, nullable=False, server_default="1"),
        sa.Column("next_z", sa.BigInteger, nullable=False, server_default="1"),
    )
    op.create_table(
        "shifts",
        id_column(),
        _register(),
        *_texts("cashier"),
        *_ints("opened_at", "float_u"),
        *_texts("by"),
    )
    op.create_index("shifts_of_cashier", "shifts", ["cashier", "id"])
    append_only("shifts", "id")
    op.create_table(
        "shift_closings",
        _one_of("shift_id", "shifts.id"),
        _register(),
        *_ints("z_no", "closed_at", "expected_u", "counted_u", "over_u"),
        *_texts("report", "by"),
        sa.UniqueConstraint("register", "z_no"),
    )
    append_only("shift_closings", "shift_id", ("register", "z_no"))
    op.create_table(
        "cash_moves",
        id_column(),
        _key(),
        _of("shift_id", "shifts.id"),
        *_ints("into_u"),
        *_texts("reason"),
        *_ints("at"),
        *_texts("by"),
        sa.CheckConstraint("into_u <> 0"),
    )
    op.create_index("cash_moves_of", "cash_moves", ["shift_id"])
    append_only("cash_moves", "id", "key")
    op.create_table(
        "agent_terms",
        id_column(),
        *_texts("agent"),
        *_ints("ceiling_u", "commission_permille", "active", "noted_at"),
        *_texts("by"),
    )
    op.create_index("agent_terms_of", "agent_terms", ["agent", "id"])
    append_only("agent_terms", "id")
    op.create_table(
        "agent_settlements",
        id_column(),
        _key(),
        *_texts("agent"),
        *_ints("amount_u"),
        *_texts("paid_into"),
        *_ints("at"),
        *_texts("by"),
        positive("amount_u"),
    )
    append_only("agent_settlements", "id", "key")


def _sales() -> None:
    op.create_table(
        "sales",
        _one_of("purchase_id", "purchases.id"),
        *_texts("way", "unit"),
        *_ints("paid_u", "fee_u", "tax_u", "credit_u", "commission_u"),
        *_texts("paid_from"),
        _of("shift_id", "shifts.id", nullable=True),
        _register(),
        *_ints("receipt_no", "at"),
        *_texts("by", "quote"),
        sa.UniqueConstraint("register", "receipt_no"),
        sa.CheckConstraint("paid_u = fee_u + tax_u + credit_u"),
    )
    op.create_index("sales_of_shift", "sales", ["shift_id"])
    op.create_index("sales_by_time", "sales", ["at"])
    append_only("sales", "purchase_id", ("register", "receipt_no"))
    op.create_table(
        "sale_voids",
        _one_of("purchase_id", "purchases.id"),
        _of("shift_id", "shifts.id"),
        *_ints("amount_u", "at"),
        *_texts("by"),
    )
    op.create_index("sale_voids_of_shift", "sale_voids", ["shift_id"])
    append_only("sale_voids", "purchase_id")
    op.create_table(
        "receipt_prints",
        sa.Column("register", sa.Text, primary_key=True),
        sa.Column("receipt_no", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("n", sa.BigInteger, primary_key=True, autoincrement=False),
        *_texts("form"),
        *_ints("at"),
        *_texts("by"),
        sa.ForeignKeyConstraint(["register"], ["registers.name"]),
    )
    append_only("receipt_prints", ("register", "receipt_no", "n"))


def _refunds() -> None:
    op.create_table(
        "payouts",
        id_column(),
        _key(),
        _meter(),
        *_ints("ch", "amount_u"),
        *_texts("paid_to"),
        _of("shift_id", "shifts.id", nullable=True),
        _of("purchase_id", "purchases.id", nullable=True),
        _register(),
        *_ints("receipt_no", "at"),
        *_texts("by", "reason"),
        positive("amount_u"),
        sa.UniqueConstraint("register", "receipt_no"),
    )
    op.create_index("payouts_of_channel", "payouts", ["meter", "ch"])
    op.create_index("payouts_of_shift", "payouts", ["shift_id"])
    op.create_index("payouts_of_purchase", "payouts", ["purchase_id"])
    append_only("payouts", "id", "key", ("register", "receipt_no"))


def _nights() -> None:
    op.create_table(
        "posting_marks",
        sa.Column("meter", sa.Text, sa.ForeignKey("meters.meter"), primary_key=True),
        *_ints("through_day"),
    )
    op.create_table(
        "reconciliations",
        id_column(),
        *_ints("at", "mismatches"),
        *_texts("report", "digest"),
    )
    append_only("reconciliations", "id")
