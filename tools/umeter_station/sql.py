"""What SQLite and PostgreSQL do alike but call differently."""

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
