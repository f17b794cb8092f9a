"""Stripe by its own library: its signature code, its requests and its answers' shapes, without
network.
"""

import json
from urllib.parse import parse_qs, urlsplit

import pytest
import stripe

from pay_kit import AMOUNT_U, Shop, hasty
from station_kit import NOW_S
from umeter_station import ledger
from umeter_station.errors import StationError
from umeter_station.models_pay import payment_events
from umeter_station.pay import polling, refunds
from umeter_station.pay.provider import Ask, Forged, Unreachable
from umeter_station.pay.stripe_provider import Stripe

SECRET = "whsec_test"
CLEARING = ledger.clearing("stripe")
SESSION = {
    "id": "cs_test_a1",
    "object": "checkout.session",
    "client_reference_id": "1",
    "amount_total": 500,
    "currency": "eur",
    "metadata": {"umeter_payment": "1"},
    "payment_intent": "pi_1",
    "payment_status": "unpaid",
    "status": "open",
    "url": "https://checkout.stripe.com/c/pay/cs_test_a1",
}
PAID = {**SESSION, "payment_status": "paid", "status": "complete"}


class Recorded(stripe.HTTPClient):
    """Answers what was recorded, by method and path; keeps what it was asked."""

    name = "recorded"

    def __init__(self, answers):
        super().__init__()
        self.answers, self.asked = answers, []

    def request(self, method, url, headers=None, post_data=None, *, _usage=None):
        path = urlsplit(url).path
        fields = parse_qs(post_data or urlsplit(url).query)
        self.asked.append((method, path, fields, dict(headers)))
        answer = self.answers.get((method, path))
        if isinstance(answer, Exception):
            raise answer
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        return json.dumps(body), status, {"Request-Id": "req_1"}

    def close(self):
        pass


@pytest.fixture
def shop(db):
    shop = Shop(hasty(db))
    shop.http = Recorded(
        {
            ("post", "/v1/checkout/sessions"): SESSION,
            ("get", "/v1/checkout/sessions/cs_test_a1"): PAID,
        }
    )
    shop.sandbox = Stripe(
        "sk_test_1", SECRET, "EUR", shop.clock, "https://meters.example", http_client=shop.http
    )
    return shop


class Sent:
    """An event as Stripe sends it, signed by Stripe's own code."""

    def __init__(self, type_, about, event_id="evt_1", at_s=NOW_S, secret=SECRET, **more):
        event = {"id": event_id, "object": "event", "created": at_s, "type": type_, **more}
        text = json.dumps({**event, "data": {"object": about}}, indent=2)
        self.body = text.encode()
        sign = stripe.WebhookSignature.generate_signature_header
        self.headers = {"stripe-signature": sign(text, secret, at_s)}


def completed(**changes):
    return Sent("checkout.session.completed", {**PAID, **changes})


def test_a_checkout_session_is_made_once_per_payment(shop):
    payment = shop.pay()
    assert (payment.reference, payment.redirect_url) == (SESSION["id"], SESSION["url"])
    method, path, fields, headers = shop.http.asked[0]
    assert (method, path) == ("post", "/v1/checkout/sessions")
    assert headers["Idempotency-Key"] == "umeter-payment-1"
    assert headers["Authorization"] == "Bearer sk_test_1"
    assert fields["line_items[0][price_data][unit_amount]"] == ["500"]
    assert fields["line_items[0][price_data][currency]"] == ["eur"]
    assert fields["metadata[umeter_payment]"] == ["1"]
    assert fields["payment_intent_data[metadata][umeter_payment]"] == ["1"]
    assert fields["expires_at"] == [str(payment.expires_at)]
    assert fields["success_url"] == ["https://meters.example/home/payments/1"]
    back = "/home/payments/1"
    shop.sandbox.create_intent(Ask(1, AMOUNT_U, "EUR", payment.text, payment.expires_at, back))
    assert shop.http.asked[1][2] == fields, "else Stripe refuses the key"


def test_a_completed_session_is_a_sale_once(shop):
    payment = shop.pay()
    assert shop.deliver(completed()) == "sale"
    assert shop.deliver(completed()) == "repeated"
    assert shop.sold() == ["pay:1"] and shop.payment(payment.id).charge == "pi_1"
    assert shop.balance_u(CLEARING) == -AMOUNT_U


def test_money_that_comes_later_is_waited_for(shop):
    shop.pay()
    assert shop.deliver(completed(payment_status="unpaid")) == "stored"
    assert shop.sold() == []
    late = Sent("checkout.session.async_payment_succeeded", PAID, "evt_2")
    assert shop.deliver(late) == "sale"


@pytest.mark.parametrize(
    "webhook",
    [
        Sent("checkout.session.completed", PAID, secret="whsec_other"),
        Sent("checkout.session.completed", PAID, at_s=NOW_S - 301),
        Sent("checkout.session.completed", PAID, at_s=NOW_S + 301),
    ],
    ids=["another's secret", "too old", "from the future"],
)
def test_what_stripe_did_not_sign_now_is_forged(shop, webhook):
    shop.pay()
    assert shop.deliver(webhook) == "forged"
    assert shop.rows(payment_events) == [] and shop.sold() == []


@pytest.mark.parametrize(
    "body, headers",
    [
        (b"", {}),
        (b"\xff\xfe", {"stripe-signature": "t=1,v1=00"}),
        (b"{}", {"stripe-signature": "nonsense"}),
        (b"{}", {"stripe-signature": "t=abc,v1=00"}),
        (b"{}", {"stripe-signature": f"t={NOW_S},v1={'0' * 64}"}),
        (b"{}", {"stripe-signature": f"v1={'0' * 64}"}),
    ],
)
def test_nonsense_is_forged(shop, body, headers):
    with pytest.raises(Forged):
        shop.sandbox.verify_webhook(body, headers)


def test_an_altered_body_is_forged_and_a_second_secret_is_not(shop):
    shop.pay()
    altered = completed()
    altered.body = altered.body.replace(b"500", b"900")
    assert shop.deliver(altered) == "forged"
    rolled = completed()
    other = Sent("checkout.session.completed", PAID, secret="whsec_new").headers
    signature = other["stripe-signature"].partition(",")[2]
    rolled.headers["stripe-signature"] += f",{signature}"
    assert shop.deliver(rolled) == "sale"


@pytest.mark.parametrize(
    "type_, about",
    [
        ("payout.paid", {"id": "po_1", "object": "payout"}),
        ("checkout.session.completed", {**PAID, "metadata": {}}),
        ("customer.created", {"id": "cus_1", "object": "customer"}),
        ("refund.updated", {"id": "re_1", "status": "pending", "amount": 1, "currency": "eur"}),
    ],
)
def test_what_is_not_about_our_payments_is_stored(shop, type_, about):
    shop.pay()
    assert shop.deliver(Sent(type_, about)) == "stored"
    assert [row.type for row in shop.rows(payment_events)] == [type_]


def test_another_amount_is_a_conflict(shop):
    shop.pay()
    assert shop.deliver(completed(amount_total=501)) == "conflict"
    assert shop.sold() == [] and shop.balance_u(ledger.SUSPENSE) == 5_010_000


def test_a_lost_webhook_is_asked_for(shop):
    shop.pay()
    shop.http.answers["get", "/v1/balance_transactions"] = {
        "object": "list",
        "data": [],
        "has_more": False,
    }
    shop.clock.unix_s += 60
    assert polling.poll(shop.db, shop.clock, shop.sandbox) == 1
    assert shop.sold() == ["pay:1"]


def test_a_dispute_takes_the_money_and_gives_it_back(shop):
    shop.pay()
    shop.deliver(completed())
    about = {"id": "dp_1", "amount": 500, "currency": "eur", "payment_intent": "pi_1"}
    assert shop.deliver(Sent("charge.dispute.created", about, "evt_2")) == "stored"
    withdrawn = Sent("charge.dispute.funds_withdrawn", about, "evt_3")
    assert shop.deliver(withdrawn) == "disputed"
    assert shop.balance_u(CLEARING) == 0 and shop.balance_u(ledger.SUSPENSE) == -AMOUNT_U
    back = Sent("charge.dispute.funds_reinstated", about, "evt_4")
    assert shop.deliver(back) == "dispute won"
    assert shop.balance_u(CLEARING) == -AMOUNT_U and shop.balance_u(ledger.SUSPENSE) == 0


def _refund(shop, status):
    with shop.db.write() as conn:
        conn.exec_driver_sql("UPDATE meters SET channels = 2")
    shop.pay_refused = shop.deliver(completed())
    made = {"id": "re_1", "object": "refund", "status": status, "amount": 500}
    shop.http.answers["post", "/v1/refunds"] = made
    return refunds.refund(shop.db, shop.clock, shop.sandbox, 1, AMOUNT_U, "r1", "operator:anna")


def test_a_refund_is_asked_once_and_ends_by_webhook(shop):
    shop.pay()
    assert _refund(shop, "pending").state == "asked" and shop.pay_refused == "suspense"
    _, _, fields, headers = shop.http.asked[-1]
    assert headers["Idempotency-Key"] == "umeter-refund-1"
    assert fields["payment_intent"] == ["pi_1"] and fields["amount"] == ["500"]
    about = {"id": "re_1", "amount": 500, "currency": "eur", "payment_intent": "pi_1"}
    about |= {"status": "succeeded", "metadata": {"umeter_payment_refund": "1"}}
    assert shop.deliver(Sent("refund.updated", about, "evt_2")) == "done"
    assert shop.payment(1).state == "refunded" and shop.balance_u(CLEARING) == 0
    failed = Sent("refund.failed", {**about, "status": "failed"}, "evt_3")
    assert shop.deliver(failed) == "failed"
    assert shop.balance_u(CLEARING) == -AMOUNT_U == -shop.balance_u(ledger.SUSPENSE)


def test_a_refund_that_stripe_refuses_is_in_suspense_again(shop):
    shop.pay()
    refused = (400, {"error": {"type": "invalid_request_error", "message": "No."}})
    with shop.db.write() as conn:
        conn.exec_driver_sql("UPDATE meters SET channels = 2")
    shop.deliver(completed())
    shop.http.answers["post", "/v1/refunds"] = refused
    done = refunds.refund(shop.db, shop.clock, shop.sandbox, 1, AMOUNT_U, "r1", "operator:anna")
    assert done.state == "failed" and shop.balance_u(ledger.SUSPENSE) == AMOUNT_U


@pytest.mark.parametrize(
    "answer, error",
    [
        ((400, {"error": {"type": "invalid_request_error", "message": "No."}}), StationError),
        ((401, {"error": {"message": "Bad key"}}), Unreachable),
        ((429, {"error": {"message": "Slow"}}), Unreachable),
        (stripe.APIConnectionError("gone"), Unreachable),
    ],
)
def test_refusals_and_faults_are_told_apart(shop, answer, error):
    shop.http.answers["post", "/v1/checkout/sessions"] = answer
    with pytest.raises(error) as told:
        shop.pay()
    assert type(told.value) is error and "sk_test" not in str(told.value)


def test_the_report_is_read_page_by_page(shop):
    charge = {"id": "ch_1", "object": "charge", "payment_intent": "pi_1"}
    line = {"object": "balance_transaction", "currency": "eur", "created": NOW_S}
    first = {**line, "id": "txn_1", "type": "charge", "amount": 500, "fee": 30, "source": charge}
    second = {**line, "id": "txn_2", "type": "payout", "amount": -470, "fee": 0, "source": "po_1"}
    pages = [
        {"object": "list", "data": [first], "has_more": True},
        {"object": "list", "data": [second], "has_more": False},
    ]
    request = shop.http.request

    def paged(*what, **more):
        shop.http.answers["get", "/v1/balance_transactions"] = pages.pop(0)
        return request(*what, **more)

    shop.http.request = paged
    told = [
        (each.line, each.kind, each.reference, each.amount_u)
        for each in shop.sandbox.report(NOW_S - 10, NOW_S + 10)
    ]
    assert told == [
        ("txn_1", "payment", "pi_1", 5_000_000),
        ("txn_1:fee", "fee", "pi_1", -300_000),
        ("txn_2", "payout", "po_1", -4_700_000),
    ]
    assert shop.http.asked[-1][2]["starting_after"] == ["txn_1"]


@pytest.mark.parametrize("code, amount_u", [("KWD", 1_001_000), ("ISK", 1_500_000)])
def test_stripes_own_steps_are_kept(shop, code, amount_u):
    provider = Stripe("sk_test_1", SECRET, code, shop.clock, http_client=shop.http)
    with pytest.raises(StationError, match=r"rounder|fraction"):
        provider.create_intent(Ask(1, amount_u, code, "", NOW_S))
