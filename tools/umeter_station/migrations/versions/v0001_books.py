"""Meters, orders, sales, the ledger, and what meters report."""

import sqlalchemy as sa
from alembic import op

from umeter_station.migrations.append_only import append_only
from umeter_station.migrations.columns import id_column, positive

revision = "0001"
down_revision = None


def _ints(*names: str, nullable: bool = False) -> list[sa.Column]:
    return [sa.Column(name, sa.BigInteger, nullable=nullable) for name in names]


def _zeros(*names: str) -> list[sa.Column]:
    return [sa.Column(n, sa.BigInteger, nullable=False, server_default="0") for n in names]


def _texts(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _documents(*names: str) -> list[sa.Column]:
    return [sa.Column(n, sa.Text, nullable=False, server_default="{}") for n in names]


def _meter(primary_key: bool = False) -> sa.Column:
    reference = sa.ForeignKey("meters.meter")
    return sa.Column("meter", sa.Text, reference, primary_key=primary_key, nullable=False)


def _key_number(name: str) -> sa.Column:
    return sa.Column(name, sa.BigInteger, primary_key=True, autoincrement=False)


def _command(unique: bool) -> sa.Column:
    reference = sa.ForeignKey("commands.id")
    return sa.Column("command_id", sa.BigInteger, reference, nullable=False, unique=unique)


def upgrade() -> None:
    _meters_and_commands()
    _money()
    _reports()


def _meters_and_commands() -> None:
    op.create_table(
        "meters",
        sa.Column("meter", sa.Text, primary_key=True),
        sa.Column("key", sa.LargeBinary, nullable=False),
        *_ints("added_at"),
        sa.Column("next_n", sa.BigInteger, nullable=False, server_default="1"),
        *_zeros("settings_version"),
        sa.Column("presence", sa.Text, nullable=False, server_default="unknown"),
        *_zeros("boot", "seen_at", "channels"),
        *_documents("status", "settings"),
        sa.CheckConstraint("presence IN ('unknown', 'online', 'offline')"),
    )
    op.create_table(
        "commands",
        id_column(),
        _meter(),
        *_ints("n"),
        *_texts("op", "args"),
        *_ints("created_at", "exp"),
        *_texts("state"),
        *_zeros("sent_count"),
        *_ints("answered_at", nullable=True),
        sa.Column("code", sa.Text),
        sa.Column("result", sa.Text),
        sa.UniqueConstraint("meter", "n"),
        sa.CheckConstraint(
            "state IN ('created', 'sent', 'applied', 'partly', 'refused', 'expired', 'unclear')"
        ),
    )
    op.create_index("commands_open", "commands", ["state", "meter", "n"])
    op.create_index("commands_of_op", "commands", ["meter", "op", "n"])


def _money() -> None:
    op.create_table(
        "purchases",
        id_column(),
        sa.Column("key", sa.Text, nullable=False, unique=True),
        _meter(),
        *_ints("ch", "amount_u", "created_at"),
        _command(unique=True),
        positive("amount_u"),
    )
    op.create_table(
        "transfers",
        id_column(),
        sa.Column("key", sa.Text, nullable=False, unique=True),
        *_texts("debit", "credit"),
        *_ints("amount_u", "created_at"),
        _command(unique=False),
        positive("amount_u"),
        sa.CheckConstraint("debit <> credit"),
    )
    op.create_index("transfers_debit", "transfers", ["debit"])
    op.create_index("transfers_credit", "transfers", ["credit"])
    append_only("purchases", "key", "id")
    append_only("transfers", "key", "id")


def _reports() -> None:
    op.create_table(
        "channels",
        _meter(primary_key=True),
        _key_number("ch"),
        *_ints("credited_total_u", "charged_total_u"),
    )
    op.create_table(
        "readings",
        id_column(),
        _meter(),
        *_ints("boot", "seq", "t", "clock", "up_s", "event", "received_at"),
        sa.UniqueConstraint("meter", "boot", "seq"),
    )
    op.create_table(
        "reading_channels",
        sa.Column("reading_id", sa.BigInteger, sa.ForeignKey("readings.id"), primary_key=True),
        _key_number("ch"),
        *_ints("energy_wh"),
        *_ints("power_dw", "voltage_dv", "current_ma", nullable=True),
        *_ints("credited_total_u", "charged_total_u", "balance_u", "contact", "claims"),
        *_ints("age_s", nullable=True),
    )
    op.create_table(
        "events",
        _meter(primary_key=True),
        _key_number("n"),
        *_ints("boot", "t"),
        *_texts("code"),
        *_ints("ch", "a", "b", "received_at"),
    )
    op.create_table(
        "counters",
        sa.Column("name", sa.Text, primary_key=True),
        *_ints("count"),
    )
