"""Orders under keys, purchases sent again, and what newer meters report of an account."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "order_keys",
        sa.Column("id", sa.Integer, primary_key=True),
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
    refuse = "SELECT RAISE(ABORT, 'order_keys is append-only')"
    for event in ("update", "delete"):
        op.execute(
            f"CREATE TRIGGER order_keys_no_{event} BEFORE {event} ON order_keys"
            f" BEGIN {refuse}; END"
        )
    # REPLACE deletes whatever row is in its way, by any of its unique columns.
    op.execute("DROP TRIGGER purchases_no_replace")
    for table in ("order_keys", "purchases"):
        taken = f"SELECT 1 FROM {table} WHERE NEW.key = key OR NEW.id = id"
        op.execute(
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table}"
            f" WHEN EXISTS ({taken} OR NEW.command_id = command_id)"
            f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )
    for name in ("armed", "rate", "state", "days_left"):
        op.add_column("reading_channels", sa.Column(name, sa.BigInteger))
