"""A sale that its meter refuses, at the terminal: held, sent again, due back."""

import pytest

import cli_kit
import desk_kit
from station_kit import accounts_u, new_database, result, sell, store
from umeter_station import answers, config, ledger, orders


@pytest.fixture
def home(tmp_path):
    config.create_home(tmp_path, "mqtt://127.0.0.1:1")
    return tmp_path


@pytest.fixture
def db(home):
    return new_database(home)


def run(home, line):
    return cli_kit.run(home, *line.split())


def _order(db, n=1):
    with db.read() as conn:
        return orders.find(conn, "m1", n)


def test_what_is_held_is_shown_sent_again_and_refunded(home, db):
    assert run(home, "held").stdout.strip() == "No purchase is held."
    sell(db)
    sell(db, 2_000_000, "k2")
    store(
        db,
        result(1, "too_much", reason="the balance may be 10 at most"),
        result(2, "wrong_account"),
    )
    shown = run(home, "held").stdout
    assert "too_much: the balance may be 10 at most" in shown and "k2" in shown
    assert "5.00 held" not in shown
    assert "its 5.00 is held, to be sent again or refunded." in answers.sentence(_order(db))

    assert run(home, "resend k1 --key r1 --no-wait").exit_code == 0
    again = run(home, "resend k1 --no-wait")
    assert "Nothing more is sent for purchase k1" in again.stdout
    assert _order(db, 4) is None
    assert run(home, "refund k1").exit_code == 1

    assert run(home, "refund k2").stdout == ("2.00 of purchase k2 is due back to the customer.\n")
    assert run(home, "refund k2").stdout.endswith("customer already.\n")
    assert run(home, "held").stdout.strip() == "No purchase is held."
    sold = run(home, "sell m1 3 2 --key k2 --no-wait")
    assert sold.exit_code == 1 and "due back to the customer." in sold.stderr
    assert accounts_u(db) == (-7_000_000, 5_000_000, 0, 2_000_000)


def test_what_is_due_back_is_all_that_was_paid_not_the_credit_only(home, db, monkeypatch):
    def refused(self, command_id, _timeout_s):
        store(db, result(2, "range"))
        return self.command(command_id)

    monkeypatch.setattr("umeter_station.books.Books.wait_result", refused)
    desk_kit.charge(db)
    desk_kit.sell(db)
    desk_kit.sell(db, key="k2")
    store(db, result(1, "too_much"))
    paid = "10.00 (credit 8.233334, fee 0.10, tax 1.666666)"
    assert run(home, "refund k1").stdout == f"{paid} of purchase k1 is due back to the customer.\n"
    sold = run(home, "sell m1 3 10 --key k2")
    assert f"refused (range); {paid} is due back to the customer." in sold.stderr
    assert f"Its {paid} is due back" in run(home, "sell m1 3 10 --key k2").stderr
    with db.read() as conn:
        assert ledger.balance_u(conn, ledger.refund_due("m1", 3)) == 20_000_000


def test_the_same_sale_again_tells_of_the_newest_order_for_it(home, db):
    sell(db)
    store(db, result(1, "too_much"))
    run(home, "resend k1 --no-wait")
    store(db, result(2, balance_u=5_000_000))
    again = run(home, "sell m1 3 5 --key k1")
    assert again.exit_code == 0
    assert "5.00 credited to m1 channel 3, whose balance is now 5.00." in again.stdout


def test_a_sale_for_another_account_is_another_sale(home, db):
    assert run(home, "sell m1 3 5 --key k1 --account 7 --no-wait").exit_code == 0
    for account in ("--account 8", ""):
        other = run(home, f"sell m1 3 5 --key k1 --no-wait {account}")
        assert other.exit_code == 1 and "use a new key" in other.stderr
