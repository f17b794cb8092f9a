"""What cannot be and yet is measured: events, and locks by the settings."""

import pytest

from limit_kit import Meter
from umeter.core import watch
from umeter.core.channel import DUE_FROZEN, DUE_REVERSE, DUE_STUCK, DUE_WELD
from umeter.core.supply import TAMPER

FACTS = [
    (DUE_WELD, 250, "weld", [("contact.welded", 1, 25, 230)]),
    (DUE_STUCK, 0, "stuck", [("contact.stuck", 1, 0, 230)]),
    (DUE_REVERSE, -1200, "reverse", [("energy.reverse", 1, 120, 230)]),
    (DUE_FROZEN, 5000, "frozen", []),  # register.frozen is told by the channel
]


@pytest.mark.parametrize("due, power_dw, word, events", FACTS)
@pytest.mark.parametrize("locks", [False, True])
def test_a_fact_is_told_and_locks_if_the_settings_say_so(due, power_dw, word, events, locks):
    others = [fact[2] for fact in FACTS if fact[2] != word]
    meter = Meter(lock_on=[word] if locks else others)
    channel = meter.channels[0]
    channel.due = due
    channel.armed = TAMPER  # a hand must not undo what comes now
    channel.sample.power_dw, channel.sample.voltage_dv = power_dw, 2304
    watch.look(meter, meter.doc, channel, meter.book())
    assert meter.told() == events
    assert channel.claims == meter.book().locked == (TAMPER if locks else 0)
    assert bool(channel.armed) != locks and bool(meter.urgencies) == locks


def test_the_cover_locks_the_channels_that_ask_for_it():
    meter = Meter(3, **{"lock_on": ["cover"], "ch.2.lock_on": ["weld"]})
    watch.cover(meter, meter.doc, False)
    assert meter.told() == [("cover.closed", 0, 0, 0)]
    assert all(channel.claims == 0 for channel in meter.channels)
    watch.cover(meter, meter.doc, True)
    assert meter.told() == [("cover.open", 0, 0, 0)]
    assert [channel.claims for channel in meter.channels] == [TAMPER, 0, TAMPER]
    assert [meter.book(index).locked for index in range(3)] == [TAMPER, 0, TAMPER]
    watch.cover(meter, meter.doc, False)
    assert meter.channels[0].claims == TAMPER, "the operator alone releases"


class Inlet:
    """Channel 1 is the inlet of two others; each quarter of an hour its energy is compared."""

    def __init__(self, **settings):
        self.meter = Meter(3, inlet_ch=1, **settings)
        self.sums()

    def sums(self):
        watch.sums(self.meter, self.meter.doc)

    def pass_s(self, seconds, inlet_w, *watts):
        """All draw so much for so long; what was told then."""
        self.meter.up_s += seconds
        for channel, mean_w in zip(self.meter.channels, (inlet_w, *watts), strict=True):
            channel.register.add(mean_w * 10 * seconds * 1000)
        self.sums()
        return self.meter.told()


def test_what_nobody_meters_is_told_once_until_it_has_gone():
    inlet = Inlet(unmetered_w=50, unmetered_percent=5)
    assert inlet.pass_s(900, 1000, 500, 470) == []
    assert inlet.pass_s(900, 1000, 500, 400) == [("energy.unmetered", 1, 100, 10)]
    assert inlet.pass_s(1800, 1000, 500, 400) == []
    assert inlet.pass_s(900, 1000, 500, 500) == []
    assert inlet.pass_s(900, 200, 20, 0) == [("energy.unmetered", 1, 180, 90)]


def test_watts_and_per_cent_must_both_be_passed():
    inlet = Inlet(unmetered_w=50, unmetered_percent=5)
    assert inlet.pass_s(900, 5000, 4800, 0) == []
    assert inlet.pass_s(900, 50, 0, 0) == []
    assert inlet.pass_s(900, 51, 0, 0) == [("energy.unmetered", 1, 51, 100)]


def test_a_short_time_is_not_judged_but_not_lost_either():
    inlet = Inlet()
    assert inlet.pass_s(600, 1000, 0, 0) == []
    assert inlet.pass_s(300, 0, 0, 0) == [("energy.unmetered", 1, 666, 100)]


def test_unmetered_energy_locks_all_if_the_settings_say_so():
    inlet = Inlet(lock_on=["unmetered"])
    inlet.pass_s(900, 1000, 0, 0)
    assert [channel.claims for channel in inlet.meter.channels] == [TAMPER] * 3


def test_more_behind_the_meters_than_before_them_is_nothing():
    assert Inlet().pass_s(900, 0, 1000, 1000) == []


@pytest.mark.parametrize("number", [0, 4, 8])
def test_a_board_without_an_inlet_compares_nothing(number):
    inlet = Inlet()
    inlet.meter.set(inlet_ch=number)
    assert inlet.pass_s(9000, 1000, 0, 0) == []


def test_another_inlet_begins_anew():
    inlet = Inlet()
    inlet.meter.set(inlet_ch=2)
    assert inlet.pass_s(900, 1000, 5000, 0) == []
    assert inlet.pass_s(900, 0, 1000, 0) == [("energy.unmetered", 2, 1000, 100)]
