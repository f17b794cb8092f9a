"""Lost webhooks, refunds, disputes and the provider's report: the books follow the money."""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from pay_kit import AMOUNT_U, CLEARING, Shop, hasty
from station_kit import NOW_S, Killed, killed_at_statement, result, store
from umeter_station import account_orders, keyed, ledger
from umeter_station.errors import Conflict, StationError
from umeter_station.models_pay import payment_conflicts, provider_lines
from umeter_station.models_pay import payments as payments_table
from umeter_station.pay import payments, polling, refunds, reports, suspense
from umeter_station.pay.provider import RefundStatus, Unreachable

DUE = ledger.refund_due("m1", 3)
DAY_S = 86_400


@pytest.fixture
def shop(db):
    return Shop(hasty(db))


def later(shop, seconds):
    shop.clock.unix_s += seconds


def poll(shop):
    return polling.poll(shop.db, shop.clock, shop.sandbox)


def paid(shop, key="p1"):
    payment = shop.pay(key=key)
    shop.deliver(shop.sandbox.finish(payment.reference, "succeeded"))
    return payment


def given_back(shop, amount_u=AMOUNT_U):
    """The meter has the sale, and gives as much of it back."""
    store(shop.db, result(1))
    with shop.db.write() as conn:
        order = account_orders.debit(3, amount_u)
        keyed.place(conn, "m1", *order, "o1", NOW_S)
    store(shop.db, result(2, taken_u=amount_u, credited_total=AMOUNT_U, charged_total=amount_u))
    assert shop.balance_u(DUE) == amount_u


def refund(shop, payment, amount_u=AMOUNT_U, key="r1"):
    return refunds.refund(
        shop.db, shop.clock, shop.sandbox, payment.id, amount_u, key, "operator:anna"
    )


@pytest.mark.parametrize("outcome, state", [("succeeded", "succeeded"), ("expired", "expired")])
def test_a_lost_webhook_is_asked_for(shop, outcome, state):
    payment = shop.pay()
    webhook = shop.sandbox.finish(payment.reference, outcome)
    assert poll(shop) == 0, "it was begun a moment ago"
    later(shop, 31)
    assert poll(shop) == 1
    assert shop.payment(payment.id).state == state
    assert len(shop.sold()) == (outcome == "succeeded")
    before = shop.state()
    assert shop.deliver(webhook) in ("paid already", "too late")
    assert shop.state() == before


def test_who_never_pays_is_asked_more_and_more_rarely_and_then_expires(shop, monkeypatch):
    payment, asked = shop.pay(), []
    fetch = shop.sandbox.fetch_status
    monkeypatch.setattr(shop.sandbox, "fetch_status", lambda r: asked.append(r) or fetch(r))
    for _ in range(payments.LIFETIME_S // 30):
        later(shop, 30)
        assert poll(shop) == 0
    assert 5 < len(asked) < 60
    later(shop, polling.GRACE_S)
    assert poll(shop) == 1
    assert shop.payment(payment.id).state == "expired"
    assert shop.deliver(shop.sandbox.finish(payment.reference, "succeeded")) == "sale"


def test_a_provider_out_of_reach_loses_nothing(shop, monkeypatch):
    create = shop.sandbox.create_intent

    def away(*_):
        raise Unreachable("not now")

    monkeypatch.setattr(shop.sandbox, "create_intent", away)
    with pytest.raises(Unreachable):
        shop.pay()
    monkeypatch.setattr(shop.sandbox, "create_intent", create)
    assert shop.pay().state == "pending" and shop.pay().id == 1
    monkeypatch.setattr(shop.sandbox, "fetch_status", away)
    later(shop, 60)
    assert poll(shop) == 0


def test_a_payment_that_never_got_its_intent_expires(shop, monkeypatch):
    def away(*_):
        raise Unreachable("not now")

    monkeypatch.setattr(shop.sandbox, "create_intent", away)
    with pytest.raises(Unreachable):
        shop.pay()
    later(shop, payments.LIFETIME_S + polling.GRACE_S)
    assert poll(shop) == 1 and shop.payment(1).state == "expired"


def test_only_what_is_due_back_is_refunded_and_once(shop):
    payment = paid(shop)
    with pytest.raises(StationError, match="give credit back"):
        refund(shop, payment)
    given_back(shop)
    assert refund(shop, payment, 3_000_000).state == "done"
    assert refund(shop, payment, 3_000_000).id == 1
    with pytest.raises(Conflict):
        refund(shop, payment, 2_000_000)
    with pytest.raises(StationError, match=r"only 2\.00"):
        refund(shop, payment, 3_000_000, "r2")
    assert shop.payment(payment.id).state == "succeeded"
    refund(shop, payment, 2_000_000, "r3")
    assert shop.payment(payment.id).state == "refunded"
    assert shop.balance_u(DUE) == shop.balance_u(CLEARING) == 0
    told = shop.sandbox.refund_webhook(payment.reference, "1")
    before = shop.state()
    assert shop.deliver(told) == "done" and shop.state() == before


def test_a_refund_that_the_provider_refuses_goes_back_to_where_it_was(shop, monkeypatch):
    payment = paid(shop)
    given_back(shop)
    monkeypatch.setattr(shop.sandbox, "refund", lambda *_: RefundStatus("failed"))
    assert refund(shop, payment).state == "failed"
    assert shop.balance_u(DUE) == AMOUNT_U and shop.balance_u(CLEARING) == -AMOUNT_U
    monkeypatch.undo()
    assert refund(shop, payment, key="r2").state == "done"
    assert shop.balance_u(DUE) == shop.balance_u(CLEARING) == 0


def test_a_refund_that_is_killed_anywhere_is_paid_once(shop):
    payment = paid(shop)
    given_back(shop)
    for number in range(200):
        try:
            with killed_at_statement(shop.db, number):
                refund(shop, payment)
            break
        except Killed:
            later(shop, 100)
        if number % 5 == 0:
            poll(shop)
    assert number > 15
    assert shop.balance_u(DUE) == shop.balance_u(CLEARING) == 0
    assert shop.balance_u("refunding:sandbox") == 0
    moves = [line for line in shop.sandbox.report(0, 1 << 40) if line.kind == "refund"]
    assert [line.amount_u for line in moves] == [-AMOUNT_U]


def test_a_refund_at_the_providers_own_desk_is_owed_to_us(shop):
    payment = paid(shop)
    shop.sandbox.refund(payment.reference, AMOUNT_U, "77")
    told = shop.sandbox.refund_webhook(payment.reference, "77")
    assert shop.deliver(told) == "refunded elsewhere"
    assert shop.balance_u(CLEARING) == 0
    assert shop.balance_u(ledger.SUSPENSE) == -AMOUNT_U
    with shop.db.write() as conn, pytest.raises(StationError, match="take back"):
        suspense.recover(conn, 1, "m1", 3, "operator:anna", NOW_S)
    given_back(shop)
    with shop.db.write() as conn:
        assert suspense.recover(conn, 1, "m1", 3, "operator:anna", NOW_S)
        assert not suspense.recover(conn, 1, "m1", 3, "operator:anna", NOW_S)
    assert shop.balance_u(ledger.SUSPENSE) == shop.balance_u(DUE) == 0


def test_a_dispute_that_is_written_off_and_then_won_is_money_in_again(shop):
    payment = paid(shop)
    assert shop.deliver(shop.sandbox.dispute(payment.reference)) == "disputed"
    with shop.db.write() as conn:
        suspense.write_off(conn, 1, "operator:anna", NOW_S)
    won = shop.sandbox.dispute(payment.reference, won=True)
    assert shop.deliver(won) == "dispute won"
    later(shop, 1)
    again = shop.sandbox.webhook("dispute.won", payment.reference, item=f"dp_{payment.reference}")
    assert shop.deliver(again) == "dispute won"
    assert shop.balance_u(ledger.SUSPENSE) == AMOUNT_U
    assert shop.balance_u(CLEARING) == -AMOUNT_U
    assert shop.balance_u(suspense.BAD_DEBT) == -AMOUNT_U
    assert len(shop.rows(payment_conflicts)) == 1


def mismatches(shop):
    with shop.db.read() as conn:
        found = reports.mismatches(conn, shop.clock.now_s())
        return [(each.what, each.payment_id, each.reported_u) for each in found]


def test_the_report_is_what_the_books_are_compared_with(any_db, monkeypatch):
    shop = Shop(any_db)
    first, second = paid(shop), paid(shop, "p2")
    lost = shop.pay(key="p3")
    shop.sandbox.finish(lost.reference, "succeeded")
    shop.deliver(shop.sandbox.webhook("intent.failed", lost.reference))
    assert shop.payment(lost.id).state == "failed"
    report = shop.sandbox.report

    def wrong(since_s, until_s):
        for line in report(since_s, until_s):
            if line.reference == first.reference:
                line = replace(line, amount_u=line.amount_u - 1)
            if line.reference != second.reference:
                yield line

    monkeypatch.setattr(shop.sandbox, "report", wrong)
    later(shop, 3 * DAY_S)
    assert reports.fetch(shop.db, shop.clock, shop.sandbox) == 2
    assert mismatches(shop) == [
        ("other amount", first.id, AMOUNT_U - 1),
        ("not in the report", second.id, 0),
        ("not in the books", None, AMOUNT_U),
    ]
    # What it says was paid is asked for once more, and sold.
    assert poll(shop) == 1
    assert shop.payment(lost.id).state == "succeeded" and len(shop.sold()) == 3
    assert len(mismatches(shop)) == 2


def test_a_payment_from_beginning_to_end_on_both_databases(any_db):
    shop = Shop(any_db)
    payment = shop.pay()
    webhook = shop.sandbox.finish(payment.reference, "succeeded")
    assert [shop.deliver(webhook) for _ in range(2)] == ["sale", "repeated"]
    given_back(shop)
    assert refund(shop, payment).state == "done"
    again = paid(shop, "p2")
    assert shop.deliver(shop.sandbox.dispute(again.reference)) == "disputed"
    assert shop.deliver(shop.sandbox.dispute(again.reference, won=True)) == "dispute won"
    assert shop.balance_u(ledger.SUSPENSE) == 0 and shop.balance_u(CLEARING) == -AMOUNT_U
    with pytest.raises(sa.exc.IntegrityError, match="stays so"), shop.db.write() as conn:
        conn.execute(sa.update(payments_table).values(state="failed"))


def test_the_report_is_fetched_now_and_then(shop, monkeypatch):
    asked = []
    report = shop.sandbox.report
    monkeypatch.setattr(shop.sandbox, "report", lambda *when: asked.append(when) or report(*when))
    paid(shop)
    for _ in range(3):
        poll(shop)
    later(shop, reports.EVERY_S + 1)
    poll(shop)
    assert len(asked) == 2 and len(shop.rows(provider_lines)) == 1
