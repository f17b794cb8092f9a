"""The tables of the station's own running: who runs what, and what came of it.

Leases and heartbeats are on the machine's clock, whatever the station's own is: they tell whether
processes live, and a simulation that runs 60 times faster does not make a process late.
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, Table, Text

from umeter_station.models import metadata
from umeter_station.table_columns import int_column

# What only one process at a time may do, and until when it is that one's.
leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    int_column("until_s"),
)

# The last run of each job, and the last that went well (`ok_at`), on the station's clock.
job_runs = Table(
    "job_runs",
    metadata,
    Column("job", Text, primary_key=True),
    int_column("started_at"),
    int_column("ended_at", nullable=True),
    int_column("ok_at", nullable=True),
    int_column("took_ms", default=0),
    Column("error", Text, nullable=False, server_default=""),
    int_column("runs", default=0),
    int_column("failures", default=0),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("role", Text, primary_key=True),
    Column("worker", BigInteger, primary_key=True, autoincrement=False),
    int_column("pid"),
    int_column("started_at"),
    int_column("beat_at"),
    CheckConstraint("role IN ('ingest', 'web', 'jobs')"),
)

# Each time that these books went back to a backup: what happened between `made_at` and
# `restored_at` is not in them. Order numbers and settings versions were raised by the jumps.
restores = Table(
    "restores",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    int_column("made_at"),
    int_column("restored_at"),
    int_column("order_jump"),
    int_column("version_jump"),
)
