"""The two tables that grow without end, by month: on PostgreSQL, whose vacuum, backup and dropping
of old years then work on months. On SQLite they are plain tables.

A row goes by the meter's own time, in UTC: that of a reading or of an interval's end. It is in the
message, so that a message that comes twice has the same primary key, which must hold the month's
column, and is stored once. (The time of receipt would differ.) Rows of a meter that did not know
the time, or was wrong by years, are in a DEFAULT partition: nothing is ever refused.

Where the database has the extension TimescaleDB (`CREATE EXTENSION timescaledb` is its
administrator's), the tables become hypertables, which make their parts themselves. The project's
tests have no such server: that path is as its documentation says, and as short as can be.
"""

import re
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy import Connection

MONTHS_AHEAD = 3
_MONTH_S = 30 * 86_400
_PART = re.compile(r"(readings|intervals)_(default|\d{4}_\d{2})")
# What CREATE TABLE (LIKE ..) leaves out.
_FOREIGN_KEYS = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = {}"
_INDEXES = "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = {}"
_TRIGGERS = "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = {}"


def is_part(table: str) -> bool:
    """A month of a table, which no model knows of."""
    return _PART.fullmatch(table) is not None


def by_month(conn: Connection, table: str, time: str, key: tuple[str, ...]) -> None:
    """For the migration: the table, still empty, as it is, but in parts by the column `time`.
    `key`: its primary key, to which that is added."""
    if conn.dialect.name != "postgresql":
        return
    wide = ", ".join(dict.fromkeys((*key, time)))
    tell = conn.exec_driver_sql
    if tell("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'").first():
        tell(f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey, ADD PRIMARY KEY ({wide})")
        tell(f"SELECT create_hypertable('{table}', '{time}', chunk_time_interval => {_MONTH_S})")
        return
    of = f"'{table}'::regclass"
    foreign = tell(_FOREIGN_KEYS.format(of) + " AND contype = 'f'").scalars().all()
    again = tell(_INDEXES.format(of) + " AND NOT indisunique").scalars().all()
    again += tell(_TRIGGERS.format(of) + " AND NOT tgisinternal").scalars().all()
    tell(f"ALTER TABLE {table} RENAME TO {table}_before")
    tell(
        f"CREATE TABLE {table} (LIKE {table}_before INCLUDING DEFAULTS INCLUDING CONSTRAINTS"
        f" INCLUDING STORAGE) PARTITION BY RANGE ({time})"
    )
    tell(f"DROP TABLE {table}_before")
    tell(f"ALTER TABLE {table} ADD PRIMARY KEY ({wide})")
    for definition in foreign:
        tell(f"ALTER TABLE {table} ADD {definition}")
    for definition in again:
        tell(definition)
    tell(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")


def ensure(conn: Connection, now_s: int) -> None:
    """Have a part for this month and the next ones. At every start, and once a day."""
    if conn.dialect.name != "postgresql":
        return
    partitioned = conn.exec_driver_sql(
        "SELECT c.relname, a.attname FROM pg_partitioned_table p"
        " JOIN pg_class c ON c.oid = p.partrelid"
        " AND c.relnamespace = current_schema()::regnamespace"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0]"
    ).all()
    first = datetime.fromtimestamp(now_s, UTC)
    month = first.year * 12 + first.month - 1
    for table, time in partitioned:
        for ahead in range(MONTHS_AHEAD + 1):
            _ensure_month(conn, table, time, month + ahead)


def _ensure_month(conn: Connection, table: str, time: str, month: int) -> None:
    start, end = (datetime((m) // 12, m % 12 + 1, 1, tzinfo=UTC) for m in (month, month + 1))
    part, rest = f"{table}_{start:%Y_%m}", f"{table}_default"
    if conn.execute(sa.select(sa.func.to_regclass(part))).scalar() is not None:
        return
    low, high = int(start.timestamp()), int(end.timestamp())
    tell = conn.exec_driver_sql
    # Made apart and attached: this way the others go on writing meanwhile.
    tell(f"CREATE TABLE {part} (LIKE {table} INCLUDING ALL)")
    tell(f"ALTER TABLE {part} ADD CHECK ({time} >= {low} AND {time} < {high})")
    inside = f"{time} >= {low} AND {time} < {high}"
    if tell(f"SELECT 1 FROM {rest} WHERE {inside} LIMIT 1").first():
        # What came before its month was there: it moves, unchanged.
        tell(f"ALTER TABLE {rest} DISABLE TRIGGER USER")
        tell(
            f"WITH moved AS (DELETE FROM {rest} WHERE {inside} RETURNING *)"
            f" INSERT INTO {part} SELECT * FROM moved"
        )
        tell(f"ALTER TABLE {rest} ENABLE TRIGGER USER")
    tell(f"ALTER TABLE {table} ATTACH PARTITION {part} FOR VALUES FROM ({low}) TO ({high})")
