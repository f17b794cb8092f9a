"""Two people for one deed, rights that nobody gives away, and acts that are noted."""

import pytest

from api_kit import PASSWORD, Api, quick_passwords
from station_kit import NOW_S
from umeter_station.people import acts


@pytest.fixture
def api(tmp_path, monkeypatch):
    quick_passwords(monkeypatch)
    api = Api(tmp_path)
    yield api
    api.close()


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
