"""What the migrations' tables need, and SQLite and PostgreSQL write differently."""

import sqlalchemy as sa
from alembic import op


def id_column() -> sa.Column:
    """A number that the database gives each row."""
    # SQLite numbers rows by itself only for a column that is exactly INTEGER PRIMARY KEY.
    kind = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    return sa.Column("id", kind, primary_key=True)


def positive(name: str) -> sa.CheckConstraint:
    """The column holds whole numbers above 0."""
    # SQLite would keep 0.5 in an integer column as a float: hence typeof().
    whole = f" AND typeof({name}) = 'integer'"
    sqlite = op.get_context().dialect.name == "sqlite"
    return sa.CheckConstraint(f"{name} > 0" + (whole if sqlite else ""))
