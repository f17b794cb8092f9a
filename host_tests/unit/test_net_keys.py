"""The meter's key is changed by an order: the new one durable before the answer, the old one good
until the new one was used, whatever is lost, repeated, cut or provisioned anew.
"""

import base64
import json

import pytest

from fakes_board import Board
from keys_kit import FIRST, SECOND, SITE, key_order, read, rotate, send
from umeter.net.commands import Commands
from umeter.net.envelope import sign, verify


@pytest.fixture
def board():
    return Board()


def provisioned(board, key):
    """The same board after a boot, with this key in its site file."""
    board = board.reboot()
    board.commands = Commands(board.meter, key, board.clock)
    return board


def test_the_old_key_is_good_until_the_new_one_was_used(board):
    assert rotate(board, 1, FIRST, SITE) == "applied"
    assert board.commands.keys == (FIRST, SITE)
    assert read(board, 2, SITE) == "applied", "the station may have lost the answer"
    assert read(board, 3, FIRST) == "applied"
    assert board.commands.keys == (FIRST,)
    assert read(board, 4, SITE) is None and board.commands.forged == 1
    assert read(board, 4, FIRST) == "applied"


@pytest.mark.parametrize("used", [False, True])
def test_keys_outlive_a_boot(board, used):
    rotate(board, 1, FIRST, SITE)
    if used:
        read(board, 2, FIRST)
    after = board.reboot()
    assert after.commands.keys == board.commands.keys == ((FIRST,) if used else (FIRST, SITE))
    assert read(after, 3, SITE) == (None if used else "applied")
    assert read(after, 4, FIRST) == "applied"


@pytest.mark.parametrize("boots", [False, True])
def test_after_a_lost_answer_the_same_order_tells_that_it_was_applied(board, boots):
    rotate(board, 1, FIRST, SITE)
    board = board.reboot() if boots else board
    again = send(board, key_order(1, FIRST, SITE), SITE)
    assert (again["code"], again["first"]) == ("replayed", "applied")
    assert board.commands.keys == (FIRST, SITE), "repeated under the old key, it uses no new one"


def test_any_order_under_the_new_key_ends_the_old_one(board):
    """One that was repeated, refused or too old as well: the station has the new key."""
    for n, order in enumerate(({"n": 1, "op": "read"}, {"n": 9, "op": "no"}), 2):
        case = Board()
        rotate(case, 1, FIRST, SITE)
        assert send(case, order, FIRST)["code"] in ("replayed", "unknown_op"), n
        assert case.commands.keys == case.reboot().commands.keys == (FIRST,)
    rotate(board, 1, FIRST, SITE)
    assert send(board, {"op": "read"}, FIRST) is None
    assert board.commands.keys == (FIRST, SITE), "what has no number is no order"


def test_one_rotation_after_another(board):
    assert rotate(board, 1, FIRST, SITE) == "applied"
    assert rotate(board, 2, SECOND, FIRST) == "applied"
    assert board.commands.keys == (SECOND, FIRST)
    board = board.reboot()
    assert board.commands.keys == (SECOND, FIRST)
    assert read(board, 3, SITE) is None
    assert rotate(board, 3, SITE, SECOND) == "applied"
    assert board.commands.keys == board.reboot().commands.keys == (SITE, SECOND)


def test_a_station_that_gave_up_a_new_key_sends_another_under_the_old(board):
    rotate(board, 1, FIRST, SITE)
    assert rotate(board, 2, SECOND, SITE) == "applied"
    assert board.commands.keys == (SECOND, SITE)
    board = board.reboot()
    assert board.commands.keys == (SECOND, SITE)
    assert read(board, 3, FIRST) is None


def test_provisioned_anew_the_journals_keys_are_forgotten(board):
    rotate(board, 1, FIRST, SITE)
    read(board, 2, FIRST)
    anew = provisioned(board, SECOND)
    assert anew.commands.keys == (SECOND,)
    assert read(anew, 3, FIRST) is None and read(anew, 3, SECOND) == "applied"
    assert rotate(anew, 4, FIRST, SECOND) == "applied"
    assert provisioned(anew, SECOND).commands.keys == (FIRST, SECOND)
    assert provisioned(anew, SITE).commands.keys == (SITE,)


GOOD = key_order(1, FIRST, SITE)
REFUSED = [
    ("malformed", {"wrapped": None}),
    ("malformed", {"wrapped": 7}),
    ("malformed", {"wrapped": [GOOD["wrapped"]]}),
    ("malformed", {"wrapped": ""}),
    ("malformed", {"wrapped": GOOD["wrapped"][:-1]}),
    ("malformed", {"wrapped": GOOD["wrapped"] + "="}),
    ("malformed", {"wrapped": "*" * 43}),
    ("malformed", {"wrapped": "\ud800" * 43}),
    ("malformed", {"wrapped": "A" * 64}),
    ("malformed", {"check": None}),
    ("malformed", {"check": 0x1234567812345678}),
    ("malformed", {"check": [0] * 16}),
    ("malformed", {"check": GOOD["check"][:15]}),
    ("malformed", {"check": GOOD["check"] + "0"}),
    ("malformed", {"key": FIRST.hex()}),
    ("not_now", {"check": "0" * 16}),
    ("not_now", {"check": GOOD["check"].swapcase()}),
    ("not_now", {"wrapped": key_order(2, FIRST, SITE)["wrapped"]}),
    ("not_now", {"wrapped": key_order(1, FIRST, SECOND)["wrapped"]}),
    ("not_now", {"wrapped": key_order(1, SECOND, SITE)["wrapped"]}),
    ("expired", {"exp": 1_767_225_600}),
]


@pytest.mark.parametrize("code, fields", REFUSED)
def test_refused_with_its_number_consumed_and_the_key_unchanged(board, code, fields):
    board.clock.set(200_000_000)
    answer = send(board, GOOD | fields, SITE)
    assert answer["code"] == code and len(answer["reason"]) > 8
    assert send(board, GOOD, SITE)["first"] == code
    assert board.commands.keys == board.reboot().commands.keys == (SITE,)


def test_a_key_order_without_its_fields_is_malformed(board):
    assert send(board, {"n": 1, "op": "key"}, SITE)["code"] == "malformed"


def test_no_answer_and_no_event_tells_a_key(board):
    token = board.commands.handle(sign(SITE, json.dumps(GOOD).encode()))
    told = verify(SITE, token, 8192).decode()
    while board.meter.events.peek():
        told += repr(board.meter.events.peek())
        board.meter.events.pop()
    for key in (SITE, FIRST):
        assert key.hex() not in told and base64.urlsafe_b64encode(key).decode()[:43] not in told
    assert "'command', 0, 1, 1" in told


def test_while_the_flash_fails_the_keys_stay(board):
    board.flash.failing = True
    assert rotate(board, 1, FIRST, SITE) == "store"
    assert board.commands.keys == (SITE,)
    board.flash.failing = False
    assert rotate(board, 1, FIRST, SITE) == "applied"
    board.flash.failing = True
    assert read(board, 2, FIRST) == "applied", "of reading nothing needs to be durable"
    assert board.commands.keys == (FIRST, SITE), "not before it is durable"
    board.flash.failing = False
    board = board.reboot()
    assert board.commands.keys == (FIRST, SITE)
    assert read(board, 3, FIRST) == "applied"
    assert board.commands.keys == board.reboot().commands.keys == (FIRST,)


@pytest.mark.parametrize("spoil", [lambda r: b"\x02" + r[1:], lambda r: r[:-1], lambda r: r + r])
def test_keys_of_a_later_format_are_not_guessed(board, spoil):
    rotate(board, 1, FIRST, SITE)
    board.meter.commit({"k": spoil(board.meter.get("k"))})
    with pytest.raises(ValueError, match="format"):
        board.reboot()
