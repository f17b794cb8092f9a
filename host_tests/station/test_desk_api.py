"""The desk over the API and at the terminal: what a cashier does in a day, and a tenant's view."""

import pytest

from api_kit import Api
from cli_kit import clocked_home, run, told
from desk_kit import TARIFF, answer, report_settings
from station_kit import NOW_S, new_database
from umeter_station.desk import charges
from umeter_station.desk.charges import Charges

PAID_U = 10_000_000


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    api = Api(tmp_path_factory.mktemp("desk"))
    report_settings(api.books.db, tariff=TARIFF)
    with api.write() as conn:
        terms = Charges(fee_u=100_000, tax_permille=200, from_s=NOW_S)
        charges.set_terms(conn, "*", terms, "op", NOW_S)
    yield api
    api.close()


def _key(key):
    return {"headers": {"Idempotency-Key": key}}


def _sell(client, key, ch=1, **more):
    body = {"meter": "m1", "ch": ch, "paid_u": PAID_U, **more}
    return client.post("/v1/sales", json=body, **_key(key))


def test_a_cashiers_day(api):
    carl = api.as_("carl")
    shift = carl.post("/v1/shifts", json={"register": "front", "float_u": 5_000_000}).json()
    assert carl.get("/v1/shifts/mine").json()["id"] == shift["id"]
    asked = {"meter": "m1", "ch": 1, "paid_u": PAID_U, "way": "desk"}
    quote = carl.get("/v1/quote", params=asked).json()
    sold, again = _sell(carl, "a1"), _sell(carl, "a1")
    assert (sold.status_code, again.status_code) == (201, 200)
    assert sold.json()["quote"] == quote and quote["fee_u"] == 100_000
    assert (sold.json()["register"], sold.json()["receipt_no"]) == ("front", 1)
    assert _sell(carl, "a1", ch=2).status_code == 409
    assert carl.post("/v1/sales", json={"meter": "m1", "ch": 1, "paid_u": 5}).status_code == 422
    assert _sell(carl, "a2", ch=99).status_code == 422
    assert _sell(carl, "a3").json()["receipt_no"] == 2
    void = carl.post(f"/v1/shifts/{shift['id']}/voids", json={"key": "a3"})
    assert void.json()["voided"] and void.json()["refunded"]
    moved = carl.post(
        f"/v1/shifts/{shift['id']}/cash",
        json={"into_u": -1_000_000, "reason": "bank"},
        **_key("c"),
    )
    assert moved.json()["expected_u"] == 14_000_000
    assert [sale["key"] for sale in carl.get("/v1/sales").json()["items"]][:2] == ["a3", "a1"]
    assert carl.get(f"/v1/shifts/{shift['id']}/z").status_code == 400
    other = api.as_key("shifts:write", name="till")
    path = f"/v1/shifts/{shift['id']}/close"
    assert other.post(path, json={"counted_u": 14_000_000}).status_code == 403
    closed = carl.post(path, json={"counted_u": 14_000_000}).json()
    assert (closed["over_u"], closed["z_no"], closed["report"]["voids"]) == (0, 1, 1)
    page = carl.get(f"/v1/shifts/{shift['id']}/z", params={"form": "html"})
    assert "sha256-" in page.headers["Content-Security-Policy"] and "Z-report front-1" in page.text


def test_a_receipt_over_the_api_is_counted(api):
    carl = api.as_("carl")
    sold = _sell(carl, "b1").json()
    path = f"/v1/receipts/{sold['register']}/{sold['receipt_no']}"
    assert carl.get(path).json()["mark"] == "NOT A RECEIPT"
    marks = [carl.post(f"{path}/prints", params={"form": "json"}).json()["mark"] for _ in range(2)]
    assert marks == ["", "COPY 1"]
    printed = carl.post(f"{path}/prints", params={"form": "escpos", "columns": "32"})
    assert printed.content.startswith(b"\x1b@") and b"COPY 2" in printed.content


def test_what_became_of_a_key_over_the_api(api):
    carl = api.as_("carl")
    assert carl.get("/v1/sales/by-key/nothing").status_code == 404
    assert _sell(carl, "d1").status_code == 201
    answer(api.books.db, _newest_order(api), "not_now")
    assert carl.get("/v1/sales/by-key/d1").json()["state"] == "held"
    assert carl.post("/v1/sales/by-key/d1/resend", **_key("r1")).json()["state"] == "ordered"
    answer(api.books.db, _newest_order(api), "too_much")
    refunded = carl.post("/v1/sales/by-key/d1/refund").json()
    assert refunded["refund_due_u"] >= PAID_U == refunded["paid_u"]
    assert sum(refunded[part] for part in ("credit_u", "fee_u", "tax_u")) == PAID_U
    assert 0 < refunded["credit_u"] < PAID_U
    due = carl.get("/v1/refunds/due", params={"meter": "m1", "ch": 1}).json()
    body = {"meter": "m1", "ch": 1, "amount_u": PAID_U, "purchase": "d1"}
    first, again = (carl.post("/v1/refunds", json=body, **_key("p1")) for _ in range(2))
    assert first.json()["payout"]["id"] == again.json()["payout"]["id"]
    assert carl.get("/v1/sales/by-key/d1").json()["state"] == "refunded"
    left = carl.get("/v1/refunds/due", params={"meter": "m1", "ch": 1}).json()
    assert due["refund_due_u"] - left["refund_due_u"] == PAID_U


def _newest_order(api):
    with api.read() as conn:
        return conn.exec_driver_sql("SELECT max(n) FROM commands WHERE meter = 'm1'").scalar()


def test_a_tenant_sees_what_was_paid_for_hers_and_sells_nothing(api):
    carl, tess = api.as_("carl"), api.as_("tess")
    hers, not_hers = _sell(carl, "e1").json(), _sell(carl, "e2", ch=2).json()
    assert tess.get("/v1/sales/by-key/e1").status_code == 200
    assert tess.get("/v1/sales/by-key/e2").status_code == 404
    keys = {sale["key"] for sale in tess.get("/v1/sales").json()["items"]}
    assert "e1" in keys and "e2" not in keys
    for sale, status in ((hers, 200), (not_hers, 404)):
        path = f"/v1/receipts/{sale['register']}/{sale['receipt_no']}"
        assert tess.get(path).status_code == status
    assert _sell(tess, "e3").status_code == 403
    asked = {"meter": "m1", "ch": 1, "paid_u": PAID_U}
    assert tess.get("/v1/quote", params=asked).json()["way"] == "web"
    assert tess.get("/v1/quote", params={**asked, "ch": 2}).status_code == 404


def test_agents_tariffs_and_the_ledger(api):
    anna, ada, carl = api.as_("anna"), api.as_("ada"), api.as_("carl")
    assert carl.put("/v1/agents/bob", json={"ceiling_u": 5}).status_code == 403
    assert anna.put("/v1/agents/bob", json={"ceiling_u": PAID_U}).status_code == 200
    assert _sell(carl, "f1", agent="bob").json()["register"] == "agent:bob"
    assert _sell(carl, "f2", agent="bob").status_code == 400
    paid = carl.post("/v1/agents/bob/payments", json={"amount_u": 4_000_000}, **_key("s1"))
    assert paid.json()["room_u"] == 4_000_000
    assert anna.put("/v1/tariffs/day", json={"document": {"tariff": TARIFF}}).status_code == 200
    pushed = anna.post("/v1/tariffs/day/push", json={"meter": "m1", "ch": 1})
    assert (pushed.status_code, len(pushed.json()["orders"])) == (202, 1)
    preview = carl.get("/v1/tariffs/day/preview", params={"kwh": 100, "profile": "flat"}).json()
    assert preview["energy_u"] == 66_667 * 300 + 33_333 * 100
    assert [a["tariff"] for a in carl.get("/v1/meters/m1/tariffs").json()] == ["day"]
    accounts = ada.get("/v1/ledger/accounts", params={"limit": 200}).json()["items"]
    assert sum(account["balance_u"] for account in accounts) == 0
    page = ada.get("/v1/ledger/statement", params={"account": "agent:bob", "limit": 1}).json()
    assert page["items"][0]["balance_u"] == -6_000_000 and page["next"]
    more = ada.get(
        "/v1/ledger/statement", params={"account": "agent:bob", "cursor": page["next"]}
    ).json()
    told_u = [entry["balance_u"] for entry in more["items"]]
    assert told_u[0] == -10_000_000 and told_u[-1] == more["items"][-1]["amount_u"]
    assert anna.post("/v1/reconciliations").status_code == 201
    assert ada.get("/v1/reconciliations").json()["items"][0]["digest"]


def test_the_desk_at_the_terminal(tmp_path):
    new_database(tmp_path).close()
    home = clocked_home(tmp_path)
    assert told(home, "charges", "set", "desk", "--fee", "0.10", "--tax-permille", "200")
    assert told(home, "quote", "m1", "3", "10")[-1].startswith("How much energy")
    assert "is open, with 20.00" in told(home, "shift", "open", "20", "--desk", "front")[0]
    assert run(home, "sell", "m1", "3", "10", "--key", "k1", "--no-wait").exit_code == 0
    receipt = told(home, "receipt", "k1")
    assert "No. front-1" in receipt and "Paid 10.00 EUR" in receipt
    assert "*** COPY 1 ***" in told(home, "receipt", "k1")
    assert told(home, "receipt", "k1", "--form", "html", "--to", str(tmp_path / "r.html"))
    assert "COPY 2" in (tmp_path / "r.html").read_text()
    assert run(home, "receipt", "k9").exit_code == 1
    assert told(home, "shift", "void", "k1") == ["Sale k1 is void; 10.00 is given back."]
    assert told(home, "shift", "cash", "take", "5", "--reason", "bank") == [
        "The drawer holds 15.00."
    ]
    assert told(home, "agents", "set", "bob", "--ceiling", "100") == [
        "Agent bob owes 0.00 of at most 100.00."
    ]
    assert told(home, "tariffs", "save", "day", "price_u_per_kwh=0.25")
    assert "version 1 is on its way" in told(home, "tariffs", "push", "day", "m1")[0]
    assert any(
        "75.12" in line or "to pay" in line for line in told(home, "tariffs", "preview", "day")
    )
    assert any("cash:1" in line for line in told(home, "ledger", "trial-balance"))
    assert any("void:1" in line for line in told(home, "ledger", "statement", "cash:1"))
    assert "short by 1.00" in told(home, "shift", "close", "14")[0]
    assert "Short 1.00 EUR" in told(home, "shift", "z", "1")
    assert run(home, "shift", "close", "14").exit_code == 1
    checked = run(home, "reconcile")
    assert checked.exit_code == 1 and "R03" in checked.stdout
