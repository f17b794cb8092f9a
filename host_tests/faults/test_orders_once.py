"""Every kind of order against everything that can happen to it: once, or not at all."""

import pytest

from umeter_sim import once, order_board, order_samples

OPS = {order["op"] for _, order in once.CASES.values()}
IN_FILES = {"update", "chunk"}  # what they change is judged in test_update_cuts.py
STEP = 29  # bytes from cut to cut


@pytest.mark.parametrize("turning", [False, True], ids=["", "into a new sector"])
@pytest.mark.parametrize("name", once.CASES)
def test_once_or_not_at_all(name, turning):
    case = once.Case(name, turning)
    for fault in once.FAULTS:
        found = once.judge(case, fault, STEP * 9 if turning else STEP)
        assert found and not any(found), fault


def test_every_operation_there_is_has_its_case():
    table = order_board.firmware.load("umeter.net.orders")._OPERATIONS
    assert (
        {line.split(" ")[0] for line in table.split("\n")}
        == OPS | IN_FILES
        == set(order_samples.OPS)
    )


def kinds(case, fault):
    return {kind for found in once.judge(case, fault, STEP) for kind, _ in found}


def test_a_meter_that_forgets_numbers_is_seen_to_double(monkeypatch):
    window = order_board.firmware.load("umeter.core.replay").Window
    credit, debit = once.Case("credit", False), once.Case("debit", False)
    monkeypatch.setattr(window, "outcome", lambda self, n: 0)
    assert "doubled" in kinds(credit, "duplicated")
    assert "doubled" in kinds(debit, "answer lost")


def test_a_meter_that_only_says_so_is_seen_to_lose(monkeypatch):
    case = once.Case("credit", False)
    monkeypatch.setattr(order_board.firmware.load("umeter.net.order_money"), "carry", lambda _: 1)
    assert kinds(case, "duplicated") == {"lost"}


def test_a_journal_that_keeps_nothing_is_seen_to_lose(monkeypatch):
    case = once.Case("set", False)
    journal = order_board.firmware.load("umeter.core.journal").Journal
    monkeypatch.setattr(journal, "commit", lambda self, batch: None)
    assert "lost" in kinds(case, "answer lost")


def test_an_amount_that_is_not_told_again_is_seen(monkeypatch):
    case = once.Case("debit", False)
    monkeypatch.setattr(order_board.firmware.load("umeter.net.order_money"), "again", print)
    assert kinds(case, "duplicated") == {"lost"}


def test_all_cases_are_counted(monkeypatch):
    monkeypatch.setattr(once, "CASES", {name: once.CASES[name] for name in ("credit", "read")})
    told = []
    figures = once.run(told.append, step=50)
    assert figures["orders_lost"] == figures["orders_doubled"] == 0
    assert figures["order_cases"] == told[-1] > 30
