"""What SQLite and PostgreSQL do alike but call differently."""

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction


def insert(conn: Connection, table: Table) -> Any:
    """An INSERT that has on_conflict_do_nothing(), on_conflict_do_update() and `excluded`; its
    result's `rowcount` tells how many rows were added, on both."""
    dialect = postgresql if conn.dialect.name == "postgresql" else sqlite
    return dialect.insert(table).execution_options(preserve_rowcount=True)


def of_names(conn: Connection, select: str, names: Collection[str]) -> Sequence[sa.Row]:
    """The rows of a SELECT whose text ends with the column that has these names. For thousands of
    names a second: SQLAlchemy would write each of them into a statement of its own."""
    if conn.dialect.name == "postgresql":
        return conn.exec_driver_sql(f"{select} = ANY(%s)", (list(names),)).all()
    marks = ", ".join("?" * len(names))
    return conn.exec_driver_sql(f"{select} IN ({marks})", tuple(names)).all()


class greatest(GenericFunction):
    """The largest of its arguments, as a scalar."""

    type = sa.BigInteger()
    inherit_cache = True


@compiles(greatest, "sqlite")
def _greatest_sqlite(element, compiler, **more):
    return f"max({compiler.process(element.clauses, **more)})"


@compiles(greatest)
def _greatest(element, compiler, **more):
    return f"greatest({compiler.process(element.clauses, **more)})"
