"""The cover's switch and the buttons, on the pins of the simulated chip."""

import pytest

from simulated_chip import SITE8, Chip, board

INPUTS = {"buttons": {"1": 4, "2": 5}}


class Meter:
    """Remembers what it is told."""

    def __init__(self):
        self.told = []

    def cover(self, open_):
        self.told.append(("cover", open_))

    def hand(self, index, long):
        self.told.append((index, "long" if long else "short"))


class Panel:
    """Inputs with their meter, polled each 100 ms while somebody moves them."""

    def __init__(self, active_low=False, before=lambda panel: None):
        cover = {"gpio": 32, "active_low": True} if active_low else {"gpio": 32}
        document = board(SITE8, inputs={**INPUTS, "cover": cover})
        self.chip = Chip(board=document)
        before(self)
        inputs = self.chip.modules.load("umeter.hal.inputs")
        self.inputs = inputs.make(document, None)
        self.inputs.meter = self.meter = Meter()
        self.at_start = self.poll(300)

    def move(self, kind, ch=0, value=True):
        assert self.chip.ask("fault", kind=kind, ch=ch, value=value) == {}

    def poll(self, ms):
        """What the meter was told meanwhile."""
        self.meter.told.clear()
        for _ in range(ms // 100):
            self.inputs.poll(100)
        return list(self.meter.told)

    def press(self, ch, ms):
        self.move("button", ch)
        told = self.poll(ms)
        self.move("button", ch, False)
        return told + self.poll(500)


@pytest.mark.parametrize("active_low", [False, True])
def test_the_cover_is_told_at_each_change(active_low):
    panel = Panel(active_low)
    assert panel.at_start == [] == panel.poll(1000)
    panel.move("cover")
    assert panel.poll(1000) == [("cover", True)]
    panel.move("cover", value=False)
    assert panel.poll(1000) == [("cover", False)]


def test_a_cover_that_is_open_at_the_start_is_told():
    panel = Panel(before=lambda panel: panel.move("cover"))
    assert panel.at_start == [("cover", True)]


def test_a_cut_wire_is_an_open_cover():
    panel = Panel()
    panel.chip.machine.board.outside[32] = 0  # nobody drives the pin: its pull-up does
    assert panel.poll(300) == [("cover", True)]


@pytest.mark.parametrize("ms, told", [(100, []), (200, ["short"]), (2900, ["short"])])
def test_a_short_press_is_told_as_it_ends(ms, told):
    assert Panel().press(2, ms) == [(1, one) for one in told]


def test_a_long_press_is_told_once_while_it_lasts():
    panel = Panel()
    assert panel.press(1, 20_000) == [(0, "long")]
    assert panel.press(1, 300) == [(0, "short")]


def test_one_bouncing_poll_does_not_end_a_press():
    panel = Panel()
    panel.move("button", 1)
    told = panel.poll(1500)
    panel.move("button", 1, False)
    told += panel.poll(100)
    panel.move("button", 1)
    assert told + panel.poll(5000) == [(0, "long")]


def test_a_button_that_is_stuck_since_the_start_is_no_hand():
    panel = Panel(before=lambda panel: panel.move("button", 1))
    assert panel.poll(10_000) == []
    panel.move("button", 1, False)
    assert panel.poll(1000) == []
    assert panel.press(1, 300) == [(0, "short")]
