"""Tables whose rows stay as they are: the database itself refuses every other statement.

For migrations. On SQLite these are three triggers; REPLACE deletes the row in its way without
firing a DELETE trigger, so that INSERT is guarded, too. On PostgreSQL one function serves all
tables, and TRUNCATE is refused as well; what its upserts would change, they update.
"""

from alembic import op

_FUNCTION = """\
CREATE OR REPLACE FUNCTION umeter_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_ARGV[0]
        USING ERRCODE = 'integrity_constraint_violation';
END $$"""


def append_only(table: str, *keys: str | tuple[str, ...], ignoring: bool = False) -> None:
    """Refuse UPDATE, DELETE and what replaces a row. `keys`: everything that is unique in the
    table, its primary key, too: a column's name, or a tuple of names that are unique together.

    `ignoring`: an INSERT of a row that is there adds nothing and raises nothing on SQLite, for
    tables into which one inserts with on_conflict_do_nothing(). Without it such an INSERT raises.
    """
    if not keys:
        raise ValueError(f"{table} needs its unique columns named.")
    if op.get_context().dialect.name == "postgresql":
        _on_postgresql(table)
    else:
        _on_sqlite(table, keys, ignoring)


def _on_sqlite(table: str, keys: tuple[str | tuple[str, ...], ...], ignoring: bool) -> None:
    refuse = f"SELECT RAISE(ABORT, '{table} is append-only')"
    for event in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table}"
            f" BEGIN {refuse}; END"
        )
    taken = " OR ".join(_same(key) for key in keys)
    instead = "SELECT RAISE(IGNORE)" if ignoring else refuse
    op.execute(
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table}"
        f" WHEN EXISTS (SELECT 1 FROM {table} WHERE {taken}) BEGIN {instead}; END"
    )


def _same(key: str | tuple[str, ...]) -> str:
    names = (key,) if isinstance(key, str) else key
    return "(" + " AND ".join(f"NEW.{name} = {name}" for name in names) + ")"


def _on_postgresql(table: str) -> None:
    op.execute(_FUNCTION)
    call = f"EXECUTE FUNCTION umeter_append_only('{table}')"
    op.execute(
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {call}"
    )
    op.execute(
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {call}"
    )
