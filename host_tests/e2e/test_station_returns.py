"""Money that is taken back, lent, held, sent again or refunded, over a real broker."""

import pytest

from ingest_kit import TIMEOUT_S, ingest_process, until
from log_kit import Logs, audit_raw
from scripted_meter import ScriptedMeter
from station_kit import KEY
from umeter.core import codes
from umeter_station import account_orders
from umeter_station.station import Books, Station


def _state(station, given):
    command_id = getattr(given, "last_command_id", None) or given.command_id
    return station.wait_result(command_id, TIMEOUT_S).state


def _money(station, ch=3):
    """in transit, held, credited, taken back, due for a refund"""
    (balance,) = [b for b in station.balances("m1") if b.ch == ch]
    return (
        balance.in_transit_u,
        balance.held_u,
        balance.credited_u,
        balance.returned_u,
        balance.refund_due_u,
    )


def test_a_debit_is_made_once_though_it_is_asked_for_twice_and_answered_thrice(station, meter):
    meter.copies = 3
    assert _state(station, station.sell("m1", 3, 5_000_000)) == "applied"
    debit = account_orders.debit(3, 8_000_000)
    given = station.order("m1", debit, "d1")
    assert station.order("m1", debit, "d1").command_id == given.command_id
    assert _state(station, given) == "applied"
    until(lambda: station.counters().get("result.repeated") == 4)
    assert station.order("m1", debit, "d1").repeated
    assert meter.charged_u == {3: 5_000_000} and len(meter.outcomes) == 2
    assert _money(station) == (0, 0, 5_000_000, 5_000_000, 5_000_000)
    assert station.reconcile() == []


def test_a_debit_whose_answer_is_lost_is_told_again(station, meter):
    assert _state(station, station.sell("m1", 3, 5_000_000)) == "applied"
    meter.mute = 1
    given = station.order("m1", account_orders.debit(3, 8_000_000), "d1")
    assert _state(station, given) == "applied"
    assert set(meter.heard) == {1, 2} and meter.heard.count(2) >= 2
    assert _money(station) == (0, 0, 5_000_000, 5_000_000, 5_000_000)
    assert station.reconcile() == []


def test_a_debit_whose_answer_is_lost_is_settled_by_the_log(station, meter):
    meter.tells_again = False
    assert _state(station, station.sell("m1", 3, 5_000_000)) == "applied"
    meter.mute = 1
    given = station.order("m1", account_orders.debit(3, 8_000_000), "d1")
    assert _state(station, given) == "unclear"
    assert set(meter.heard) == {1, 2} and meter.heard.count(2) >= 2
    assert _money(station)[3:] == (0, 0)
    meter.logs = Logs()
    events = (("debit", 5_000_000, 8_000_000), ("command", 2, 1))
    meter.logs.append(
        "events",
        [
            audit_raw(n, code=codes.number(code), ch=3, a=a, b=b)
            for n, (code, a, b) in enumerate(events, start=1)
        ],
    )
    meter.report()
    until(lambda: station.command(given.command_id).state == "applied")
    assert _money(station) == (0, 0, 5_000_000, 5_000_000, 5_000_000)


def test_credit_that_was_lent_is_in_the_books(station, meter):
    lend = account_orders.account(3, "prepaid", lend_u=2_000_000)
    assert _state(station, station.order("m1", lend, "a1")) == "applied"
    assert meter.credited_u == {3: 2_000_000}
    assert _money(station)[2] == 2_000_000
    assert station.reconcile() == []


def test_a_held_purchase_is_credited_once_however_often_it_is_sent_again(station, meter):
    meter.max_topup_u = 1_000_000
    assert _state(station, station.sell("m1", 3, 5_000_000, "k1")) == "refused"
    assert [held.key for held in station.held()] == ["k1"]
    assert _state(station, station.resend("k1")) == "refused"
    assert _money(station)[:3] == (0, 5_000_000, 0)
    meter.max_topup_u = 9_000_000
    meter.copies, meter.mute = 3, 1
    given = station.resend("k1")
    assert station.resend("k1").command_id == given.command_id
    assert _state(station, given) == "applied"
    assert station.resend("k1").repeated
    assert _state(station, station.sell("m1", 3, 5_000_000, "k1")) == "applied"
    assert station.held() == [] and meter.credited_u == {3: 5_000_000}
    assert _money(station)[:3] == (0, 0, 5_000_000)
    assert station.reconcile() == []


def test_a_held_purchase_that_is_refunded_never_reaches_the_meter(station, meter):
    meter.max_topup_u = 1_000_000
    assert _state(station, station.sell("m1", 3, 5_000_000, "k1")) == "refused"
    assert station.refund("k1") is True and station.refund("k1") is False
    assert _money(station) == (0, 0, 0, 0, 5_000_000)
    # On a slow machine it is asked again before it has answered.
    assert meter.credited_u == {} and set(meter.heard) == {1}


def test_an_account_is_asked_for(station, meter):
    given = station.order("m1", account_orders.status(3))
    assert _state(station, given) == "applied"
    assert station.command(given.command_id).result["account"]["account"] == 7


@pytest.mark.slow
def test_debits_and_resends_survive_an_ingest_that_is_killed_again_and_again(broker, tmp_path):
    meter = ScriptedMeter(broker)
    meter.copies = 2
    home = tmp_path / "home"
    books = Station(home, broker.url)
    books.add_meter("m1", KEY)
    channels = range(1, 9)
    meter.max_topup_u = 0
    sold = [books.sell("m1", ch, 5_000_000, f"k{ch}") for ch in channels]
    _run_ingest(home, lambda: len(books.held()) == len(sold))
    meter.max_topup_u = 10**12
    again = [books.resend(f"k{ch}", f"r{ch}") for ch in channels]
    _run_ingest(home, lambda: any(not books.command(g.command_id).is_open for g in again))
    debits = [books.order("m1", account_orders.debit(ch, ch * 1_000_000), f"d{ch}")
              for ch in channels]  # fmt: skip
    given = again + debits
    _run_ingest(home, lambda: any(not books.command(g.command_id).is_open for g in debits))
    assert [books.resend(f"k{ch}", f"r{ch}").command_id for ch in channels] == [
        g.command_id for g in again
    ]
    _run_ingest(home, lambda: not any(books.command(g.command_id).is_open for g in given))
    meter.stop()
    assert {books.command(g.command_id).state for g in given} == {"applied"}
    assert meter.credited_u == dict.fromkeys(channels, 5_000_000)
    assert meter.charged_u == {ch: min(ch, 5) * 1_000_000 for ch in channels}
    for ch in channels:
        taken_u = meter.charged_u[ch]
        assert _money(books, ch) == (0, 0, 5_000_000, taken_u, taken_u)
    assert books.reconcile() == []
    books.close()


def _run_ingest(home, done):
    """An ingest of its own, killed as soon as that is so."""
    with ingest_process(home):
        until(done)


def test_another_process_sees_what_is_held(station, meter):
    meter.max_topup_u = 0
    assert _state(station, station.sell("m1", 3, 5_000_000, "k1")) == "refused"
    other = Books(station.config.home)
    assert [held.reason for held in other.held()] == ["a top-up is 0 at most"]
    other.close()
