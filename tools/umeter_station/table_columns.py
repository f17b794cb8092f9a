"""The columns that the tables of every area are made of."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Integer, Text


def id_column() -> Column:
    # SQLite numbers rows by itself only for a column that is exactly INTEGER PRIMARY KEY.
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


def int_column(name: str, default: int | None = None, nullable: bool = False) -> Column:
    text = None if default is None else str(default)
    return Column(name, BigInteger, nullable=nullable, server_default=text)


def text_column(
    name: str, default: str | None = None, nullable: bool = False, unique: bool | None = None
) -> Column:
    return Column(name, Text, nullable=nullable, server_default=default, unique=unique)


def id_of(name: str, target: str, nullable: bool = False, unique: bool | None = None) -> Column:
    """The number of a row of another table, as "commands.id"."""
    return Column(name, BigInteger, ForeignKey(target), nullable=nullable, unique=unique)


def positive(name: str) -> list[CheckConstraint]:
    # SQLite would keep 0.5 in a BIGINT column as a float: hence typeof().
    whole = CheckConstraint(f"{name} > 0 AND typeof({name}) = 'integer'").ddl_if(dialect="sqlite")
    return [whole, CheckConstraint(f"{name} > 0").ddl_if(dialect="postgresql")]
