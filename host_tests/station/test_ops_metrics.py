"""What is told of the station's own running, and what a request's line in the log is about."""

import io
import json
import logging
from datetime import UTC
from types import SimpleNamespace

import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families

from api_kit import Api
from station_kit import NOW_S, FixedClock
from umeter_station import config
from umeter_station.api.app import routes
from umeter_station.clock import SystemClock
from umeter_station.models import SCHEMA_VERSION
from umeter_station.ops import health, log
from umeter_station.ops.jobs import Job, Runner


@pytest.fixture
def api(tmp_path):
    api = Api(tmp_path)
    yield api
    api.close()


def _fail(_books):
    raise ValueError("no")


def test_processes_and_jobs_are_told(api):
    books = SimpleNamespace(db=api.books.db, clock=FixedClock())
    jobs = [Job("good", lambda _: None, every_s=1), Job("bad", _fail, every_s=1)]
    Runner(books, jobs, UTC).step()
    with api.books.db.write() as conn:
        health.beat(conn, "web", 0, 0, SystemClock().now_s())
        health.beat(conn, "ingest", 0, 0, SystemClock().now_s() - 1000)
    text = api.as_key("metrics:read").get("/metrics").text
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert [found["umeter_processes", role] for role in health.ROLES] == [0, 1, 0]
    assert found["umeter_job_last_success_timestamp_seconds", "good"] == NOW_S
    assert found["umeter_job_last_success_timestamp_seconds", "bad"] == 0
    assert (found["umeter_job_failing", "good"], found["umeter_job_failing", "bad"]) == (0, 1)
    assert found["umeter_job_failures_total", "bad"] == found["umeter_job_runs_total", "bad"] == 1
    assert found["umeter_schema_info", SCHEMA_VERSION] == 1


def test_a_requests_lines_name_it_and_what_it_is_about(api, tmp_path):
    out = io.StringIO()
    root = logging.getLogger()
    before = root.handlers[:], root.level
    environ = {"UMETER_STATION_LOG_FORMAT": "json"}
    log.set_up(config.load(tmp_path, environ), out, role="web")
    try:
        key = api.as_key("readings:read", "meters:read")
        headers = {"X-Request-Id": "abcdefgh-1"}
        path = next(route.path for route in routes() if route.path.endswith("/{meter}"))
        key.get(path.replace("{meter}", "m1") + "?token=hush", headers=headers)
    finally:
        root.handlers[:] = before[0]
        root.setLevel(before[1])
        structlog.reset_defaults()
        logging.captureWarnings(False)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    (line,) = [line for line in lines if line["event"] == "request"]
    assert (line["request_id"], line["meter"], line["role"]) == ("abcdefgh-1", "m1", "web")
    assert "hush" not in out.getvalue()
