"""One-time codes: each is taken once, and the way back without the device."""

import pyotp
import pytest

from api_kit import PASSWORD, Api, quick_passwords
from umeter_station.people import totp


@pytest.fixture
def api(tmp_path, monkeypatch):
    quick_passwords(monkeypatch)
    api = Api(tmp_path)
    yield api
    api.close()


def _enrolled(api, name="anna"):
    client = api.as_(name)
    secret = client.post("/v1/totp", json={"password": PASSWORD}).json()["secret"]
    code = pyotp.TOTP(secret).at(api.clock.now_s())
    answer = client.post("/v1/totp/confirm", json={"code": code})
    assert answer.status_code == 200
    return client, secret, answer.json()["recovery_codes"]


def test_one_time_codes(api):
    elsewhere = api.as_("anna")
    client, secret, _ = _enrolled(api)
    assert elsewhere.get("/v1/session").status_code == 401
    assert client.get("/v1/session").status_code == 200
    answer = api.sign_in("anna")[1]
    assert answer.status_code == 401
    assert answer.json()["type"] == "urn:umeter:problem:code-needed"
    # The wrong password tells nothing of codes.
    assert "code-needed" not in api.sign_in("anna", "wrong")[1].text
    # The code of the enrolment is used up.
    code = pyotp.TOTP(secret)
    assert api.sign_in("anna", code=code.at(api.clock.now_s()))[1].status_code == 401
    api.clock.unix_s += 30
    now = code.at(api.clock.now_s())
    assert api.sign_in("anna", code=f"{now[:3]} {now[3:]}")[1].status_code == 201
    assert api.sign_in("anna", code=now)[1].status_code == 401
    # Nor one from before, though its window is still open.
    api.clock.unix_s += 60
    assert api.sign_in("anna", code=code.at(api.clock.now_s()))[1].status_code == 201
    assert api.sign_in("anna", code=code.at(api.clock.now_s() - 30))[1].status_code == 401


def test_a_clock_may_be_off_by_half_a_minute_but_not_more(api):
    _, secret, _ = _enrolled(api)
    api.clock.unix_s += 3600
    for off_s, status in ((-60, 401), (60, 401), (-30, 201), (30, 201)):
        code = pyotp.TOTP(secret).at(api.clock.now_s() + off_s)
        assert api.sign_in("anna", code=code)[1].status_code == status


def test_wrong_codes_are_tries(api):
    _enrolled(api)
    statuses = [api.sign_in("anna", code="000000")[1].status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]


def test_a_recovery_code_is_taken_once(api):
    _, _, codes = _enrolled(api)
    assert len(set(codes)) == 10
    assert api.sign_in("anna", code=codes[3].upper())[1].status_code == 201
    assert api.sign_in("anna", code=codes[3])[1].status_code == 401
    with api.read() as conn:
        assert totp.recovery_left(conn, 1) == 9
        stored = str(conn.exec_driver_sql("SELECT * FROM recovery_codes").all())
    assert not any(code.replace("-", "") in stored for code in codes)


def test_codes_are_removed_by_who_knows_the_password_or_by_the_owner(api):
    client, secret, _ = _enrolled(api, "olaf")
    with api.read() as conn:
        assert (
            secret.encode()
            not in conn.exec_driver_sql(
                "SELECT totp_secret FROM people WHERE name = 'olaf'"
            ).scalar()
        )
    assert client.post("/v1/totp/remove", json={"password": "wrong"}).status_code == 401
    assert client.post("/v1/totp/remove", json={"password": PASSWORD}).status_code == 204
    assert api.sign_in("olaf")[1].status_code == 201
    _enrolled(api, "olaf")
    assert api.as_("anna").delete("/v1/people/2/totp").status_code == 204
    assert api.sign_in("olaf")[1].status_code == 201


def test_an_unconfirmed_enrolment_asks_for_no_code(api):
    client = api.as_("anna")
    client.post("/v1/totp", json={"password": PASSWORD})
    assert client.post("/v1/totp/confirm", json={"code": "000000"}).status_code == 400
    assert api.sign_in("anna")[1].status_code == 201
