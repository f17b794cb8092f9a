"""What PostgreSQL needs, how readings are kept, and what became of each order."""

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    pass
