"""Signing in: what is taken, what is told, how often one may try, and how long it lasts."""

import pytest
from argon2 import PasswordHasher, extract_parameters

from api_kit import PASSWORD, Api, quick_passwords
from station_kit import NOW_S
from umeter_station.api.deps import CSRF_HEADER
from umeter_station.errors import StationError
from umeter_station.people import accounts, passwords, sessions, tries


@pytest.fixture
def api(tmp_path, monkeypatch):
    quick_passwords(monkeypatch)
    api = Api(tmp_path)
    yield api
    api.close()


def test_a_session_is_a_cookie_that_no_script_reads(api):
    client, answer = api.sign_in("Anna ")
    assert answer.status_code == 201
    cookie = answer.headers["Set-Cookie"]
    for part in ("__Host-umeter=", "HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert part in cookie
    assert "Domain" not in cookie
    token = client.cookies["__Host-umeter"]
    assert token not in answer.text
    with api.read() as conn:
        stored = conn.exec_driver_sql("SELECT * FROM web_sessions").all()
    assert token not in str(stored)
    assert client.get("/v1/session").json()["name"] == "anna"


def test_over_plain_http_the_cookie_has_another_name(tmp_path, monkeypatch):
    quick_passwords(monkeypatch)
    api = Api(tmp_path, plain_http=True)
    client = api.client()
    client.base_url = "http://testserver"
    client, answer = api.sign_in("anna", client=client)
    assert answer.headers["Set-Cookie"].startswith("umeter=")
    assert "Secure" not in answer.headers["Set-Cookie"]
    assert "Strict-Transport-Security" not in answer.headers
    assert client.get("/v1/session").status_code == 200
    api.close()


def test_whatever_is_wrong_the_answer_is_the_same(api):
    api.as_("anna").patch("/v1/people/3", json={"disabled": True})
    told = {}
    for name, password in (("anna", "wrong"), ("nobody", PASSWORD), ("carl", PASSWORD)):
        answer = api.sign_in(name, password)[1]
        body = answer.json()
        body.pop("request_id")
        told[name] = (answer.status_code, body, "Set-Cookie" in answer.headers)
    assert told["anna"] == told["nobody"] == told["carl"]
    assert told["anna"][0] == 401


def test_an_unknown_name_takes_as_much_work_as_a_wrong_password(monkeypatch):
    worked = []
    verify = PasswordHasher.verify

    def counted(hasher, stored, password):
        worked.append((extract_parameters(stored), password))
        return verify(hasher, stored, password)

    passwords._nobodys.cache_clear()  # of quick_passwords
    monkeypatch.setattr(PasswordHasher, "verify", counted)
    for stored in (passwords.hashed(PASSWORD), None):
        assert not passwords.is_right(stored, "wrong horse")
    known, unknown = worked
    assert known == unknown


def test_the_parameters_are_those_that_owasp_recommends():
    assert passwords.hashed(PASSWORD).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.parametrize("password", ["short", "anna1anna2anna3", "aaaaaaaaaaaa", "x" * 257])
def test_passwords_that_are_none(password):
    with pytest.raises(StationError):
        passwords.hashed(password, "anna")


def test_whoever_fails_often_has_to_wait_and_longer_each_time(api):
    statuses = [api.sign_in("anna", "wrong")[1].status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    # Also with the right password, and no try of that time counts.
    answer = api.sign_in("anna")[1]
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "15")
    api.clock.unix_s += 15
    assert api.sign_in("anna", "wrong")[1].status_code == 401
    assert api.sign_in("anna")[1].headers["Retry-After"] == "30"
    api.clock.unix_s += 30
    assert api.sign_in("anna")[1].status_code == 201
    # A success forgets them.
    assert [api.sign_in("anna", "wrong")[1].status_code for _ in range(5)] == [401] * 5


def test_a_name_that_is_not_known_is_locked_alike(api):
    statuses = [api.sign_in("nobody", "wrong")[1].status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    with api.read() as conn:
        assert "nobody" not in str(conn.exec_driver_sql("SELECT * FROM sign_in_tries").all())


def test_an_address_that_tries_many_names_has_to_wait(api):
    with api.write() as conn:
        rules = {tries.of_address("testclient"): tries.ADDRESS}
        for _ in range(19):
            assert tries.begin(conn, rules, NOW_S) == 0
    assert api.sign_in("anna", "wrong")[1].status_code == 401
    assert api.sign_in("olaf")[1].status_code == 429
    # An account of one's own does not clear the address: it goes on where it was.
    api.clock.unix_s += 15
    assert api.sign_in("olaf")[1].status_code == 201
    assert api.sign_in("anna", "wrong")[1].status_code == 401
    assert api.sign_in("olaf")[1].headers["Retry-After"] == "30"


@pytest.mark.parametrize("rule", [tries.NAME, tries.ADDRESS])
def test_waits_grow_to_a_limit(rule):
    waits = [tries.wait_s(failures, rule) for failures in range(1, 100)]
    assert waits == sorted(waits) and waits[0] == 0 and waits[-1] == rule[2]


def test_failures_are_forgotten_after_a_day(api):
    for _ in range(5):
        api.sign_in("anna", "wrong")
    api.clock.unix_s += tries.FORGET_S
    assert [api.sign_in("anna", "wrong")[1].status_code for _ in range(5)] == [401] * 5
    api.clock.unix_s += tries.FORGET_S
    with api.write() as conn:
        assert tries.sweep(conn, api.clock.now_s()) == 2


def test_signing_in_gives_a_new_token_and_ends_the_old_session(api):
    client, _ = api.sign_in("anna")
    old = client.cookies["__Host-umeter"]
    api.sign_in("anna", client=client)
    assert client.cookies["__Host-umeter"] != old
    with api.read() as conn:
        assert sessions.find(conn, old, NOW_S) is None


def test_a_token_that_was_planted_is_not_taken_over(api):
    client = api.client()
    client.cookies.set("__Host-umeter", "planted", domain="testserver.local", path="/")
    _, answer = api.sign_in("anna", client=client)
    assert "planted" not in answer.headers["Set-Cookie"]


def test_a_session_ends_unused_and_at_the_latest_after_hours(api):
    client = api.as_("anna")
    for _ in range(3):
        api.clock.unix_s += 29 * 60
        assert client.get("/v1/session").status_code == 200
    api.clock.unix_s += 30 * 60
    assert client.get("/v1/session").status_code == 401
    client = api.as_("anna")
    for _ in range(24):
        assert client.get("/v1/session").status_code == 200
        api.clock.unix_s += 1800 - 1
    assert client.get("/v1/session").status_code == 200
    api.clock.unix_s += 24
    assert client.get("/v1/session").status_code == 401
    with api.write() as conn:
        assert sessions.sweep(conn, api.clock.now_s()) == 2


def test_a_cookie_alone_changes_nothing(api):
    client = api.as_("anna")
    right = client.headers.pop(CSRF_HEADER)
    other = api.as_("olaf").headers[CSRF_HEADER]
    for shown in ({}, {CSRF_HEADER: ""}, {CSRF_HEADER: other}, {CSRF_HEADER: "ä".encode()}):
        answer = client.post("/v1/sites", json={"name": "x"}, headers=shown)
        assert answer.status_code == 403
    answer = client.post("/v1/sites", json={"name": "x"}, headers={CSRF_HEADER: right})
    assert answer.status_code == 201


def test_a_form_of_another_site_cannot_sign_somebody_in(api):
    body = b'{"name": "anna", "password": "correct horse battery"}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = api.client().post("/v1/session", content=body, headers={"Content-Type": kind})
        assert answer.status_code == 422


def test_a_new_password_signs_out_everywhere_else(api):
    here, elsewhere = api.as_("anna"), api.as_("anna")
    body = {"old": PASSWORD, "new": "another horse battery"}
    assert here.put("/v1/password", json=body).status_code == 204
    assert here.get("/v1/session").status_code == 200
    assert elsewhere.get("/v1/session").status_code == 401
    assert api.sign_in("anna")[1].status_code == 401
    assert api.sign_in("anna", "another horse battery")[1].status_code == 201


def test_the_old_password_cannot_be_tried_for_ever_in_an_open_session(api):
    client = api.as_("anna")
    body = {"old": "wrong", "new": "another horse battery"}
    statuses = [client.put("/v1/password", json=body).status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]


def test_signing_out(api):
    here, elsewhere = api.as_("anna"), api.as_("anna")
    assert len(here.get("/v1/sessions").json()) == 2
    assert here.delete("/v1/sessions").status_code == 204
    assert elsewhere.get("/v1/session").status_code == 401
    assert here.delete("/v1/session").status_code == 204
    assert here.get("/v1/session").status_code == 401


def test_who_is_shut_out_is_out_at_once(api):
    client = api.as_("carl")
    assert api.as_("anna").patch("/v1/people/3", json={"disabled": True}).status_code == 200
    assert client.get("/v1/session").status_code == 401
    assert api.sign_in("carl")[1].status_code == 401


def test_the_last_owner_stays(api):
    client = api.as_("anna")
    for change in ({"disabled": True}, {"role": "cashier"}):
        assert client.patch("/v1/people/1", json=change).status_code == 400
    with api.write() as conn:
        accounts.set_role(conn, 2, "owner", "system", NOW_S)
    assert client.patch("/v1/people/1", json={"role": "cashier"}).json()["role"] == "cashier"
    assert client.get("/v1/session").status_code == 401
