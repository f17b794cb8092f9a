"""What is not the station's word: it changes nothing, is counted, told and slowed down."""

from types import SimpleNamespace

import pytest

from fakes_board import Board
from umeter.net import commands
from umeter.net.envelope import sign


@pytest.fixture
def board():
    return Board()


def credit(board, n):
    return board.order(n=n, op="credit", ch=1, amount_u=5)


def test_forged_orders_change_and_answer_nothing(board):
    token = sign(board.key, b'{"n":1,"op":"credit","ch":1,"amount_u":1}')
    before = board.state(), bytes(board.flash.cells)
    for bad in (b"", b"{}", token[:-1], token.replace(b".", b","), sign(bytes(32), b'{"n":1}')):
        assert board.commands.handle(bad) is None
    assert board.commands.forged == 5
    assert (board.state(), bytes(board.flash.cells)) == before


@pytest.mark.parametrize(
    "payload",
    [b"", b"7", b"[]", b"{", b'{"op":"read"}', b'{"n":0}', b'{"n":true}', b'{"n":1.5}']
    + [b'{"n":1073741824,"op":"read"}', b"\xff", b"[" * 1000, b"null"],
)
def test_signed_without_a_number_is_counted(board, payload):
    before = board.state(), bytes(board.flash.cells)
    assert board.commands.handle(sign(board.key, payload)) is None
    assert board.commands.unnumbered == 1
    assert (board.state(), bytes(board.flash.cells)) == before


def test_what_is_no_token_imports_nothing(board, monkeypatch):
    monkeypatch.setattr(commands, "run", None)  # to be called for none of these
    long = sign(board.key, b'{"n":1,"op":"read","id":"' + b"x" * 1700 + b'"}')
    for token in (b"", b"{}", b"a.b", b"a.b.c.d", b"." * 60_000, long):
        assert board.commands.handle(token) is None
    assert board.commands.forged == 6


def test_each_failure_in_a_row_has_the_next_token_wait_longer(board):
    at_ms = board.clock.ticks_ms()

    def waits_ms():
        waits = range(0, 9000, 50)
        return next(ms for ms in waits if board.commands.ready(at_ms + ms & 0x3FFFFFFF))

    assert waits_ms() == 0
    for bad, pause_ms in ((b"", 200), (sign(bytes(32), b'{"n":1}'), 400)):
        assert board.commands.handle(bad) is None and waits_ms() == pause_ms
    assert board.commands.handle(sign(board.key, b"{}")) is None and waits_ms() == 600
    for _ in range(40):
        board.commands.handle(b"..")
    assert waits_ms() == 5000
    assert credit(board, 1)["code"] == "applied" and waits_ms() == 0
    board.commands.handle(b"")
    assert credit(board, 1)["code"] == "replayed" and waits_ms() == 0, "it is signed too"


def test_a_failure_of_last_week_holds_nobody_up(board):
    """Half a turn of the ticks later it seems to lie ahead."""
    board.commands.handle(b"")
    failed_ms = board.clock.ticks_ms()
    for days in range(1, 40):
        assert board.commands.ready(failed_ms + days * 86_400_000 & 0x3FFFFFFF)


def test_forgeries_are_told_once_an_hour_of_uptime(board):
    def told():
        events = []
        while board.meter.events.peek():
            events.append(board.meter.events.peek()[2:])
            board.meter.events.pop()
        return [event for event in events if event[0] != "command"]

    told()
    for _ in range(1000):
        board.commands.handle(sign(bytes(32), b'{"n":1,"op":"read"}'))
        board.commands.handle(b"")
    assert told() == [("link.forged", 0, 1, 0)]
    board.meter.up_s += 3599
    board.commands.handle(b"")
    board.commands.handle(sign(board.key, b"{}"))
    assert told() == [], "unnumbered is not forged"
    board.meter.up_s += 1
    board.order(n=1, op="read")
    assert told() == [("link.forged", 0, 2000, 0)]
    board.meter.up_s += 9999
    board.order(n=2, op="read")
    assert told() == [], "nothing new"


def test_link_tells_how_the_link_has_fared(board):
    board.commands.session = SimpleNamespace(
        sessions=3,
        failures=2,
        discards=5,
        oversize=1,
        broker=1,
        last_error="OSError(" + "x" * 200,
        about={"version": "1", "time": "ntp", "tls": 1},
    )
    board.commands.handle(b"")
    board.commands.handle(sign(board.key, b"{}"))
    events = board.meter.events.next_n
    link = board.order(n=1, op="link")["link"]
    assert len(link.pop("error")) == 120
    assert link == {
        "sessions": 3,
        "failures": 2,
        "discards": 5,
        "oversize": 1,
        "broker": 1,
        "forged": 1,
        "unnumbered": 1,
        "time": "ntp",
        "tls": 1,
    }
    assert board.meter.events.next_n == events, "looking leaves no event"
    assert board.order(n=2, op="link", ch=1)["code"] == "malformed"


def test_without_a_session_link_tells_what_there_is(board):
    assert board.commands.session is None
    answer = board.order(n=1, op="link")
    assert answer["code"] == "applied"
    assert answer["link"]["forged"] == 0 and answer["link"]["sessions"] is None
