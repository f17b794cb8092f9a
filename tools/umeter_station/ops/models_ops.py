"""The tables of the station's own running: who runs what, and what came of it.

Leases and heartbeats are on the machine's clock, whatever the station's own is: they tell whether
processes live, and a simulation that runs 60 times faster does not make a process late.
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, Table, Text

from umeter_station.models import metadata


def _int(name: str, nullable: bool = False, default: int | None = None) -> Column:
    text = None if default is None else str(default)
    return Column(name, BigInteger, nullable=nullable, server_default=text)


# What only one process at a time may do, and until when it is that one's.
leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    _int("until_s"),
)

# The last run of each job, and the last that went well (`ok_at`), on the station's clock.
job_runs = Table(
    "job_runs",
    metadata,
    Column("job", Text, primary_key=True),
    _int("started_at"),
    _int("ended_at", nullable=True),
    _int("ok_at", nullable=True),
    _int("took_ms", default=0),
    Column("error", Text, nullable=False, server_default=""),
    _int("runs", default=0),
    _int("failures", default=0),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("role", Text, primary_key=True),
    Column("worker", BigInteger, primary_key=True, autoincrement=False),
    _int("pid"),
    _int("started_at"),
    _int("beat_at"),
    CheckConstraint("role IN ('ingest', 'web', 'jobs')"),
)

# Each time that these books went back to a backup: what happened between `made_at` and
# `restored_at` is not in them. Order numbers and settings versions were raised by the jumps.
restores = Table(
    "restores",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    _int("made_at"),
    _int("restored_at"),
    _int("order_jump"),
    _int("version_jump"),
)
