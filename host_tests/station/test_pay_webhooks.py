"""Payments and their webhooks: whatever comes in whatever order, one sale and no lost money."""

import json
from contextlib import suppress

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pay_kit import AMOUNT_U, CLEARING, Shop, hasty
from station_kit import NOW_S, Killed, killed_at_statement, new_database
from umeter_station import ledger
from umeter_station.errors import Conflict, StationError
from umeter_station.models_pay import payment_conflicts, payment_events, payments
from umeter_station.pay import refunds, suspense
from umeter_station.pay.mischief import FORGERIES, SIGNED, Mischief


@pytest.fixture
def shop(db):
    return Shop(hasty(db))


def test_a_payment_becomes_a_sale_when_the_money_is_there(shop):
    payment = shop.pay()
    assert payment.state == "pending" and payment.redirect_url.endswith(payment.reference)
    assert json.loads(payment.quote)["paid_u"] == AMOUNT_U
    assert shop.sold() == []
    assert shop.deliver(shop.sandbox.finish(payment.reference, "succeeded")) == "sale"
    assert shop.sold() == [f"pay:{payment.id}"]
    assert shop.payment(payment.id).state == "succeeded"
    assert shop.balance_u(CLEARING) == -AMOUNT_U
    assert shop.balance_u(ledger.transit("m1", 3)) == AMOUNT_U


def test_asked_again_it_is_the_same_payment(shop):
    first = shop.pay()
    assert shop.pay() == first
    assert shop.pay(payer="tenant:8").id != first.id
    with pytest.raises(Conflict):
        shop.pay(amount_u=AMOUNT_U + 10_000)


@pytest.mark.parametrize("amount_u", [0, -1, 5_000_001, 5_001_000])
def test_what_nobody_can_pay_is_refused(shop, amount_u):
    with pytest.raises(StationError):
        shop.pay(amount_u=amount_u)
    assert shop.rows(payments) == []


@pytest.mark.parametrize("how", FORGERIES)
def test_no_forgery_becomes_a_sale(shop, how):
    payment = shop.pay()
    real = shop.sandbox.finish(payment.reference, "succeeded")
    before = shop.state()
    forged = Mischief(1).forge(shop.sandbox, real, how, shop.clock.now_s())
    outcome = shop.deliver(forged)
    assert shop.sold() == [] and shop.payment(payment.id).state == "pending"
    if how in SIGNED:
        assert outcome == "conflict" and len(shop.rows(payment_conflicts)) == 1
        held_u = 0 if how == "other currency" else -shop.balance_u(CLEARING)
        assert shop.balance_u(ledger.SUSPENSE) == held_u
    else:
        assert outcome == "forged" and shop.state() == before
        assert shop.rows(payment_events) == []
    assert shop.deliver(real) == "sale"


def test_unknown_events_are_stored_and_change_nothing(shop):
    payment = shop.pay()
    before = shop.state()
    assert shop.deliver(shop.sandbox.webhook("payout.paid", payment.reference)) == "stored"
    assert shop.state() == before and len(shop.rows(payment_events)) == 1


def test_a_webhook_quicker_than_the_answer_finds_its_payment(shop):
    from umeter_station.pay import payments as pay
    from umeter_station.pay.payments import Wish

    with shop.db.write() as conn:
        wish = Wish(AMOUNT_U, "m1", 3)
        waiting = pay.begin(conn, shop.sandbox, wish, "tenant:7", "p1", NOW_S)
    ask = pay.Ask(waiting.id, AMOUNT_U, "EUR", "", NOW_S)
    intent = shop.sandbox.create_intent(ask)
    assert shop.deliver(shop.sandbox.finish(intent.reference, "succeeded")) == "sale"
    with shop.db.write() as conn:
        assert pay.attach(conn, waiting.id, intent, NOW_S).state == "succeeded"
    assert shop.pay().outcome == "sale"


def test_a_refused_sale_leaves_the_money_in_suspense_to_be_refunded_once(shop):
    payment = shop.pay(meter="m1", ch=3)
    with shop.db.write() as conn:
        conn.exec_driver_sql("UPDATE meters SET channels = 2")
    assert shop.deliver(shop.sandbox.finish(payment.reference, "succeeded")) == "suspense"
    assert shop.sold() == [] and shop.balance_u(ledger.SUSPENSE) == AMOUNT_U
    with shop.db.read() as conn:
        item = suspense.page(conn, 10)[0]
    for _ in range(2):
        done = refunds.refund(
            shop.db, shop.clock, shop.sandbox, payment.id, AMOUNT_U, "r1", "operator:anna"
        )
        assert done.state == "done"
    assert shop.payment(payment.id).state == "refunded"
    assert shop.balance_u(ledger.SUSPENSE) == shop.balance_u(CLEARING) == 0
    with shop.db.write() as conn, pytest.raises(StationError, match="already"):
        suspense.assign(conn, item.id, "m1", 1, "operator:anna", NOW_S)


def test_success_is_final_in_the_database_itself(shop):
    payment = shop.pay()
    shop.deliver(shop.sandbox.finish(payment.reference, "succeeded"))
    with pytest.raises(sa.exc.IntegrityError, match="stays so"), shop.db.write() as conn:
        conn.execute(sa.update(payments).values(state="failed"))
    with pytest.raises(sa.exc.IntegrityError, match="append-only"), shop.db.write() as conn:
        conn.execute(sa.delete(payment_events))


def test_a_wallet_is_filled_by_a_payment(shop):
    from umeter_station.people import tenants

    with shop.db.write() as conn:
        tenant_id = tenants.add(conn, "Anna", "operator:otto", NOW_S)
    payment = shop.pay(tenant_id=tenant_id)
    assert shop.deliver(shop.sandbox.finish(payment.reference, "succeeded")) == "wallet"
    assert shop.balance_u(ledger.wallet(tenant_id)) == AMOUNT_U
    assert shop.sold() == []


def test_killed_at_every_statement_the_webhook_is_told_again(shop):
    """Whatever was done is done as a whole: the sale, its transfers and the event."""
    payment = shop.pay()
    webhook = shop.sandbox.finish(payment.reference, "succeeded")
    before = shop.state()
    for number in range(1000):
        with killed_at_statement(shop.db, number) as begun, suppress(Killed):
            assert shop.deliver(webhook) == "sale"
            break
        assert shop.state() == before and shop.rows(payment_events) == []
    assert number == len(begun) > 20
    assert shop.deliver(webhook) == "repeated"
    assert shop.sold() == [f"pay:{payment.id}"]
    assert shop.balance_u(CLEARING) == -AMOUNT_U


ACTIONS = st.one_of(
    st.tuples(st.sampled_from(["succeeded", "failed", "expired"]), st.integers(0, 2)),
    st.tuples(st.sampled_from(["disputed", "won"]), st.integers(0, 2)),
    st.tuples(st.sampled_from(FORGERIES), st.integers(0, 2)),
)


class Oracle:
    """What the books must say, by what the provider has really told."""

    def __init__(self):
        self.paid, self.disputed, self.won, self.phantom = set(), set(), set(), {}

    def told(self, what, at, reference, amount_u):
        if what == "succeeded":
            self.paid.add(at)
        elif what == "disputed":
            self.disputed.add(at)
        elif what == "won":
            self.won.add(at)
        elif what in ("other amount", "unknown reference"):
            self.phantom[reference, amount_u] = amount_u

    def suspense_u(self):
        out = len(self.disputed - self.won) * AMOUNT_U
        return sum(self.phantom.values()) - out

    def clearing_u(self):
        return -len(self.paid) * AMOUNT_U - self.suspense_u()


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(actions=st.lists(ACTIONS, max_size=12), seed=st.integers(0, 999), more=st.booleans())
def test_any_webhooks_in_any_order(tmp_path_factory, actions, seed, more):
    shop = Shop(hasty(new_database(tmp_path_factory.mktemp("order"))))
    try:
        _run(shop, actions, seed, more)
    finally:
        shop.db.close()


def _run(shop, actions, seed, more):
    mischief, oracle, sent = Mischief(seed), Oracle(), []
    all_of_them = [shop.pay(key=f"p{n}") for n in range(3)]
    for what, at in actions:
        reference = all_of_them[at].reference
        if what in FORGERIES:
            real = shop.sandbox.webhook("intent.succeeded", reference)
            webhook = mischief.forge(shop.sandbox, real, what, shop.clock.now_s())
        elif what in ("disputed", "won"):
            webhook = shop.sandbox.dispute(reference, won=what == "won")
        else:
            webhook = shop.sandbox.finish(reference, what)
        sent.append((what, at, webhook))
    by_webhook = {id(webhook): (what, at, webhook) for what, at, webhook in sent}
    deliveries = mischief.deliver(
        [webhook for _, _, webhook in sent], duplicate=more, reorder=True
    )
    for delivery in deliveries:
        what, at, webhook = by_webhook[id(delivery.webhook)]
        outcome = shop.deliver(webhook)
        assert (outcome == "forged") == (what in FORGERIES and what not in SIGNED)
        body = json.loads(webhook.body)
        oracle.told(what, at, body["reference"], body["minor"] * 10_000)
        assert len(shop.sold()) == len(set(shop.sold())) == len(oracle.paid)
    assert sorted(shop.sold()) == sorted(f"pay:{all_of_them[at].id}" for at in oracle.paid)
    assert shop.balance_u(ledger.transit("m1", 3)) == len(oracle.paid) * AMOUNT_U
    assert shop.balance_u(ledger.SUSPENSE) == oracle.suspense_u()
    assert shop.balance_u(CLEARING) == oracle.clearing_u()
    with shop.db.read() as conn:
        items = suspense.page(conn, 100)
    signs = {"in": 1, "out": -1}
    listed_u = sum(signs[item.direction] * item.amount_u for item in items)
    assert listed_u == shop.balance_u(ledger.SUSPENSE), "the work list is the account"
