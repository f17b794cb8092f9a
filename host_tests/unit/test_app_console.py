"""The loop and who types at it; and a network part that fails without taking the meter along."""

import io
import json
import sys
import types

import pytest

from fakes_board import Board
from umeter.app import App
from umeter.net import console

CTRL_C = b"\x03"


class Typed(io.BytesIO):
    """sys.stdin, the bytes behind it and a poll of it, in one."""

    @property
    def buffer(self):
        return self

    def poll(self, _):
        return self.tell() < len(self.getvalue())

    def ipoll(self, _):
        return [self] if self.poll(0) else []


class Loop:
    """An App on a clock that sleeping moves; `tried` counts the network's turns."""

    def __init__(self, typed=b"", monkeypatch=None):
        self.board = Board()
        self.meter = self.board.meter
        self.meter.look_s = 0  # no release on trial
        self.now_ms = self.tried = 0
        self.error = None
        self.typed = Typed(typed)
        if monkeypatch:
            monkeypatch.setattr(sys, "stdin", self.typed)
        clock = types.SimpleNamespace(
            when=0,
            ticks_ms=lambda: self.now_ms,
            ticks_diff=lambda a, b: a - b,
            advance=lambda ms: None,
            sleep_ms=self._sleep,
        )
        wifi = types.SimpleNamespace(step=self._network)
        self.app = App(self.meter, clock, wifi, lambda: None, None, self.typed)
        self.app.session = types.SimpleNamespace(step=lambda: False, result=None)

    def _sleep(self, ms):
        self.now_ms += ms

    def _network(self):
        self.tried += 1
        if self.error:
            raise self.error

    def run(self, seconds):
        for _ in range(seconds * 10):
            self.app.step()

    def told(self, code):
        return [event for event in self.meter.events._ring if event[2] == code]


def test_an_error_of_the_network_leaves_the_meter_alone_for_ten_minutes(monkeypatch):
    monkeypatch.setattr(sys, "print_exception", lambda error: None, raising=False)
    loop = Loop()
    loop.run(1)
    tried = loop.tried
    assert tried == 10
    loop.error = RuntimeError("a fault of the radio's driver")
    ticks = loop.meter.ticks
    loop.run(5)
    assert loop.meter.ticks == ticks + 50
    assert loop.tried == tried + 1
    assert len(loop.told("safe.mode")) == 1
    assert loop.meter.safe_ms == 600_000 - 4900
    loop.error = None
    loop.meter.safe_ms = 1000
    loop.run(2)
    assert loop.tried > tried + 1


def test_ctrl_c_is_heard_between_two_ticks(monkeypatch):
    loop = Loop(b"\r" + CTRL_C + b"\x01", monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        loop.run(2)
    assert loop.meter.ticks == 10
    assert loop.typed.read() == b"\x01", "what follows is for the prompt"


def test_ctrl_c_twice_is_heard_and_once_may_be_noise(monkeypatch, capsys):
    loop = Loop(CTRL_C, monkeypatch)
    loop.run(3)
    assert loop.meter.ticks == 29 and "Ctrl-C twice" in capsys.readouterr().out
    with pytest.raises(KeyboardInterrupt):
        Loop(CTRL_C + CTRL_C, monkeypatch).run(2)


def test_a_t_is_answered_with_a_reading(monkeypatch, capsys):
    loop = Loop(b"t", monkeypatch)
    loop.run(3)
    reading = json.loads(capsys.readouterr().out)["umeter"]
    assert len(reading["energy_wh"]) == len(loop.meter.channels)
    assert loop.meter.ticks == 29


def test_line_noise_is_not_waited_for(monkeypatch):
    loop = Loop(b"\xc3\xff\x00\xe2\x82", monkeypatch)
    loop.run(3)
    assert loop.meter.ticks == 29
    assert loop.typed.read() == b""


def test_what_fails_while_it_tells_does_not_stop_the_meter(monkeypatch, capsys):
    def without_memory(*_):
        raise MemoryError

    monkeypatch.setattr(console, "reading", without_memory)
    monkeypatch.setattr("umeter.net.reading.reading", without_memory)
    loop = Loop(b"t", monkeypatch)
    loop.run(3)
    assert loop.meter.ticks == 29
    assert "MemoryError" in capsys.readouterr().out


def test_an_order_begins_maintenance_once_its_answer_is_with_the_broker():
    loop = Loop()
    answer = loop.board.order(n=1, op="maintenance", minutes=5)
    assert answer["code"] == "applied" and answer["minutes"] == 5
    loop.app.session.result = b"the answer"
    loop.run(5)
    loop.app.session.result = None
    with pytest.raises(KeyboardInterrupt):
        loop.run(1)
    assert abs(loop.meter.maintenance) == 5


@pytest.mark.parametrize("minutes", [0, 241, -1, True, "5"])
def test_an_order_for_no_time_or_for_ever_is_refused(minutes):
    loop = Loop()
    answer = loop.board.order(n=1, op="maintenance", minutes=minutes)
    assert answer["code"] in ("range", "malformed")
    assert loop.meter.maintenance == 0


def test_a_button_does_not_wait_for_the_network():
    loop = Loop()
    loop.app.session.result = b"not delivered"
    loop.meter.maintenance = 30
    with pytest.raises(KeyboardInterrupt):
        loop.run(1)
