"""What supervisors and scrapers are told, and what the API tells of itself."""

import pytest
import sqlalchemy as sa

from api_kit import Api, quick_passwords
from umeter_station.api import app as apis
from umeter_station.errors import Unavailable
from umeter_station.ops import health


@pytest.fixture
def api(tmp_path, monkeypatch):
    quick_passwords(monkeypatch)
    api = Api(tmp_path)
    yield api
    api.close()


def test_ready_means_that_it_can_work(api, monkeypatch):
    client = api.client()
    assert client.get("/healthz").json() == {"status": "live"}
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["missing"] == ["ingest", "web", "jobs"]
    monkeypatch.setattr("umeter_station.api.routes_health.time.time", lambda: 1000.0)
    with api.write() as conn:
        for role in health.ROLES:
            health.beat(conn, role, 0, 900, 990)
    assert client.get("/readyz").json() == {
        "ready": True,
        "database": True,
        "missing": [],
        "outbox_age_s": 0,
    }
    # An order that nobody sends to a meter that is there.
    with api.write() as conn:
        conn.execute(sa.text("UPDATE meters SET presence = 'online' WHERE meter = 'm1'"))
    api.books.order_read("m1")
    api.clock.unix_s += 121
    assert client.get("/readyz").status_code == 503
    with api.write() as conn:
        conn.execute(sa.text("UPDATE meters SET presence = 'offline'"))
    assert client.get("/readyz").status_code == 200
    monkeypatch.setattr("umeter_station.api.routes_health.time.time", lambda: 1021.0)
    assert client.get("/readyz").json()["missing"] == ["ingest", "web", "jobs"]


def test_a_database_that_cannot_be_written_is_not_ready(api, monkeypatch):
    def gone():
        raise Unavailable("It is full.")

    monkeypatch.setattr(api.books.db, "write", gone)
    answer = api.client().get("/readyz")
    assert (answer.status_code, answer.json()["database"]) == (503, False)


def test_metrics_are_for_a_key_or_for_this_machine(api):
    assert api.client().get("/metrics").status_code == 401
    assert api.as_key("sales:read", name="k1").get("/metrics").status_code == 403
    assert api.as_key("metrics:read", name="k2").get("/metrics").status_code == 200
    here = api.client(client=("127.0.0.1", 5000))
    assert here.get("/metrics").status_code == 200
    # Behind a proxy everybody seems to be on this machine.
    for name in ("X-Forwarded-For", "Forwarded", "Via"):
        assert here.get("/metrics", headers={name: "10.0.0.1"}).status_code == 401


def test_what_the_metrics_tell(api):
    api.live_in()
    api.client().get("/v1/nothing/m1")
    text = api.as_key("metrics:read").get("/metrics").text
    told = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert told['umeter_meters{state="unknown"}'] == "1.0"
    assert told['umeter_meters{state="offline"}'] == "1.0"
    assert told['umeter_ingest_lag_seconds_bucket{le="1"}'] == "1.0"
    assert told["umeter_outbox_pending"] == "4.0"
    assert told["umeter_ledger_imbalance_ratio"] == "0.0"
    assert told["umeter_reconciliation_mismatches"] == "0.0"
    # No label names a meter or a person.
    assert "m1" not in text and "anna" not in text


def test_the_description_tells_scopes_and_problems(api):
    document = api.client().get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    people = document["paths"]["/v1/people"]
    assert people["post"]["x-scopes"] == ["people:write"]
    assert document["paths"]["/healthz"]["get"]["security"] == []
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert "4XX" in operation["responses"], path
    ids = [o["operationId"] for methods in document["paths"].values() for o in methods.values()]
    assert len(set(ids)) == len(ids) >= len(apis.routes()) - 2
