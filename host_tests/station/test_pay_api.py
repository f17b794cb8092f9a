"""Payments, webhooks, bank files and the telephone over HTTP."""

import json

import pytest
from argon2 import PasswordHasher

from api_kit import Api
from pay_kit import AMOUNT_U, CSV, SECRET
from station_kit import NOW_S
from umeter_station import ledger
from umeter_station.models_pay import payment_events
from umeter_station.pay import pins, polling, providers, references
from umeter_station.pay.mischief import Mischief
from umeter_station.pay.sandbox import Sandbox
from umeter_station.people import approvals

KEY = {"Idempotency-Key": "k1"}


@pytest.fixture
def api(tmp_path, monkeypatch):
    monkeypatch.setattr(pins, "_HASHER", PasswordHasher(1, 8, 1))
    api = Api(tmp_path)
    api.sandbox = Sandbox(api.books.db, api.clock, SECRET, "EUR", "https://testserver")
    providers.use(api.books.db, api.sandbox)
    yield api
    api.close()


def pay(api, who="tess", key="k1", **changes):
    body = {"meter": "m1", "ch": 1, "amount_u": AMOUNT_U, **changes}
    return api.as_(who).post("/v1/payments", json=body, headers={"Idempotency-Key": key})


def hook(api, webhook, provider="sandbox"):
    return api.client().post(
        f"/v1/hooks/{provider}", content=webhook.body, headers=webhook.headers
    )


def test_a_tenant_pays_for_the_own_channel(api):
    made = pay(api)
    assert made.status_code == 201, made.text
    payment = made.json()
    assert payment["state"] == "pending" and payment["quote"]["paid_u"] == AMOUNT_U
    assert pay(api).json() == payment
    assert pay(api, amount_u=AMOUNT_U * 2).status_code == 409
    assert hook(api, api.sandbox.finish(reference(payment), "succeeded")).json() == {
        "outcome": "sale"
    }
    tess, ulla = api.as_("tess"), api.as_("ulla")
    shown = tess.get(f"/v1/payments/{payment['id']}").json()
    assert (shown["state"], shown["outcome"]) == ("succeeded", "sale")
    assert tess.get("/v1/payments/by-key/k1").json() == shown
    assert tess.get("/v1/payments").json()["items"] == [shown]
    assert ulla.get(f"/v1/payments/{payment['id']}").status_code == 404
    assert ulla.get("/v1/payments").json()["items"] == []
    assert ulla.get("/v1/payments/by-key/k1").status_code == 404


def reference(payment):
    return payment["redirect_url"].rpartition("/")[2]


@pytest.mark.parametrize(
    "changes, status",
    [
        ({"ch": 2}, 404),
        ({"meter": None, "ch": None}, 400),
        ({"meter": None, "ch": None, "tenant_id": 2}, 400),
        ({"provider": "nobody"}, 404),
        ({"amount_u": 1}, 400),
        ({"amount_u": 1.5}, 422),
        ({"amount_u": True}, 422),
        ({"more": 1}, 422),
    ],
)
def test_what_cannot_be_paid_is_refused(api, changes, status):
    assert pay(api, **changes).status_code == status


def test_the_endpoint_of_webhooks_trusts_signatures_alone(api):
    real = api.sandbox.finish(reference(pay(api).json()), "succeeded")
    forged = Mischief(1).forge(api.sandbox, real, "bad signature", NOW_S)
    answer = hook(api, forged)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert hook(api, real, "nobody").status_code == 404
    big = api.client().post("/v1/hooks/sandbox", content=b"x" * (300 * 1024))
    assert big.status_code == 413
    assert api.client().get("/v1/hooks/sandbox").status_code == 405
    with api.read() as conn:
        assert conn.execute(payment_events.select()).all() == []


def test_a_webhook_needs_its_very_bytes(api):
    real = api.sandbox.finish(reference(pay(api).json()), "succeeded")
    rewritten = json.dumps(json.loads(real.body), indent=1).encode()
    answer = api.client().post("/v1/hooks/sandbox", content=rewritten, headers=real.headers)
    assert answer.status_code == 401


def test_the_sandboxs_page_plays_the_payer(api):
    payment = pay(api).json()
    url = payment["redirect_url"].removeprefix("https://testserver")
    page = api.client().get(url)
    assert "5.00 EUR" in page.text and page.headers["content-type"].startswith("text/html")
    form = {"outcome": "succeeded", "webhook": "twice"}
    assert "succeeded" in api.client().post(url, data=form).text
    assert api.as_("tess").get("/v1/payments/1").json()["outcome"] == "sale"
    assert api.client().get(f"/v1/hooks/sandbox/pay/sb_{'0' * 24}").status_code == 404
    providers.use(api.books.db)
    assert api.client().get(url).status_code == 404


def test_refunds_take_what_is_due_and_two_people_where_that_is_switched_on(api):
    payment = pay(api).json()
    hook(api, api.sandbox.finish(reference(payment), "succeeded"))
    carl, anna = api.as_("carl"), api.as_("anna")
    url, body = "/v1/payments/1/refunds", {"amount_u": AMOUNT_U}
    assert carl.post(url, json=body, headers=KEY).status_code == 400
    with api.write() as conn:
        ledger.post(
            conn,
            key="x",
            debit=ledger.transit("m1", 1),
            credit=ledger.refund_due("m1", 1),
            amount_u=AMOUNT_U,
            created_at=NOW_S,
        )
        approvals.switch(conn, "refund", True, "operator:anna", NOW_S)
    asked = carl.post(url, json=body, headers=KEY)
    assert asked.status_code == 202, asked.text
    approval = asked.json()["approval_id"]
    decided = anna.post(f"/v1/approvals/{approval}/decision", json={"yes": True})
    assert decided.status_code == 200, decided.text
    assert [each["state"] for each in anna.get(url).json()] == ["asked"]
    with api.write() as conn:
        approvals.switch(conn, "refund", False, "operator:anna", NOW_S)
    assert carl.post(url, json=body, headers={"Idempotency-Key": "k9"}).status_code == 400
    api.clock.unix_s += 100
    polling.run(api.books)
    assert [each["state"] for each in anna.get(url).json()] == ["done"]
    assert anna.get("/v1/payments/1").json()["state"] == "refunded"


def test_conflicts_and_suspense_are_listed_and_worked_off(api):
    real = api.sandbox.finish(reference(pay(api).json()), "succeeded")
    forged = Mischief(1).forge(api.sandbox, real, "other amount", NOW_S)
    assert hook(api, forged).json() == {"outcome": "conflict"}
    anna = api.as_("anna")
    (conflict,) = anna.get("/v1/payment-conflicts").json()["items"]
    assert conflict["what"] == "other amount" and conflict["payment_id"] == 1
    (item,) = anna.get("/v1/suspense").json()["items"]
    url = f"/v1/suspense/{item['id']}"
    assert anna.post(f"{url}/return", json={}).status_code == 400
    assert anna.post(f"{url}/assign", json={"meter": "m1"}).status_code == 400
    for _ in range(2):
        done = anna.post(f"{url}/assign", json={"meter": "m1", "ch": 1})
        assert done.json()["state"] == "assigned", done.text
    assert anna.post(f"{url}/assign", json={"meter": "m1", "ch": 2}).status_code == 400
    assert anna.get("/v1/suspense").json()["items"] == []
    assert api.as_("carl").get("/v1/suspense?state=assigned").json()["items"][0]["id"] == 1


def test_a_bank_file_by_http(api):
    tess, carl = api.as_("tess"), api.as_("carl")
    told_ = tess.get("/v1/references/m1/1").json()
    assert told_["printed"].replace(" ", "") == told_["reference"]
    assert tess.get("/v1/references/m1/2").status_code == 404
    (api.books.config.home / "banks").mkdir()
    (api.books.config.home / "banks" / "giro.toml").write_text(CSV)
    content = f'd,a,t\n2026-11-02,"5,00",{told_["printed"]}\n'.encode()
    octets = {"Content-Type": "application/octet-stream"}
    url = "/v1/banks/giro/files?name=nov.csv"
    assert carl.post(url, content=content, headers=octets).json()["counts"] == {"sale": 1}
    assert carl.post(url, content=content, headers=octets).json()["before"] is True
    assert carl.post(url, content=b"nonsense", headers=octets).status_code == 400
    unknown = "/v1/banks/other/files?name=x"
    assert carl.post(unknown, content=content, headers=octets).status_code == 400
    assert tess.post(url, content=content, headers=octets).status_code == 403


def test_the_story_of_a_call(api):
    """PIN, balance, quote, an empty wallet, a link, money paid in, bought and read back."""
    assert api.as_("tess").put("/v1/phone/pin", json={"pin": "2580"}).status_code == 204
    ivr = api.as_key("phone:write")
    begin = {"pin": "9753", "meter": "m1", "ch": 1, "number": "+491"}
    refused = ivr.post("/v1/phone/calls", json=begin)
    assert refused.status_code == 403 and "2580" not in refused.text
    call = ivr.post("/v1/phone/calls", json={**begin, "pin": "2580"}).json()
    assert call["channels"] == [{"meter": "m1", "ch": 1}]
    of = {"token": call["token"], "meter": "m1", "ch": 1}
    assert ivr.post("/v1/phone/balance", json=of).json()["wallet_u"] == 0
    quoted = ivr.post("/v1/phone/quote", json={**of, "amount": "12*50"}).json()
    assert quoted["spoken"][0] == "12 point 5 0 E U R"
    buy = {**of, "amount": "12*50"}
    poor = ivr.post("/v1/phone/buy", json=buy, headers=KEY)
    assert poor.status_code == 400 and "pay in" in poor.text
    link = ivr.post("/v1/phone/link", json=buy, headers={"Idempotency-Key": "l1"}).json()
    assert link["send"].startswith("https://testserver/v1/hooks/sandbox/pay/sb_")
    wallet = api.as_("tess").get("/v1/own/wallet").json()
    with api.write() as conn:
        assert references.find(conn, wallet["printed"]).tenant_id == 1
        account = ledger.wallet(1)
        ledger.post(
            conn, key="t", debit="bank:g", credit=account, amount_u=20_000_000, created_at=NOW_S
        )
    bought = ivr.post("/v1/phone/buy", json=buy, headers=KEY).json()
    assert bought["wallet_u"] == 7_500_000
    assert bought["spoken"] == ["12 point 5 0 E U R", "0 0 0 0, 0 0 0 1"]
    assert ivr.post("/v1/phone/buy", json=buy, headers=KEY).json() == bought
    other = {**of, "ch": 2}
    assert ivr.post("/v1/phone/balance", json=other).status_code == 404
    assert ivr.post("/v1/phone/calls/end", json={"token": call["token"]}).status_code == 204
    assert ivr.post("/v1/phone/balance", json=of).status_code == 400
    message = {"message_id": "m-1", "number": "+491", "text": "2580*m1*1*2"}
    assert ivr.post("/v1/phone/sms", json=message).json()["reply"].startswith("Bought for 2.00")


def test_operators_keep_pins(api):
    anna, ivr = api.as_("anna"), api.as_key("phone:write")
    assert anna.put("/v1/phone/pins/1", json={"pin": "1234"}).status_code == 400
    assert anna.put("/v1/phone/pins/9", json={"pin": "2580"}).status_code == 404
    assert anna.put("/v1/phone/pins/1", json={"pin": "2580"}).status_code == 204
    begin = {"pin": "9753", "meter": "m1", "ch": 1}
    for _ in range(3):
        ivr.post("/v1/phone/calls", json=begin)
    right = {**begin, "pin": "2580"}
    assert ivr.post("/v1/phone/calls", json=right).status_code == 403
    assert anna.post("/v1/phone/pins/1/unlock").status_code == 204
    assert ivr.post("/v1/phone/calls", json=right).status_code == 200
    assert anna.delete("/v1/phone/pins/1").status_code == 204
    assert ivr.post("/v1/phone/calls", json=right).status_code == 403
    assert anna.post("/v1/phone/pins/1/unlock").status_code == 404
