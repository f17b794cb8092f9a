"""Readings in one row each and the newest of every meter apart, both by month on PostgreSQL; what
became of each order; strangers, and signs of clones."""

import sqlalchemy as sa
from alembic import op

from umeter_station import packing
from umeter_station.migrations.append_only import append_only
from umeter_station.migrations.columns import id_column
from umeter_station.migrations.partitions import by_month

revision = "0007"
down_revision = "0006"

_AT_ONCE = 1000
_OLD_STATES = "'sent', 'applied', 'partly', 'refused', 'expired', 'unclear'"
_NEW_STATES = (
    "'sent', 'delivered', 'applied', 'partly', 'refused', 'expired', 'cancelled', 'unclear'"
)


def _ints(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


def _key_numbers(*names: str) -> list[sa.Column]:
    return [sa.Column(n, sa.BigInteger, primary_key=True, autoincrement=False) for n in names]


def upgrade() -> None:
    _orders()
    _readings()
    _strangers()


def _orders() -> None:
    op.create_table(
        "order_states",
        id_column(),
        sa.Column("command_id", sa.BigInteger, sa.ForeignKey("commands.id"), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        *_ints("at"),
        sa.Column("by", sa.Text, nullable=False),
    )
    op.create_index("order_states_of_command", "order_states", ["command_id"])
    # What is known of orders from before: when they were given, and when they were answered.
    op.execute(
        "INSERT INTO order_states (command_id, state, at, by)"
        " SELECT id, 'created', created_at, '' FROM commands ORDER BY id"
    )
    op.execute(
        "INSERT INTO order_states (command_id, state, at, by) SELECT id, state, answered_at,"
        " 'meter' FROM commands WHERE answered_at IS NOT NULL ORDER BY id"
    )
    append_only("order_states", "id")
    if op.get_context().dialect.name == "postgresql":
        op.drop_constraint("commands_state_check", "commands")
        op.create_check_constraint(
            "commands_state_check", "commands", f"state IN ('created', {_NEW_STATES})"
        )
    else:
        _allow_on_sqlite()


def _allow_on_sqlite() -> None:
    # A table that others refer to cannot be made anew inside a transaction. A CHECK can be changed
    # where it is written, since no stored row is touched by it.
    tell = op.get_bind().exec_driver_sql
    version = tell("PRAGMA schema_version").scalar_one()
    tell("PRAGMA writable_schema = ON")
    tell(
        "UPDATE sqlite_schema SET sql = replace(sql, ?, ?) WHERE type = 'table' AND name = ?",
        (_OLD_STATES, _NEW_STATES, "commands"),
    )
    tell(f"PRAGMA schema_version = {version + 1}")
    tell("PRAGMA writable_schema = OFF")


def _readings() -> None:
    conn = op.get_bind()
    on_sqlite = conn.dialect.name == "sqlite"
    if on_sqlite:
        op.rename_table("readings", "readings_before")
    else:  # no station before this one was there
        op.drop_table("reading_channels")
        op.drop_table("readings")
    op.create_table(
        "readings",
        sa.Column("meter", sa.Text, primary_key=True),
        *_key_numbers("boot", "seq", "t"),
        *_ints("clock", "up_s", "event", "received_at"),
        sa.Column("packed", sa.LargeBinary, nullable=False),
    )
    op.create_index("readings_by_time", "readings", ["meter", "received_at"])
    append_only("readings", ("meter", "boot", "seq", "t"), ignoring=True)
    by_month(conn, "readings", "t", ("meter", "boot", "seq"))
    by_month(conn, "intervals", "t_end", ("meter", "n"))
    op.create_table(
        "latest_readings",
        sa.Column("meter", sa.Text, primary_key=True),
        *_ints("boot", "seq", "t", "clock", "up_s", "event", "received_at"),
        sa.Column("packed", sa.LargeBinary, nullable=False),
    )
    if on_sqlite:
        _carry_over(conn)
        op.drop_table("reading_channels")
        op.drop_table("readings_before")


def _carry_over(conn: sa.Connection) -> None:
    """The readings that are there, packed; they stay those that they are."""
    tell = conn.exec_driver_sql
    last = 0
    insert = sa.text(
        "INSERT INTO readings (meter, boot, seq, t, clock, up_s, event, received_at, packed)"
        " VALUES (:meter, :boot, :seq, :t, :clock, :up_s, :event, :received_at, :packed)"
    )
    while True:
        rows = tell(
            f"SELECT * FROM readings_before WHERE id > {last} ORDER BY id LIMIT {_AT_ONCE}"
        )
        rows = [dict(row) for row in rows.mappings()]
        if not rows:
            break
        ends = (rows[0]["id"], rows[-1]["id"])
        columns: dict[int, dict[str, list[int | None]]] = {}
        for row in tell(
            f"SELECT * FROM reading_channels WHERE reading_id BETWEEN {ends[0]} AND {ends[1]}"
            " ORDER BY reading_id, ch"
        ).mappings():
            of = columns.setdefault(row["reading_id"], {})
            for name in packing.COLUMNS:
                if name in row:
                    of.setdefault(name, []).append(row[name])
        last = ends[1]
        packed = [row | {"packed": packing.pack(columns[row["id"]])} for row in rows]
        conn.execute(insert, packed)
    op.execute(
        "INSERT INTO latest_readings SELECT meter, boot, seq, t, clock, up_s, event, received_at,"
        " packed FROM readings r WHERE NOT EXISTS (SELECT 1 FROM readings n"
        " WHERE n.meter = r.meter AND (n.boot, n.seq, n.t) > (r.boot, r.seq, r.t))"
    )


def _strangers() -> None:
    op.create_table(
        "strangers",
        sa.Column("meter", sa.Text, primary_key=True),
        *_ints("first_at", "last_at", "messages"),
        sa.Column("status", sa.Text, nullable=False, server_default="{}"),
    )
    op.create_table(
        "clone_signs",
        sa.Column("meter", sa.Text, sa.ForeignKey("meters.meter"), primary_key=True),
        *_key_numbers("boot", "newer_boot"),
        *_ints("first_at", "last_at", "times"),
    )
