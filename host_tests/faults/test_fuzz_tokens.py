"""Orders that were mutated, and a judge of what they may do: a share of what the bench tries."""

import json

import pytest

from thoroughness import share
from umeter_sim import fuzz, order_board
from umeter_sim import order_oracle as oracle
from umeter_sim.order_board import KEY, sign


def test_mutated_tokens_change_nothing_that_they_may_not():
    told = []
    found = fuzz.envelopes(share(5000, 1500), seed=5, progress=told.append)
    assert found["faults"] == []
    assert found["inputs"] == told[-1] >= share(5000, 1500)


def broken(monkeypatch, module, name, value, inputs=2500):
    """The faults found in some tokens if the firmware had this name of a module otherwise."""
    monkeypatch.setattr(order_board.firmware.load(module), name, value)
    return fuzz.envelopes(inputs, seed=5)["faults"]


def test_a_signature_that_nobody_compares_is_found(monkeypatch):
    assert broken(monkeypatch, "umeter.net.envelope", "_same", lambda a, b: True)


def test_an_operation_without_ranges_is_found(monkeypatch):
    def integer(order, key, low, high):
        return order[key] if key == "n" or type(order.get(key)) is int else 1

    assert broken(monkeypatch, "umeter.net.order_money", "integer", integer)


def test_an_error_that_escapes_is_found(monkeypatch):
    def encode(report):
        raise ValueError

    assert "escaped" in broken(monkeypatch, "umeter.net.answer", "encode", encode)[0]


def test_numbers_that_are_forgotten_are_found(monkeypatch):
    window = order_board.firmware.load("umeter.core.replay").Window
    monkeypatch.setattr(window, "outcome", lambda self, n: 0)
    assert fuzz.envelopes(1500, seed=5)["faults"]


def test_what_an_undo_leaves_behind_is_found(monkeypatch):
    def remember(meter, channel):
        return lambda: None

    assert broken(monkeypatch, "umeter.net.order_money", "remember", remember, 4000)


def test_the_judge_opens_what_was_signed_and_nothing_else():
    token = sign(KEY, b'{"n":1}')
    assert oracle.opened(token, KEY) == b'{"n":1}'
    others = (token + b"=", token[:-1], token.upper(), token.replace(b".", b".."), b"", b"..")
    assert [oracle.opened(other, KEY) for other in others] == [None] * len(others)
    assert oracle.opened(token, bytes(32)) is None
    assert oracle.opened(sign(KEY, b"x" * 1600), KEY) is None, "longer than an order may be"


GOOD = {"n": 1, "op": "credit", "ch": 3, "amount_u": 7}


@pytest.mark.parametrize(
    "more",
    [{"ch": 4}, {"amount_u": True}, {"amount_u": 1.0}, {"exp": 0}, {"x": 1}, {"op": "read"}]
    + [{"meter": "m2"}, {"id": 1}, {"op": ["credit"]}],
)
def test_the_judge_knows_what_may_be_done(more):
    assert oracle.may_be_done(GOOD, "m1")
    assert oracle.may_be_done({**GOOD, "meter": "m1", "exp": 2_000_000_000, "id": "a"}, "m1")
    assert not oracle.may_be_done({**GOOD, **more}, "m1")


def test_the_judge_counts_each_number_once():
    numbers = oracle.Numbers()
    applied = {"code": "applied"}
    assert oracle.fault(GOOD, applied, numbers, "m1") == ""
    assert oracle.fault(GOOD, applied, numbers, "m1") != ""
    assert oracle.fault(GOOD, {"code": "replayed", "first": "applied"}, numbers, "m1") == ""
    assert oracle.fault({**GOOD, "n": 65}, {"code": "store"}, numbers, "m1") == ""
    assert oracle.fault({**GOOD, "n": 65}, applied, numbers, "m1") == ""
    assert oracle.fault(GOOD, {"code": "old"}, numbers, "m1") == ""


def test_tokens_are_the_same_for_the_same_seed():
    assert json.dumps(fuzz.envelopes(500, seed=9)) == json.dumps(fuzz.envelopes(500, seed=9))
