"""What every endpoint has around it: problems, limits, headers, pages, and no secrets told."""

import json
import logging

import pytest

from api_kit import PASSWORD, PROBLEM, Api, problem, quick_passwords
from umeter_station.errors import Unavailable
from umeter_station.people import tenants


@pytest.fixture
def api(tmp_path, monkeypatch):
    quick_passwords(monkeypatch)
    api = Api(tmp_path)
    yield api
    api.close()


def test_every_refusal_is_aproblem(api):
    owner, nobody = api.as_("anna"), api.client()
    problem(nobody.get("/v1/nothing"), 404, "not-found")
    problem(nobody.put("/healthz"), 405, "method")
    problem(nobody.get("/v1/people"), 401, "sign-in")
    problem(api.as_("carl").get("/v1/people"), 403, "forbidden")
    problem(owner.get("/v1/people/99"), 404, "not-found")
    problem(owner.post("/v1/people", json={"name": "carl"}), 422, "invalid")
    weak = {"name": "eve", "role": "owner", "password": "x"}
    problem(owner.post("/v1/people", json=weak), 400, "refused")
    problem(owner.get("/v1/people?cursor=nonsense"), 400, "refused")
    problem(owner.get("/v1/people?limit=0"), 422, "invalid")
    problem(owner.get(f"/v1/people/{2**70}"), 422, "invalid")


def test_what_was_sent_is_not_repeated(api):
    body = {"name": "eve", "role": 7, "password": ["hunter2hunter2"], "hunter3": "hunter4"}
    answer = api.as_("anna").post("/v1/people", json=body)
    found = problem(answer, 422, "invalid")
    assert {fault["pointer"] for fault in found["errors"]} >= {"body/role", "body/password"}
    assert "hunter2" not in answer.text and "hunter4" not in answer.text


def test_a_body_that_is_no_json(api):
    client = api.as_("anna")
    for content in (b"", b"{", b"[]", b"\xff\xfe", b'{"name": "\\ud800"}', b"[" * 100_000):
        answer = client.post(
            "/v1/sites", content=content, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code in (400, 422) and answer.headers["Content-Type"] == PROBLEM


def test_a_body_that_is_too_large_is_not_read(api):
    client = api.as_("anna")
    for path in ("/v1/sites", "/v1/session", "/v1/nothing", "/healthz"):
        problem(client.post(path, content=b"x" * (1 << 20) + b"x"), 413, "too-large")

    def pieces():
        for _ in range(20):
            yield b" " * 100_000

    headers = {"Content-Type": "application/json"}
    problem(client.post("/v1/sites", content=pieces(), headers=headers), 413, "too-large")


def test_a_text_that_the_database_cannot_hold_is_refused_not_a_fault(api):
    client = api.as_("anna")
    for name in ("a\0b", "\x1b[31m", "a\u202eb", "", " ", "x" * 121):
        answer = client.post("/v1/sites", json={"name": name})
        assert answer.status_code in (400, 422), name


@pytest.mark.parametrize(
    "text",
    [
        "' OR 1=1 --",
        '"; DROP TABLE people; --',
        "{{7*7}}",
        "${jndi:ldap://x}",
        "<script>alert(1)</script>",
        "%s%n",
        "../../etc/passwd",
        "=HYPERLINK(1)",
        "ﬁ𝒶ñ",
    ],
)
def test_what_looks_like_code_is_a_name_like_any_other(api, text):
    client = api.as_("anna")
    made = client.post("/v1/sites", json={"name": text})
    assert made.status_code == 201
    assert client.get(f"/v1/sites/{made.json()['id']}").json()["name"] == made.json()["name"]
    assert client.get("/v1/acts", params={"about": text}).json()["items"] == []
    assert len(client.get("/v1/people").json()["items"]) == 6
    assert api.sign_in(text)[1].status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "/v1/exports/%2e%2e/%2e%2e/etc/passwd",
        "/v1/exports/..%2f..%2fetc%2fpasswd",
        "/v1/exports/ledger%00",
        "/v1/exports/people",
        "/v1/sites/1/meters/..%2f..",
        "/v1/sites/1/meters/m1%00",
        "/v1//people/../../etc/passwd",
        "/..%5c..%5cwindows",
    ],
)
def test_no_path_leads_out(api, path):
    answer = api.as_("ada").get(path)
    assert answer.status_code in (404, 405, 422)
    assert "root:" not in answer.text


def test_the_database_gone_is_not_now_and_a_fault_is_ours(api, monkeypatch):
    client = api.as_("anna", raise_server_exceptions=False)

    def gone(*_):
        raise Unavailable("The database cannot be reached just now.")

    monkeypatch.setattr(tenants, "page", gone)
    answer = client.get("/v1/tenants")
    problem(answer, 503, "not-now")
    assert answer.headers["Retry-After"] == "5"

    def broken(*_):
        raise KeyError("secret detail")

    monkeypatch.setattr(tenants, "page", broken)
    answer = client.get("/v1/tenants")
    problem(answer, 500, "fault")
    assert "secret" not in answer.text
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_headers_that_keep_browsers_from_mischief(api):
    for path in ("/healthz", "/v1/nothing", "/v1/people"):
        headers = api.client().get(path).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Strict-Transport-Security"].startswith("max-age=")
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "Access-Control-Allow-Origin" not in headers


def test_a_request_keeps_the_id_it_came_with_if_that_is_one(api):
    client = api.client()
    good = "abcDEF-1234"
    assert client.get("/healthz", headers={"X-Request-Id": good}).headers["X-Request-Id"] == good
    for bad in ("short", "x" * 65, "a b c d e f", 'x"}{"y":"12345'):
        found = client.get("/healthz", headers={"X-Request-Id": bad}).headers["X-Request-Id"]
        assert found != bad and len(found) == 16


def test_the_log_tells_no_secret(api, caplog):
    caplog.set_level(logging.DEBUG)
    client, _ = api.sign_in("anna")
    made = client.post("/v1/keys", json={"name": "k", "scopes": ["sales:read"]}).json()
    secret, token = made["secret"], client.cookies["__Host-umeter"]
    api.client().get(
        "/v1/sites", params={"token": "hush"}, headers={"Authorization": f"Bearer {secret}"}
    )
    told = "".join(
        f"{record.getMessage()} {json.dumps(record.__dict__, default=str)}"
        for record in caplog.records
        if record.name.startswith("umeter")
    )
    assert "/v1/sites" in told
    for hidden in (PASSWORD, secret, token, client.headers["X-CSRF-Token"], "hush"):
        assert hidden not in told
