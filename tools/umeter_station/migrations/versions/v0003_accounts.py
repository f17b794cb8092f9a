"""Orders under keys, purchases sent again, and what newer meters report of an account."""

import sqlalchemy as sa
from alembic import op

from umeter_station.migrations.append_only import append_only
from umeter_station.migrations.columns import id_column

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "order_keys",
        id_column(),
        sa.Column("key", sa.Text, nullable=False, unique=True),
        sa.Column(
            "command_id",
            sa.BigInteger,
            sa.ForeignKey("commands.id"),
            nullable=False,
            unique=True,
        ),
        sa.Column("purchase_id", sa.BigInteger, sa.ForeignKey("purchases.id")),
    )
    op.create_index("order_keys_purchase", "order_keys", ["purchase_id"])
    append_only("order_keys", "key", "id", "command_id")
    if op.get_context().dialect.name == "sqlite":
        _guard_all_keys_of_purchases()
    for name in ("armed", "rate", "state", "days_left"):
        op.add_column("reading_channels", sa.Column(name, sa.BigInteger))


def _guard_all_keys_of_purchases() -> None:
    # REPLACE deletes whatever row is in its way, by any of its unique columns.
    op.execute("DROP TRIGGER purchases_no_replace")
    taken = "SELECT 1 FROM purchases WHERE NEW.key = key OR NEW.id = id"
    op.execute(
        "CREATE TRIGGER purchases_no_replace BEFORE INSERT ON purchases"
        f" WHEN EXISTS ({taken} OR NEW.command_id = command_id)"
        " BEGIN SELECT RAISE(ABORT, 'purchases is append-only'); END"
    )
