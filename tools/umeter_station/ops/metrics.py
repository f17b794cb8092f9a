"""What Prometheus is told of the station's own running: processes and jobs, from the database."""

from collections.abc import Iterable

import sqlalchemy as sa
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from sqlalchemy import Connection

from umeter_station.clock import SystemClock
from umeter_station.models import SCHEMA_VERSION, meters
from umeter_station.ops import health, jobs


def collect(conn: Connection) -> Iterable[Metric]:
    yield _processes(conn)
    yield from _jobs(conn)
    seen_at = conn.execute(sa.select(sa.func.max(meters.c.seen_at))).scalar() or 0
    yield GaugeMetricFamily(
        "umeter_last_message_timestamp_seconds", "When a meter was heard of last.", seen_at
    )
    schema = GaugeMetricFamily("umeter_schema_info", "The database's schema.", labels=["version"])
    schema.add_metric([SCHEMA_VERSION], 1)
    yield schema


def _processes(conn: Connection) -> Metric:
    family = GaugeMetricFamily(
        "umeter_processes", "Processes that are alive, by role.", labels=["role"]
    )
    # Their marks are on the machine's clock.
    found = health.processes(conn, SystemClock().now_s())
    for role in health.ROLES:
        family.add_metric([role], sum(p.role == role and p.is_alive for p in found))
    return family


def _jobs(conn: Connection) -> Iterable[Metric]:
    ok_at = GaugeMetricFamily(
        "umeter_job_last_success_timestamp_seconds", "When a job last ended well.", labels=["job"]
    )
    took_s = GaugeMetricFamily(
        "umeter_job_duration_seconds", "How long a job took last.", labels=["job"]
    )
    failing = GaugeMetricFamily(
        "umeter_job_failing", "1 if a job's last run failed.", labels=["job"]
    )
    runs = CounterMetricFamily("umeter_job_runs", "Runs of a job.", labels=["job"])
    failures = CounterMetricFamily("umeter_job_failures", "Failed runs.", labels=["job"])
    for name, run in jobs.runs(conn).items():
        ok_at.add_metric([name], run.ok_at or 0)
        took_s.add_metric([name], run.took_ms / 1000)
        failing.add_metric([name], int(bool(run.error)))
        runs.add_metric([name], run.runs)
        failures.add_metric([name], run.failures)
    yield from (ok_at, took_s, failing, runs, failures)
