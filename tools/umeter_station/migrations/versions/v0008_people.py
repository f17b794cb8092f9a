"""Sites, tenants, operators, their keys and sessions, and what they did."""

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    pass
