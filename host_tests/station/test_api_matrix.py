"""Every endpoint times every caller: who gets in, and that no tenant learns of another.

The endpoints are taken from the app, so that one that is added is tried without being named here.
"""

import re

import pytest

from api_kit import OTHERS_U, Api, filled, walked
from umeter_station.api import app as apis
from umeter_station.api.deps import Anyone, Need, SignedIn
from umeter_station.api.openapi import guard_of
from umeter_station.people import roles

STAFF = {"anna": "owner", "olaf": "operator", "carl": "cashier", "ada": "auditor"}
CALLERS = ("anonymous", *STAFF, "tess", "key", "other key")
ROUTES = [(route, method) for route in apis.routes() for method in sorted(route.methods)]
# What is open to everybody, and nothing else: each of these has a guard of another kind.
OPEN = {
    "GET /healthz",
    "GET /readyz",
    "POST /v1/session",
    "POST /v1/hooks/{provider}",
    "GET /v1/hooks/sandbox/pay/{reference}",
    "POST /v1/hooks/sandbox/pay/{reference}",
}


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    api = Api(tmp_path_factory.mktemp("matrix"))
    yield api
    api.close()


def _name(case):
    route, method = case
    return f"{method} {route.path}"


def test_what_is_open_to_everybody_is_known():
    found = {_name(case) for case in ROUTES if isinstance(guard_of(case[0]), Anyone)}
    assert found == OPEN


def test_no_endpoint_changes_anything_by_a_method_that_is_safe_or_has_two_names():
    names = [_name(case) for case in ROUTES]
    assert len(set(names)) == len(names)
    operations = [route.name for route, _ in ROUTES]
    assert not [name for name in operations if not name.strip("_")]


def test_every_scope_that_is_needed_can_be_had():
    for route, _ in ROUTES:
        scopes = getattr(guard_of(route), "scopes", ())
        for scope in scopes:
            assert any(scope in granted for granted in roles.SCOPES.values()), (route.path, scope)


def _may(guard, caller):
    """By the tables of the roles alone."""
    if isinstance(guard, Anyone):
        return True
    if isinstance(guard, SignedIn):
        return caller in STAFF or caller == "tess"
    if caller in STAFF:
        granted = roles.SCOPES[STAFF[caller]]
    else:
        granted = {"tess": roles.SCOPES["tenant"], "key": set(guard.scopes)}.get(caller, set())
    if caller == "key":
        granted = granted & roles.KEY_SCOPES
    if type(guard).__name__ == "Approver" and STAFF.get(caller) not in roles.APPROVERS:
        return False
    return bool(granted & set(guard.scopes))


@pytest.mark.parametrize("caller", CALLERS)
def test_who_gets_in(api, caller):
    wrong = []
    clients = {}
    for number, (route, method) in enumerate(ROUTES):
        guard = guard_of(route)
        if caller == "anonymous":
            client = clients.setdefault("anonymous", api.client())
        elif caller.endswith("key"):
            mine = set(guard.scopes) if isinstance(guard, Need) else set()
            scopes = mine if caller == "key" else roles.KEY_SCOPES - mine
            scopes = frozenset(scopes & roles.KEY_SCOPES) or frozenset({"phone:read"})
            if caller == "key" and not mine & roles.KEY_SCOPES:
                scopes = frozenset({"readings:read"}) - mine
            client = clients.get(scopes)
            if client is None:
                client = clients[scopes] = api.as_key(*scopes, name=f"{caller[0]}{number}")
        else:
            client = clients.get(caller) or api.as_(caller)
            clients[caller] = client
        answer = client.request(method, filled(route.path))
        if "session" in route.path:
            clients.pop(caller, None)
        let_in = answer.status_code not in (401, 403)
        if route.path == "/v1/session" and method == "POST":
            let_in = answer.status_code == 422
        if let_in != _may(guard, caller):
            wrong.append((method, route.path, answer.status_code, answer.text[:200]))
        if not let_in:
            expected = 401 if caller == "anonymous" else 403
            assert answer.status_code == expected, (method, route.path, answer.text)
            assert answer.headers["Content-Type"] == "application/problem+json"
    assert wrong == []


def test_an_app_with_an_endpoint_that_nobody_guards_does_not_start(api, monkeypatch):
    from fastapi import APIRouter

    router = APIRouter()
    router.get("/v1/forgotten")(lambda: {})
    monkeypatch.setattr(apis, "ROUTERS", (*apis.ROUTERS, router))
    with pytest.raises(TypeError, match="forgotten"):
        apis.create_app(api.books)


OWN = [
    case
    for case in ROUTES
    if {"own:read", "own:write"} & set(getattr(guard_of(case[0]), "scopes", ()))
]
# tess has channel 1 of m1; 2 is another's, 3 nobody's, m2 and m9 hold none of hers.
OTHERS = [("m1", 2), ("m1", 3), ("m1", 64), ("m2", 1), ("m9", 1)]


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory):
    api = Api(tmp_path_factory.mktemp("lived"))
    api.live_in()
    yield api
    api.close()


def test_tenants_have_endpoints_of_their_own():
    assert len(OWN) >= 10


def _asked(api, client, case, number=1, meter="m1", ch=1):
    route, method = case
    return client.request(
        method,
        filled(route.path, meter=meter, ch=ch, number=number),
        params=api.query_of(route, method, meter, ch),
        json=api.body_of(route, method, meter, ch),
        headers={"Idempotency-Key": f"{meter}-{ch}-{number}"},
    )


def _names(case):
    """What it takes to tell which thing is meant, beside a channel."""
    return set(re.findall(r"{(\w+)", case[0].path)) - {"meter", "ch", "purpose", "register"}


@pytest.mark.parametrize("case", OWN, ids=_name)
def test_a_tenant_never_sees_anothers_channel(lived_in, case):
    client = lived_in.as_("tess")
    body = lived_in.body_of(*case, "m1", 1) or {}
    takes = {"meter", "ch"} <= {*body, *lived_in.query_of(*case, "m1", 1)}
    told = set()
    for meter, ch in OTHERS:
        answer = _asked(lived_in, client, case, meter=meter, ch=ch)
        _only_hers(answer)
        if takes or "{meter}" in case[0].path:
            assert 400 <= answer.status_code < 500, answer.text
            text = answer.text.replace(answer.headers["X-Request-Id"], "")
            told.add((answer.status_code, re.sub(rf"\b({meter}|{ch})\b", "N", text)))
    # Nor whether there is such a channel: all are answered alike.
    assert len(told) <= 1


@pytest.mark.parametrize("case", [case for case in OWN if _names(case)], ids=_name)
def test_a_tenant_never_sees_what_has_a_number_or_key_of_anothers(lived_in, case):
    client = lived_in.as_("tess")
    told = set()
    for number in (2, 3, 4, 99):
        answer = _asked(lived_in, client, case, number=number)
        _only_hers(answer)
        assert answer.status_code == 404, (number, answer.text)
        text = answer.text.replace(answer.headers["X-Request-Id"], "")
        told.add(re.sub(rf"\b[kp]?{number}\b", "N", text))
    assert len(told) == 1
    if case[1] == "GET":
        # It would have been there, had it been hers.
        assert _asked(lived_in, client, case).status_code == 200


def _only_hers(answer):
    assert answer.status_code < 500, answer.text
    assert "Tenant 2" not in answer.text and "ulla" not in answer.text
    assert str(OTHERS_U) not in answer.text and "77.77" not in answer.text
    if not answer.content or answer.headers["Content-Type"] != "application/json":
        return
    for thing in walked(answer.json()):
        if "meter" in thing and "ch" in thing and thing["meter"] is not None:
            assert (thing["meter"], thing["ch"]) == ("m1", 1), thing
        assert thing.get("tenant_id") in (None, 1), thing
    for meter, ch in OTHERS:
        assert f'{meter}/{ch}"' not in answer.text


@pytest.mark.parametrize("case", OWN, ids=_name)
def test_who_has_moved_out_sees_nothing_any_more(lived_in, case):
    route, method = case
    if "{meter}" not in route.path:
        return
    client = lived_in.as_("gone")
    path = filled(route.path, meter="m1", ch=4)
    body = lived_in.body_of(route, method, "m1", 4)
    headers = {"Idempotency-Key": "gone"}
    answer = client.request(method, path, json=body, headers=headers)
    assert answer.status_code == 404, answer.text
