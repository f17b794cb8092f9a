"""What every endpoint has around it: problems, limits, headers, pages, and no secrets told."""

import json
import logging

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from starlette.exceptions import HTTPException

from api_kit import PASSWORD, Api, quick_passwords
from station_kit import NOW_S
from umeter_station.api import app as apis
from umeter_station.api.limits import Buckets
from umeter_station.api.paging import Paging, decode, encode
from umeter_station.errors import Unavailable
from umeter_station.ops import health
from umeter_station.people import acts, tenants

PROBLEM = "application/problem+json"


@pytest.fixture
def api(tmp_path, monkeypatch):
    quick_passwords(monkeypatch)
    api = Api(tmp_path)
    yield api
    api.close()


def _problem(answer, status, kind):
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == PROBLEM
    body = answer.json()
    assert body["type"] == f"urn:umeter:problem:{kind}" and body["status"] == status
    assert body["detail"] and body["title"]
    assert body["request_id"] == answer.headers["X-Request-Id"]
    return body


def test_every_refusal_is_a_problem(api):
    owner, nobody = api.as_("anna"), api.client()
    _problem(nobody.get("/v1/nothing"), 404, "not-found")
    _problem(nobody.put("/healthz"), 405, "method")
    _problem(nobody.get("/v1/people"), 401, "sign-in")
    _problem(api.as_("carl").get("/v1/people"), 403, "forbidden")
    _problem(owner.get("/v1/people/99"), 404, "not-found")
    _problem(owner.post("/v1/people", json={"name": "carl"}), 422, "invalid")
    weak = {"name": "eve", "role": "owner", "password": "x"}
    _problem(owner.post("/v1/people", json=weak), 400, "refused")
    _problem(owner.get("/v1/people?cursor=nonsense"), 400, "refused")
    _problem(owner.get("/v1/people?limit=0"), 422, "invalid")
    _problem(owner.get(f"/v1/people/{2**70}"), 422, "invalid")


def test_what_was_sent_is_not_repeated(api):
    body = {"name": "eve", "role": 7, "password": ["hunter2hunter2"], "hunter3": "hunter4"}
    answer = api.as_("anna").post("/v1/people", json=body)
    found = _problem(answer, 422, "invalid")
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
        _problem(client.post(path, content=b"x" * (1 << 20) + b"x"), 413, "too-large")

    def pieces():
        for _ in range(20):
            yield b" " * 100_000

    headers = {"Content-Type": "application/json"}
    _problem(client.post("/v1/sites", content=pieces(), headers=headers), 413, "too-large")


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
    _problem(answer, 503, "not-now")
    assert answer.headers["Retry-After"] == "5"

    def broken(*_):
        raise KeyError("secret detail")

    monkeypatch.setattr(tenants, "page", broken)
    answer = client.get("/v1/tenants")
    _problem(answer, 500, "fault")
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


def _statuses(client, count, path="/v1/session"):
    return [client.get(path).status_code for _ in range(count)]


def test_who_asks_too_often_waits(tmp_path):
    api = Api(tmp_path, per_caller=(2.0, 3))
    anna, olaf = api.as_("anna"), api.as_("olaf")
    assert _statuses(anna, 4) == [200, 200, 200, 429]
    answer = anna.get("/v1/session")
    _problem(answer, 429, "too-many")
    assert answer.headers["Retry-After"] == "1"
    # Neither another caller nor one's other session.
    assert _statuses(olaf, 1) == [200]
    assert _statuses(api.as_("anna"), 1) == [429]
    api.monotonic_s += 1.0
    assert _statuses(anna, 3) == [200, 200, 429]
    api.close()


def test_an_address_and_strangers_have_limits_of_their_own(tmp_path, monkeypatch):
    quick_passwords(monkeypatch)
    api = Api(tmp_path, per_address=(1.0, 8), per_stranger=(1.0, 2))
    assert [api.sign_in("nobody")[1].status_code for _ in range(3)] == [401, 401, 429]
    # Supervisors are not strangers; but an address as a whole has its limit.
    assert _statuses(api.client(), 6, "/healthz") == [200] * 5 + [429]
    answer = api.client().get("/healthz")
    _problem(answer, 429, "too-many")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    api.close()


@given(
    st.floats(0.1, 100),
    st.integers(1, 50),
    st.lists(st.floats(0, 10, allow_nan=False), max_size=60),
)
def test_a_bucket_lets_through_its_rate_and_no_more(rate, at_once, pauses):
    now = [0.0]
    bucket = Buckets(rate, at_once, lambda: now[0])
    for passed, pause in enumerate(pauses, start=1):
        now[0] += pause
        waits = bucket.take("a")
        if waits:
            # Whoever waits as told is let in then.
            now[0] += waits + 1e-9 * (1 + now[0])
            assert bucket.take("a") == 0
        assert passed <= at_once + rate * now[0] + 1e-3


def test_buckets_forget_who_has_not_asked_for_long():
    bucket = Buckets(1, 1, lambda: 0.0, most_keys=2)
    assert bucket.take("a") == 0
    assert bucket.take("b") == 0
    assert bucket.take("b") > 0
    assert bucket.take("c") == 0
    assert bucket.take("b") > 0
    assert bucket.take("a") == 0


VALUES = st.lists(
    st.one_of(
        st.integers(-(2**63) + 1, 2**63 - 1),
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40),
    ),
    min_size=1,
    max_size=3,
)


@given(VALUES)
def test_a_cursor_is_read_as_it_was_written(values):
    assert decode(encode(*values), *(type(value) for value in values)) == tuple(values)


@given(st.text(max_size=60))
@example("WzFd")
@example("WzFdA===")
@example("W3RydWVd")
@example("WzEuMF0")
@example("WzFlMV0")
@example("Wzk5OTk5OTk5OTk5OTk5OTk5OTk5OV0")
def test_what_is_no_cursor_is_refused(text):
    try:
        (found,) = decode(text, int)
    except ValueError:
        with pytest.raises(HTTPException) as refused:
            Paging(10, text).after(int)
        assert refused.value.status_code == 400
    else:
        assert type(found) is int and encode(found) == text


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(limits=st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_pages_show_every_row_once_and_in_order(pages_of, limits):
    client, path, wanted = pages_of
    seen, cursor, turn = [], None, 0
    while True:
        limit = limits[turn % len(limits)]
        params = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        page = client.get(path, params=params).json()
        assert len(page["items"]) <= limit
        seen += page["items"]
        cursor, turn = page["next"], turn + 1
        if cursor is None:
            break
        assert len(page["items"]) == limit
    assert seen == wanted


@pytest.fixture(scope="module", params=["/v1/tenants", "/v1/acts", "/v1/sites"])
def pages_of(request, tmp_path_factory):
    api = Api(tmp_path_factory.mktemp("pages"))
    with api.write() as conn:
        for number in range(20):
            tenants.add(conn, f"T{number}", "system", NOW_S)
            conn.execute(
                sa.text("INSERT INTO sites (name, created_at) VALUES (:name, 0)"),
                {"name": f"S{number}"},
            )
    client = api.as_("anna")
    wanted = client.get(request.param, params={"limit": 200}).json()
    assert wanted["next"] is None and len(wanted["items"]) >= 20
    yield client, request.param, wanted["items"]
    api.close()


def test_a_row_that_comes_while_pages_are_read_shifts_nothing(api):
    client = api.as_("anna")
    first = client.get("/v1/acts", params={"limit": 3}).json()
    with api.write() as conn:
        acts.note(conn, "system", "a", "b", {}, NOW_S)
    second = client.get("/v1/acts", params={"limit": 3, "cursor": first["next"]}).json()
    numbers = [act["n"] for page in (first, second) for act in page["items"]]
    assert numbers == list(range(numbers[0], numbers[0] - 6, -1))


def test_a_cursor_of_another_list_is_refused_or_harmless(api):
    client = api.as_("anna")
    _problem(client.get("/v1/tenants", params={"cursor": encode("x")}), 400, "refused")
    _problem(client.get("/v1/tenants", params={"cursor": encode(1, 2)}), 400, "refused")


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


def test_approvals_over_the_api(api, monkeypatch):
    from umeter_station.people import approvals

    done = []
    run = {"refund": lambda conn, args, by, now_s: done.append(by) or {}}
    monkeypatch.setattr(approvals, "_execute", run)
    owner, operator, cashier = api.as_("anna"), api.as_("olaf"), api.as_("carl")
    assert operator.put("/v1/two-person/refund", json={"on": True}).status_code == 403
    assert owner.put("/v1/two-person/refund", json={"on": True}).status_code == 204
    assert owner.get("/v1/two-person").json()["refund"] is True
    with api.write() as conn:
        asked = approvals.carry_out(conn, "refund", {}, "operator:olaf", NOW_S)
    path = f"/v1/approvals/{asked.approval_id}/decision"
    assert cashier.post(path, json={"yes": True}).status_code == 403
    assert operator.post(path, json={"yes": True}).status_code == 400
    machine = api.as_key("refunds:write")
    assert machine.post(path, json={"yes": True}).status_code == 403
    assert done == []
    assert owner.post(path, json={"yes": True}).json()["state"] == "executed"
    assert owner.post(path, json={"yes": True}).status_code == 409
    assert done == ["operator:olaf"]
    (shown,) = operator.get("/v1/approvals").json()["items"]
    assert (shown["state"], shown["decided_by"]) == ("executed", "operator:anna")


def test_nobody_gives_a_right_that_is_not_theirs(api):
    operator = api.as_("olaf")
    assert operator.post("/v1/keys", json={}).status_code == 403
    machine = api.as_key(name="all")
    new = {"name": "eve", "role": "owner", "password": PASSWORD}
    assert machine.post("/v1/people", json=new).status_code == 403
    # A tenant's login is given by who may write tenants; an owner's password is not.
    login = {"name": "tina", "password": PASSWORD}
    made = operator.post("/v1/tenants/1/logins", json=login)
    assert (made.status_code, made.json()["role"]) == (201, "tenant")
    for person_id in (1, 6):
        path = f"/v1/tenants/1/logins/{person_id}"
        assert operator.put(f"{path}/password", json={"password": PASSWORD}).status_code == 404
        assert operator.delete(path).status_code == 404


def test_every_unsafe_act_over_the_api_is_noted(api):
    owner = api.as_("anna")
    calls = [
        ("post", "/v1/sites", {"name": "North"}),
        ("put", "/v1/sites/1/meters/m1", None),
        ("delete", "/v1/sites/1/meters/m1", None),
        ("post", "/v1/tenants", {"name": "Bo"}),
        ("patch", "/v1/tenants/3", {"name": "Bob"}),
        ("post", "/v1/tenants/3/move-in", {"meter": "m2", "ch": 1}),
        ("post", "/v1/tenants/3/move-out", {"meter": "m2", "ch": 1, "until_s": NOW_S + 1}),
        ("post", "/v1/people", {"name": "eve", "role": "cashier", "password": PASSWORD}),
        ("patch", "/v1/people/7", {"role": "auditor", "disabled": True}),
        ("put", "/v1/people/7/password", {"password": PASSWORD}),
        ("post", "/v1/keys", {"name": "k", "scopes": ["sales:read"]}),
        ("delete", "/v1/keys/1", None),
        ("put", "/v1/two-person/supply", {"on": True}),
        ("get", "/v1/exports/ledger", None),
    ]
    for method, path, body in calls:
        with api.read() as conn:
            before = acts.verify(conn).count
        more = {} if body is None else {"json": body}
        answer = getattr(owner, method)(path, **more)
        assert answer.status_code < 300, (path, answer.text)
        with api.read() as conn:
            noted = acts.newest(conn, acts.verify(conn).count - before)
        assert noted and {act.by for act in noted} == {"operator:anna"}, path
