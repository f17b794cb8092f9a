"""The commands about an account: one sentence or one table each, and nothing done twice."""

import pytest

import cli_kit
from station_kit import new_database, order, reading, result, sell, store, uplink
from umeter_station import account_orders, answers, cli_wait, config, orders, words
from umeter_station import db as databases

SOLD = (-5_000_000, 5_000_000, 0, 0)


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


def _sentence(db, n=1):
    return answers.sentence(_order(db, n))


@pytest.mark.parametrize(
    ("line", "op", "args"),
    [
        ("debit m1 3 2.50", "debit", {"ch": 3, "amount_u": 2_500_000}),
        ("debit m1 3 2 --account 7", "debit", {"ch": 3, "amount_u": 2_000_000, "account": 7}),
        ("emergency m1 3", "emergency", {"ch": 3}),
        ("restore m1 3", "restore", {"ch": 3}),
        ("user m1 3 open", "user", {"ch": 3, "state": "open"}),
        ("release m1 3 tamper", "release", {"ch": 3, "claim": "tamper"}),
        ("debt m1 3 1 add 2", "debt", {"ch": 3, "debt": 1, "add_u": 2_000_000}),
        ("debt m1 3 2 forgive 2", "debt", {"ch": 3, "debt": 2, "add_u": -2_000_000}),
        ("account m1 3 open --account 7", "account", {"ch": 3, "action": "open", "account": 7}),
        ("account m1 3 close", "account", {"ch": 3, "action": "close"}),
        (
            "account m1 3 prepaid --lend 1",
            "account",
            {"ch": 3, "action": "prepaid", "lend_u": 1_000_000},
        ),
        ("status m1 3", "status", {"ch": 3}),
        ("sell m1 3 2 --account 7", "credit", {"ch": 3, "amount_u": 2_000_000, "account": 7}),
    ],
)
def test_a_command_is_one_order(home, db, line, op, args):
    answer = run(home, f"{line} --no-wait")
    assert answer.exit_code == 0
    assert (_order(db).op, _order(db).args) == (op, args)
    assert answer.stdout.strip().endswith(".")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("debit m1 3 0", "cannot be sold"),
        ("debit m1 65 1", "channels are 1 to 64"),
        ("user m1 3 off", "open or close"),
        ("release m1 3 credit", "overload or tamper"),
        ("debt m1 3 1 take 5", "added to or forgiven"),
        ("account m1 3 open", "--account 1234"),
        ("account m1 3 close --lend 5", "prepaid"),
        ("sell m1 3 5 --account 0", "number is 1 to"),
        ("resend k9", "no purchase 'k9'"),
        ("refund k9", "no purchase 'k9'"),
    ],
)
def test_a_refusal_is_one_sentence_and_exit_code_1(home, db, line, said):
    answer = run(home, line)
    assert answer.exit_code == 1
    last = answer.stderr.strip().splitlines()[-1]
    assert said in last and last.endswith(".")
    assert _order(db) is None


def test_an_order_without_a_key_is_given_one_before_it_is_made(home, db):
    key = run(home, "debit m1 3 5 --no-wait").stderr.split()[-1]
    again = run(home, f"debit m1 3 5 --no-wait --key {key}")
    assert f"This is the order given before with key {key}." in again.stdout
    assert _order(db, 2) is None


def test_the_parts_of_a_purchase_are_told(db):
    sell(db)
    parts = {"payment_debt_u": 500_000, "accumulated_u": 0, "below_u": 1_000_000}
    rest = {"emergency_u": 2_000_000, "kept_u": 1_500_000, "balance_u": 1_500_000}
    store(db, result(1, **parts, **rest))
    assert _sentence(db) == (
        "5.00 credited to m1 channel 3 (0.50 to debt, 1.00 to what was used below the threshold,"
        " 2.00 to emergency credit, 1.50 kept), whose balance is now 1.50."
    )


_FATES = {
    "debit": (
        account_orders.debit(3, 5_000_000),
        {"taken_u": 2_000_000, "balance_u": 0},
        "2.00 of the 5.00 asked for taken back from m1 channel 3, due back to the customer; its"
        " balance is now 0.00.",
    ),
    "all of it": (
        account_orders.debit(3, 5_000_000),
        {"taken_u": 5_000_000},
        "5.00 taken back from m1 channel 3, due back to the customer.",
    ),
    "open": (
        account_orders.account(3, "open", account=7),
        {},
        "m1 channel 3 has the new account 7.",
    ),
    "close": (
        account_orders.account(3, "close"),
        {"refund_u": 5_000_000, "owed_u": 0, "debt_u": [1, 0, 2_000_000], "accumulated_u": 9},
        "The account of m1 channel 3 is closed; 5.00 is due back to the customer, 2.00001 was"
        " still owed.",
    ),
    "reset": (
        account_orders.account(3, "reset"),
        {"refund_u": 0},
        "The account of m1 channel 3 is reset; 0.00 is due back to the customer.",
    ),
    "prepaid": (
        account_orders.account(3, "prepaid", lend_u=5_000_000),
        {"lend_u": 5_000_000, "balance_u": 1_000_000},
        "m1 channel 3 is prepaid; 5.00 was lent to it; its balance is now 1.00.",
    ),
    "credit": (
        account_orders.account(3, "credit"),
        {},
        "m1 channel 3 pays afterwards: lack of credit does not cut it.",
    ),
    "debt": (
        account_orders.debt(3, 2, -5_000_000),
        {},
        "5.00 forgiven of debt 2 of m1 channel 3.",
    ),
    "emergency": (
        account_orders.emergency(3),
        {"claims": 0},
        "m1 channel 3 uses its emergency credit.",
    ),
    "restore": (
        account_orders.restore(3),
        {"claims": 18},
        "m1 channel 3 is restored, but held open by credit, overload.",
    ),
    "user": (
        account_orders.user(3, "close"),
        {"claims": 0},
        "The user's switch of m1 channel 3 is closed.",
    ),
    "release": (
        account_orders.release(3, "overload"),
        {"claims": 2},
        "m1 channel 3 is released from overload, but held open by credit.",
    ),
}


@pytest.mark.parametrize(("given", "told", "sentence"), _FATES.values(), ids=_FATES)
def test_what_became_of_an_order(db, given, told, sentence):
    order(db, given)
    store(db, result(1, **told))
    assert _sentence(db) == sentence


def test_an_amount_that_is_not_known_yet_is_said(home, db):
    order(db, account_orders.debit(3, 5_000_000))
    store(db, result(1, "replayed", first="applied"))
    answer = run(home, "debit m1 3 5 --key o1")
    assert answer.exit_code == 1
    assert "as soon as its audit log is here." in answer.stderr


def test_the_account_is_shown_as_a_table(home, db, monkeypatch):
    monkeypatch.setattr(cli_wait, "_WAIT_S", 0.0)
    lost = run(home, "status m1 3")
    assert lost.exit_code == 1 and "has not answered yet" in lost.stderr

    def answered(self, command_id, _timeout_s):
        told = {
            "debt_u": [1_500_000, 0, 0],
            "days_left": 4,
            "emergency": 2,
            "emergency_floor_u": -5_000_000,
            "standing_total_u": 300_000,
            "debt_total_u": 200_000,
            "other_total_u": 0,
            "rate_wh": [12_345, 0, 7, 0],
            "days_milli": [1_250, -1, -1, -1, -1, -1, -1],
            "state": 9,
            "locked": 16,
            "mark_wh": 7,
        }
        totals = {"credited_total_u": 4_000_000, "charged_total_u": 1_500_000}
        store(db, result(2, ch=3, balance_u=2_500_000, **totals, account=told))
        return self.command(command_id)

    monkeypatch.setattr("umeter_station.station.Books.wait_result", answered)
    shown = run(home, "status m1 3")
    assert shown.exit_code == 0
    lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    for line in (
        "account of m1 channel 3",
        "state credit low, emergency credit in use",
        "balance 2.50",
        "days left 4",
        "for energy 1.00",
        "debt 1, taken with time 1.50",
        "emergency credit ends at -5.00",
        "energy at rate 1 12.345 kWh",
        "energy at rate 3 0.007 kWh",
        "used a day, newest first 1.25",
        "locked overload",
    ):
        assert line in lines
    assert "mark" not in shown.stdout


def test_a_reading_of_a_newer_meter_shows_the_account(home, db):
    store(db, uplink("reading", reading()))
    assert "until restored" not in run(home, "read m1").stdout
    columns = {"armed": [16, 0], "rate": [1, 2], "state": [36, 0], "days_left": [-1, 12]}
    document = reading(seq=2, claims=[18, 0]) | columns
    store(db, uplink("reading", document))
    shown = run(home, "read m1").stdout
    for text in (
        "credit, overload until restored",
        "emergency credit offered, friendly hours",
        " 12 ",
    ):
        assert text in shown


@pytest.mark.parametrize("column", [[1], [1, "1"], 1, [1, 1.0]])
def test_a_newer_column_must_be_whole(db, column):
    store(db, uplink("reading", reading() | {"state": column}))
    with db.read() as conn:
        assert databases.read_counters(conn) == {"message.malformed": 1}


@pytest.mark.parametrize(
    ("code", "a", "b", "said"),
    [
        ("command", 7, 8, "order 7 refused, too much"),
        ("allowance.given", 1_500_000, 0, "1.50 given"),
        ("debit", 2_000_000, 5_000_000, "2.00 taken back"),
        ("debt", 2, -1_000_000, "1.00 forgiven of debt 2"),
        ("account.mode", 1_000_000, 0, "prepaid, 1.00 lent"),
        ("account.mode", 0, 1, "pays afterwards"),
        ("account.opened", 7, 0, "account 7"),
        ("credit.low", -20, 0, "balance -0.00002"),
        ("limit.trip", 2300, 2000, "2300 W, limit 2000 W"),
        ("limit.locked", 3, 0, "after 3 restorations"),
        ("hand", 18, 0, "ended credit, overload"),
        ("set.tariff", 5, 6, "changed"),
        ("set.pretrip_u", 634_125_391, 5, "none before, now 5"),
    ],
)
def test_an_events_numbers_are_put_in_words(code, a, b, said):
    assert words.event_detail(code, a, b) == said
