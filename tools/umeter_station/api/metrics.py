"""What Prometheus is told: counted in the database, so that any process can answer for all.

Nothing in a label names a meter or a person.
"""

import threading
import time
from collections.abc import Callable, Iterable

import sqlalchemy as sa
from prometheus_client import (
    CollectorRegistry,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeHistogramMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from sqlalchemy import Connection

from umeter_station import db as databases
from umeter_station import ledger_check
from umeter_station.clock import Clock
from umeter_station.db import Database
from umeter_station.models import commands, latest_readings, meters, purchases, transfers
from umeter_station.models_desk import sales
from umeter_station.models_watch import findings
from umeter_station.ops import metrics as running
from umeter_station.orders import OPEN_STATES
from umeter_station.sql import greatest

disable_created_metrics()  # Each would be another series, of no use to a scraper.
# Asked more often than this, the same is answered: each answer reads whole tables.
_FRESH_S = 10.0
_LATENCY_S = (1, 2, 3, 5, 10, 30, 60, 300, 3_600, 86_400)
_LAG_S = (1, 5, 15, 60, 300, 900, 3_600, 86_400)
_REQUEST_S = (0.01, 0.05, 0.25, 1.0, 5.0)
_ENDED = ("applied", "partly", "refused", "expired", "cancelled")


class Books:
    """A collector of what is in the books."""

    def __init__(self, db: Database, clock: Clock, monotonic: Callable[[], float]) -> None:
        self._db = db
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._found: list[Metric] = []
        self._at_s = -_FRESH_S

    def describe(self) -> Iterable[Metric]:
        return ()  # Else the registry would collect at once to learn the names.

    def collect(self) -> Iterable[Metric]:
        with self._lock:
            if self._monotonic() - self._at_s >= _FRESH_S:
                with self._db.read() as conn:
                    self._found = list(_collect(conn, self._clock.now_s()))
                self._at_s = self._monotonic()
            return list(self._found)


def _collect(conn: Connection, now_s: int) -> Iterable[Metric]:
    yield from _counted(conn)
    yield from _meters(conn)
    yield _lag(conn)
    yield from _commands(conn, now_s)
    yield _vending(conn)
    yield from _findings(conn)
    yield _imbalance(conn)
    yield from running.collect(conn)


def _counted(conn: Connection) -> Iterable[Metric]:
    counted = CounterMetricFamily(
        "umeter_counted", "What the ingest has counted, by its name.", labels=["what"]
    )
    counters = databases.read_counters(conn)
    ingested = counters.pop("reading.stored", 0)
    for name, count in counters.items():
        counted.add_metric([name], count)
    yield counted
    yield CounterMetricFamily("umeter_readings_ingested", "Readings that were stored.", ingested)


def _meters(conn: Connection) -> Iterable[Metric]:
    known = GaugeMetricFamily("umeter_meters", "Meters, by presence.", labels=["state"])
    m = meters.c
    state = sa.case((m.retired_at.is_not(None), "retired"), else_=m.presence)
    rows = conn.execute(sa.select(state, sa.func.count()).group_by(state)).all()
    found = {"online": 0, "offline": 0, "unknown": 0, "retired": 0, **dict(map(tuple, rows))}
    for name, count in found.items():
        known.add_metric([name], count)
    yield known


def _lag(conn: Connection) -> Metric:
    """How long ago by the meter's clock each meter's newest reading was when it was received."""
    r = latest_readings.c
    lag_s = greatest(r.received_at - r.t, 0)
    bucket = sa.case(*((lag_s <= most_s, most_s) for most_s in _LAG_S), else_=_LAG_S[-1] + 1)
    query = sa.select(bucket, sa.func.count(), sa.func.sum(lag_s)).where(r.clock == 1)
    found = {
        most_s: (count, int(took)) for most_s, count, took in conn.execute(query.group_by(bucket))
    }
    family = GaugeHistogramMetricFamily(
        "umeter_ingest_lag_seconds", "Age of each meter's newest reading when it came in."
    )
    buckets, took_s = _cumulated(found, _LAG_S)
    family.add_metric([], buckets=buckets, gsum_value=took_s)
    return family


def _cumulated(
    found: dict[int, tuple[int, int]], edges_s: tuple[int, ...]
) -> tuple[list[tuple[str, float]], int]:
    """(count, sum) by upper edge -> buckets as Prometheus has them, and the sum."""
    total, buckets = 0, []
    for most_s in (*edges_s, edges_s[-1] + 1):
        total += found.get(most_s, (0, 0))[0]
        buckets.append(("+Inf" if most_s > edges_s[-1] else str(most_s), float(total)))
    return buckets, sum(took for _, took in found.values())


def _commands(conn: Connection, now_s: int) -> Iterable[Metric]:
    c = commands.c
    ended = CounterMetricFamily(
        "umeter_commands", "Orders that have come to an end.", labels=["op", "result"]
    )
    count = sa.func.count()
    query = sa.select(c.op, c.state, count).where(c.state.in_(_ENDED)).group_by(c.op, c.state)
    for op, state, number in conn.execute(query):
        ended.add_metric([op, state], number)
    yield ended
    is_open = c.state.in_(OPEN_STATES)
    number, oldest = conn.execute(sa.select(count, sa.func.min(c.created_at)).where(is_open)).one()
    yield GaugeMetricFamily("umeter_outbox_pending", "Orders that wait for an answer.", number)
    age_s = 0 if oldest is None else max(0, now_s - oldest)
    yield GaugeMetricFamily("umeter_outbox_age_seconds", "Age of the oldest of them.", age_s)


def _vending(conn: Connection) -> Metric:
    """From the sale to the meter's answer."""
    c, p = commands.c, purchases.c
    way = sa.func.coalesce(sales.c.way, "desk")
    took_s = c.answered_at - p.created_at
    bucket = sa.case(
        *((took_s <= most_s, most_s) for most_s in _LATENCY_S), else_=_LATENCY_S[-1] + 1
    )
    query = (
        sa.select(way, bucket, sa.func.count(), sa.func.sum(took_s))
        .join(commands, c.id == p.command_id)
        .outerjoin(sales, sales.c.purchase_id == p.id)
        .where(c.state == "applied", c.answered_at.is_not(None))
        .group_by(way, bucket)
    )
    found: dict[str, dict[int, tuple[int, int]]] = {}
    for name, most_s, count, took in conn.execute(query):
        found.setdefault(name, {})[most_s] = (count, int(took))
    family = HistogramMetricFamily(
        "umeter_vend_latency_seconds", "From the sale to the meter's word.", labels=["channel"]
    )
    for name, counts in sorted(found.items()):
        buckets, took_s = _cumulated(counts, _LATENCY_S)
        family.add_metric([name], buckets=buckets, sum_value=took_s)
    return family


def _findings(conn: Connection) -> Iterable[Metric]:
    f = findings.c
    still = f.state != "closed"
    query = sa.select(f.rule, f.severity, sa.func.count()).where(still)
    family = GaugeMetricFamily(
        "umeter_anomalies_open", "Findings that are not closed.", labels=["rule", "severity"]
    )
    mismatches = 0
    for rule, severity, count in conn.execute(query.group_by(f.rule, f.severity)):
        family.add_metric([rule, severity], count)
        mismatches += count if rule == "A15" else 0
    yield family
    yield GaugeMetricFamily(
        "umeter_reconciliation_mismatches", "Open findings of the reconciliation.", mismatches
    )


def _imbalance(conn: Connection) -> Metric:
    moved_u = conn.execute(sa.select(sa.func.sum(transfers.c.amount_u))).scalar() or 0
    ratio = ledger_check.imbalance_u(conn) / int(moved_u) if moved_u else 0.0
    return GaugeMetricFamily("umeter_ledger_imbalance_ratio", "Must be 0.", ratio)


class Metrics:
    """The registry of one app: the books, and how long its requests took."""

    def __init__(
        self, db: Database, clock: Clock, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(Books(db, clock, monotonic))
        self._requests = Histogram(
            "umeter_http_request_seconds",
            "Requests, by the pattern of their path.",
            ["method", "route", "status"],
            buckets=_REQUEST_S,
            registry=self._registry,
        )

    def request(self, method: str, route: str, status: int, took_s: float) -> None:
        self._requests.labels(method, route, f"{status // 100}xx").observe(took_s)

    def text(self) -> bytes:
        return generate_latest(self._registry)
