"""Commands on the real core: every order has one outcome, whatever is repeated, reordered, cut or
fails.
"""

import json
import sys

import pytest

from fakes_board import Board, MemoryFlash
from umeter.core.supply import CREDIT, OPERATOR
from umeter.net.envelope import sign, verify

UNIX_2026 = 1_767_225_600
WHEN_2026 = UNIX_2026 - 1_577_836_800
MICRO = 1_000_000


@pytest.fixture
def board():
    return Board()


def credit(board, n, ch=1, amount_u=5 * MICRO, **more):
    return board.order(n=n, op="credit", ch=ch, amount_u=amount_u, **more)


def test_credit_is_applied_and_answered_with_both_totals(board):
    answer = credit(board, 1, ch=2, id="sale-7")
    assert answer == {
        "n": 1,
        "op": "credit",
        "code": "applied",
        "ch": 2,
        "credited_total_u": 5 * MICRO,
        "charged_total_u": 0,
        "balance_u": 5 * MICRO,
        "contact": 0,
        "claims": board.channels[1].claims,
        "armed": 0,
        "payment_debt_u": 0,
        "accumulated_u": 0,
        "below_u": 0,
        "emergency_u": 0,
        "kept_u": 5 * MICRO,
        "t": 0,
        "boot": 1,
    }
    assert not answer["claims"] & CREDIT
    assert board.channels[0].account.credited_total_u == 0


def totals(answer):
    return {key: answer[key] for key in ("ch", "credited_total_u", "charged_total_u", "balance_u")}


def test_a_repeated_order_is_answered_with_the_totals_of_now(board):
    credit(board, 1, ch=2)
    board.channels[1].account.charge(7)
    replayed = credit(board, 1, ch=2)
    assert replayed["code"] == "replayed"
    now = {"credited_total_u": 5 * MICRO, "charged_total_u": 7, "balance_u": 5 * MICRO - 7}
    assert totals(replayed) == {"ch": 2} | now
    assert replayed["contact"] == 0 and replayed["claims"] == board.channels[1].claims
    board.order(n=100, op="read")
    old = board.order(n=1, op="supply", ch=2, state="open")
    assert old["code"] == "old" and totals(old) == {"ch": 2} | now


@pytest.mark.parametrize("ch", [0, 4, -1, True, "1", 1.0, None])
def test_a_repeated_order_without_a_true_channel_has_no_totals(board, ch):
    board.order(n=1, op="read")
    answer = board.order(n=1, op="supply", ch=ch, state="open")
    assert answer["code"] == "replayed" and "ch" not in answer and "balance_u" not in answer


TRANSIENT = (
    "net.orders net.order_kit net.order_money core.replay core.restore core.turn core.book "
    "core.credit core.calendar core.tariffs core.limits core.topup core.life core.undo "
    "core.settings_table"
)


def test_what_carried_an_order_out_does_not_stay(board, monkeypatch):
    names = [("umeter." + name).rpartition(".") for name in TRANSIENT.split()]
    for package, _, name in names:  # other tests may have imported it
        monkeypatch.delitem(sys.modules, package + "." + name, raising=False)
        monkeypatch.delattr(sys.modules[package], name, raising=False)
    there = set(sys.modules)
    assert credit(board, 1)["code"] == "applied"
    assert set(sys.modules) == there
    assert not any(hasattr(sys.modules[package], name) for package, _, name in names)


def test_supply_sets_and_releases_the_operators_claim_alone(board):
    credit(board, 1)
    opened = board.order(n=2, op="supply", ch=1, state="open")
    assert opened["code"] == "applied" and opened["claims"] & OPERATOR
    closed = board.order(n=3, op="supply", ch=1, state="close")
    assert closed["code"] == "applied" and not closed["claims"] & OPERATOR
    board.meter.tick(100, 0)
    assert board.order(n=4, op="supply", ch=2, state="close")["claims"] & CREDIT


def test_operators_claim_survives_a_reboot(board):
    board.order(n=1, op="supply", ch=3, state="open")
    assert board.reboot().channels[2].claims & OPERATOR


def test_read_gives_a_whole_reading(board):
    credit(board, 1)
    newest = board.meter.events.next_n - 1
    board.samples[2].power_dw = 1234
    board.samples[1].silent_ms = 65_432
    reading = board.order(n=2, op="read")["reading"]
    assert reading["power_dw"] == [0, 0, 1234] and reading["age_s"] == [0, 65, 0]
    assert reading["balance_u"] == [5 * MICRO, 0, 0]
    assert reading["boot"] == 1 and reading["clock"] == 0 and reading["t"] == 0
    assert reading["event"] == newest
    assert {len(v) for v in reading.values() if isinstance(v, list)} == {3}


def test_time_is_set_for_this_boot_only(board):
    late = board.order(n=1, op="time", t=UNIX_2026 + 1, boot=0)
    assert late["code"] == "not_now" and board.clock.when == 0
    answer = board.order(n=2, op="time", t=UNIX_2026 + 1, boot=1)
    assert answer["code"] == "applied" and answer["t"] == UNIX_2026 + 1
    assert answer["boot"] == 1


def test_time_order_is_not_judged_by_the_clock_it_mends(board):
    board.clock.set(WHEN_2026 + 900_000)
    answer = board.order(n=1, op="time", t=UNIX_2026, boot=1, exp=UNIX_2026 + 60)
    assert answer["code"] == "applied" and answer["t"] == UNIX_2026


def test_set_reports_every_key(board):
    answer = board.order(
        n=1,
        op="set",
        version=4,
        set={"price_u_per_kwh": 300_000, "report_s": 1, "colour": 2, "ch.2.low_credit_u": 7},
    )
    assert answer["code"] == "partly" and answer["version"] == 4
    keys = answer["keys"]
    assert keys.pop("price_u_per_kwh") == keys.pop("ch.2.low_credit_u") == "applied"
    assert set(keys) == {"report_s", "colour"} and all(len(s) > 8 for s in keys.values())
    assert board.channels[0].tariff.price_u_per_kwh == 300_000
    assert board.settings.get("report_s") == 60
    assert board.reboot().settings.to_dict() == board.settings.to_dict()


def test_set_with_nothing_acceptable_changes_nothing(board):
    answer = board.order(n=1, op="set", version=4, set={"report_s": 1})
    assert answer["code"] == "range" and answer["version"] == 0 == board.settings.version


def test_overtaken_settings_do_not_come_back(board):
    def price(n, version, value):
        return board.order(n=n, op="set", version=version, set={"price_u_per_kwh": value})

    assert price(2, 5, 500)["code"] == "applied"
    late = price(1, 4, 400)
    assert late["code"] == "outdated" and late["version"] == 5
    assert board.settings.get("price_u_per_kwh") == 500
    assert price(3, 5, 500)["code"] == "applied", "the same document again is no harm"


def test_an_order_that_names_another_meter_is_not_for_this_one(board):
    board.commands.name = "m1"
    wrong = credit(board, 1, meter="m2")
    assert wrong["code"] == "wrong_meter" and "m1" in wrong["reason"]
    assert credit(board, 1)["first"] == "wrong_meter", "one number, one outcome"
    assert [credit(board, n, meter=m)["code"] for n, m in ((2, 7), (3, None))] == [
        "wrong_meter",
        "wrong_meter",
    ]
    assert credit(board, 4, meter="m1")["code"] == "applied"
    assert board.channels[0].account.credited_total_u == 5 * MICRO


REFUSED = [
    ("unknown_op", {"op": "format"}),
    ("unknown_op", {"op": "_execute"}),
    ("unknown_op", {"op": ["credit"]}),
    ("unknown_op", {"op": None}),
    ("unknown_op", {"op": {"read": 1}, "meter": ""}),
    ("unknown_op", {}),
    ("malformed", {"op": "credit", "ch": 1, "amount_u": 1, "amount": 1}),
    ("malformed", {"op": "credit", "ch": 1}),
    ("malformed", {"op": "credit", "ch": True, "amount_u": 1}),
    ("malformed", {"op": "credit", "ch": 1, "amount_u": 1.0}),
    ("malformed", {"op": "credit", "ch": 1, "amount_u": "1"}),
    ("malformed", {"op": "credit", "ch": 1, "amount_u": 1, "id": 7}),
    ("malformed", {"op": "credit", "ch": 1, "amount_u": 1, "id": "x" * 41}),
    ("malformed", {"op": "credit", "ch": 1, "amount_u": 1, "exp": None}),
    ("range", {"op": "credit", "ch": 0, "amount_u": 1}),
    ("range", {"op": "credit", "ch": 4, "amount_u": 1}),
    ("range", {"op": "credit", "ch": -1, "amount_u": 1}),
    ("range", {"op": "credit", "ch": 1, "amount_u": 0}),
    ("range", {"op": "credit", "ch": 1, "amount_u": -5}),
    ("range", {"op": "credit", "ch": 1, "amount_u": 10**12 + 1}),
    ("range", {"op": "credit", "ch": 1, "amount_u": 1, "exp": 60}),
    ("malformed", {"op": "supply", "ch": 1}),
    ("malformed", {"op": "supply", "ch": 1, "state": "OPEN"}),
    ("malformed", {"op": "supply", "ch": 1, "state": True}),
    ("range", {"op": "supply", "ch": 9, "state": "open"}),
    ("malformed", {"op": "read", "ch": 1}),
    ("malformed", {"op": "set", "version": 1}),
    ("malformed", {"op": "set", "version": 1, "set": {}}),
    ("malformed", {"op": "set", "version": 1, "set": ["report_s"]}),
    ("malformed", {"op": "set", "set": {"report_s": 60}}),
    ("range", {"op": "set", "version": -1, "set": {"report_s": 60}}),
    ("wrong_meter", {"op": "read", "meter": "m2"}),
    ("wrong_meter", {"op": "format", "meter": ["m1"]}),
    ("range", {"op": "set", "version": 1, "set": {str(i): 0 for i in range(17)}}),
    ("malformed", {"op": "time", "t": UNIX_2026, "boot": 1, "exp": "soon"}),
    ("range", {"op": "time", "t": UNIX_2026 - 1, "boot": 1}),
    ("range", {"op": "time", "t": 2_650_838_400, "boot": 1}),
    ("malformed", {"op": "time", "t": UNIX_2026}),
    ("not_now", {"op": "time", "t": UNIX_2026, "boot": 2}),
]


@pytest.mark.parametrize("code, fields", REFUSED)
def test_refused_with_a_reason_and_the_number_consumed(board, code, fields):
    before = board.state()
    answer = board.order(n=9, **fields)
    assert answer["code"] == code
    assert len(answer["reason"]) > 8
    again = board.order(n=9, **fields)
    assert again["code"] == "replayed" and again["first"] == code
    accounts, settings, _, when = board.state()
    assert (accounts, settings, when) == (before[0], before[1], before[3])
    assert board.reboot().window.outcome(9) != 0


@pytest.mark.parametrize("t", [UNIX_2026, 2_650_838_399])
def test_first_and_last_time_that_can_be_set(board, t):
    assert board.order(n=1, op="time", t=t, boot=1)["t"] == t


def test_credit_that_the_total_cannot_hold(board):
    for _ in range(1072):
        board.channels[0].account.credit(10**12)
    assert credit(board, 1, amount_u=10**12)["code"] == "applied"
    board.channels[0].account.credited_hi = 0x3FFFFFFF
    answer = credit(board, 2, amount_u=10**12)
    assert answer["code"] == "range"
    assert board.channels[0].account.credited_hi == 0x3FFFFFFF


def test_expiry_counts_only_with_a_trusted_clock(board):
    assert credit(board, 1, exp=UNIX_2026)["code"] == "applied"
    board.clock.set(WHEN_2026 + 100)
    assert credit(board, 2, exp=UNIX_2026 + 100)["code"] == "applied"
    assert credit(board, 3, exp=UNIX_2026 + 99)["code"] == "expired"
    assert credit(board, 3, exp=UNIX_2026 + 999)["first"] == "expired"
    assert board.channels[0].account.credited_total_u == 10 * MICRO


def test_every_command_leaves_an_event(board):
    while board.meter.events.peek():
        board.meter.events.pop()
    credit(board, 1, ch=3)
    board.order(n=2, op="nonsense")
    board.order(n=3, op="set", version=6, set={"report_s": 10})
    events = []
    while board.meter.events.peek():
        events.append(board.meter.events.peek()[2:])
        board.meter.events.pop()
    of_set = [("settings", 0, 6, 0), ("set.report_s", 0, 60, 10), ("command", 0, 3, 1)]
    of_credit = [("credit.back", 3, 5 * MICRO, 0), ("command", 3, 1, 1)]
    assert events == [*of_credit, ("command", 0, 2, 4), *of_set]


def test_journal_that_is_full_is_answered_as_store():
    board = Board(channels=1)
    for size in range(2000, MemoryFlash.sector, 8):
        try:
            board.meter.commit({"x": bytes(size)})
        except ValueError:
            break
    own = ("ch.1.price_u_per_kwh", "ch.1.low_credit_u", "ch.1.disable_at_u")
    answer = board.order(n=1, op="set", version=1, set={key: 9 for key in own})
    assert answer["code"] == "store" and "journal full" in answer["reason"]
    assert board.settings.version == 0 and board.window.highest == 0


def test_what_has_no_op_is_answered_while_the_flash_fails(board):
    board.flash.failing = True
    assert board.order(n=1, amount_u=1)["code"] == "store"
    board.flash.failing = False
    assert board.order(n=1, amount_u=1)["code"] == "unknown_op"


def test_an_op_as_deep_as_a_token_can_hold_is_answered(board):
    payload = b'{"n":1,"op":' + b"[" * 700 + b"]" * 700 + b"}"
    answer = json.loads(verify(board.key, board.commands.handle(sign(board.key, payload)), 8192))
    assert answer["code"] == "unknown_op" and answer["op"] is None


def test_answer_is_signed_with_the_meters_key(board):
    token = board.commands.handle(sign(board.key, json.dumps({"n": 1, "op": "read"}).encode()))
    assert verify(bytes(32), token, 8192) is None
    assert json.loads(verify(board.key, token, 8192))["n"] == 1
