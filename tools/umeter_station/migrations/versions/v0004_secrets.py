"""Keys sealed and on their way to another one, meters retired, and their broker passwords."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for name in ("next_key", "old_key"):
        op.add_column("meters", sa.Column(name, sa.LargeBinary))
    op.add_column(
        "meters", sa.Column("key_state", sa.Text, nullable=False, server_default="steady")
    )
    op.add_column("meters", sa.Column("key_at", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("meters", sa.Column("retired_at", sa.BigInteger))
    op.add_column("meters", sa.Column("mqtt_hash", sa.Text))
    op.execute("UPDATE meters SET key_at = added_at")
