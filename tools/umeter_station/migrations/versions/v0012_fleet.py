"""Schedules, templates and rollouts over many meters."""

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    pass
