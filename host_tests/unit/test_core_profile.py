"""The load profile on its ring: it telescopes to the registers, whatever is cut or set."""

import struct
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes_core import Flash, PowerCut
from thoroughness import share
from umeter.core import profile_close, ring_read
from umeter.core.profile import CUT, RECORD_BYTES, UNTRUSTED, Profile

NOON = 200_016_000  # 12:00 UTC some day
PERIOD = 900
SECTORS = 47


class Meter:
    """As much of the meter as the profile knows; a journal that forgets what was not committed."""

    def __init__(self, flash=None, durable=None, channels=3):
        self.flash = flash or Flash(SECTORS)
        self.durable = durable if durable is not None else {}
        self.journal = SimpleNamespace(get=self.durable.get)
        self.later = {}
        self.when = 0
        self.channels = [
            SimpleNamespace(index=i, register=SimpleNamespace(wh=self.durable.get(i, 0)))
            for i in range(channels)
        ]
        self.profile = Profile(self.flash, 0, self.flash.size // self.flash.sector)
        profile_close.resume(self)
        self.commit()

    def commit(self):
        self.durable.update(self.later)
        self.later.clear()
        for channel in self.channels:
            self.durable[channel.index] = channel.register.wh

    def draw(self, *wh):
        for channel, more in zip(self.channels, wh, strict=False):
            channel.register.wh += more

    def tick(self, when, dt_ms=100):
        self.when = when
        if self.profile.due(dt_ms, when):
            profile_close.turn(self)

    def reboot(self):
        self.flash.budget = None
        return Meter(self.flash, self.durable, len(self.channels))

    def records(self):
        ring = self.profile.ring
        raw, _ = ring_read.copy(ring, ring_read.oldest(ring), 1 << 20)
        return [
            struct.unpack("<IIBBBB8HI", raw[at : at + RECORD_BYTES])[:-1]
            for at in range(0, len(raw), RECORD_BYTES)
        ]

    def brief(self):
        """(end, minutes, flags, Wh of channel 1) of each record."""
        return [
            (end, minutes, flags, wh) for _, end, minutes, flags, _, _, wh, *_ in self.records()
        ]


def test_intervals_are_those_of_the_clock():
    meter = Meter()
    for second in range(100, 3700, 10):
        meter.draw(1, 0, 2)
        meter.tick(NOON + second, 10_000)
    assert meter.records() == [
        (1, NOON + 900, 15, 0, 0, 0, 81, 0, 162, 0, 0, 0, 0, 0),
        (2, NOON + 1800, 15, 0, 0, 0, 90, 0, 180, 0, 0, 0, 0, 0),
        (3, NOON + 2700, 15, 0, 0, 0, 90, 0, 180, 0, 0, 0, 0, 0),
        (4, NOON + 3600, 15, 0, 0, 0, 90, 0, 180, 0, 0, 0, 0, 0),
    ]


@pytest.mark.parametrize("minutes", [1, 5, 30, 60])
def test_their_length_can_be_set(minutes):
    meter = Meter()
    meter.tick(NOON)
    meter.profile.next_period_s = minutes * 60
    for second in range(0, 10_801, 10):
        meter.tick(NOON + second, 10_000)
    ends = [end for end, *_ in meter.brief()]
    # the running interval stays as it was begun
    later = [end for end in range(NOON, NOON + 10_801, minutes * 60) if end > NOON + 900]
    assert ends == [NOON + 900, *later]
    lengths = [length for _, length, *_ in meter.brief()]
    assert sum(lengths) == 180 and set(lengths[2:]) == {minutes}


def test_without_a_clock_they_are_as_long_by_the_chips_time():
    meter = Meter()
    for _ in range(2000):
        meter.draw(1)
        meter.tick(0, 1000)
    assert meter.brief() == [(0, 15, UNTRUSTED, 900), (0, 15, UNTRUSTED, 900)]
    for second in range(100):  # the clock is set at 12:14
        meter.draw(1)
        meter.tick(NOON + 840 + second, 1000)
    assert meter.brief()[2:] == [(NOON + 900, 4, UNTRUSTED, 261)]
    meter.tick(NOON + 1800, 60_000)
    assert meter.brief()[3:] == [(NOON + 1800, 15, 0, 39)]


def test_a_clock_set_right_after_boot_leaves_no_mark():
    meter = Meter()
    for _ in range(20):
        meter.tick(0, 1000)
    meter.tick(NOON + 30)
    meter.tick(NOON + 900)
    assert meter.brief() == [(NOON + 900, 15, 0, 0)]


def test_a_cut_inside_an_interval_marks_it():
    meter = Meter()
    meter.tick(NOON)
    meter.draw(10)
    meter.commit()
    meter.draw(3)  # never committed: lost, and in no record
    meter = meter.reboot()
    for _ in range(30):
        meter.tick(0, 1000)
    meter.draw(5)
    meter.tick(NOON + 600)
    meter.tick(NOON + 900)
    assert meter.brief() == [(NOON + 900, 15, CUT, 15)]


def test_a_cut_over_the_end_closes_the_old_interval_first():
    meter = Meter()
    meter.tick(NOON + 100)
    meter.draw(10)
    meter.commit()
    meter = meter.reboot()
    meter.tick(0, 1000)
    meter.tick(NOON + 7300)
    assert meter.brief() == [(NOON + 900, 15, CUT, 10)]
    meter.draw(7)
    meter.tick(NOON + 8100)
    meter.tick(NOON + 9000)
    assert meter.brief()[1:] == [(NOON + 8100, 15, CUT, 7), (NOON + 9000, 15, 0, 0)]


def test_a_clock_long_lost_after_a_cut_leaves_its_mark():
    meter = Meter()
    meter.tick(NOON + 100)
    meter.commit()
    meter = meter.reboot()
    for _ in range(1000):
        meter.draw(1)
        meter.tick(0, 1000)
    meter.tick(NOON + 7300)
    meter.tick(NOON + 8100)
    assert meter.brief() == [
        (0, 15, CUT | UNTRUSTED, 900),
        (NOON + 8100, 2, UNTRUSTED, 100),
    ]


@pytest.mark.parametrize("moved", [-7000, 5000])
def test_a_moved_clock_leaves_its_mark(moved):
    meter = Meter()
    meter.tick(NOON + 10)
    meter.draw(5)
    for second in range(0, 1000, 10):
        meter.tick(NOON + 20 + moved + second, 10_000)
    assert meter.brief()[0][2:] == (UNTRUSTED, 5)
    assert meter.brief()[0][0] % PERIOD == 0
    now = NOON + 20 + moved + 990
    meter.tick(now + PERIOD)
    assert meter.brief()[-1][1:] == (15, 0, 0)


def test_more_energy_than_a_record_holds_comes_with_the_next():
    meter = Meter()
    meter.tick(NOON)
    meter.draw(100_000, 5)
    meter.tick(NOON + 900)
    meter.tick(NOON + 1800)
    first, second = meter.records()
    assert first[5:8] == (1, 65_535, 5) and second[5:8] == (0, 34_465, 0)


def test_a_flash_that_fails_keeps_the_energy_for_the_next_record():
    meter = Meter()
    meter.tick(NOON)
    meter.draw(10)
    meter.flash.stuck = range(meter.flash.size)
    with pytest.raises(OSError):
        meter.tick(NOON + 900)
    meter.flash.stuck = ()
    meter.tick(NOON + 950)
    assert meter.brief() == [(NOON + 900, 15, 0, 10)]


def test_sixty_days_of_eight_channels_are_kept():
    meter = Meter(channels=8)
    least = 1 << 30
    for i in range(share(9000, 6900)):
        meter.tick(NOON + i * PERIOD)
        meter.profile.ring.prepare()
        if i > 6100:
            ring = meter.profile.ring
            least = min(least, ring.newest - ring_read.oldest(ring) + 1)
    assert least >= 60 * 96


@given(st.data())
def test_it_telescopes_to_the_registers_whatever_is_cut_or_set(data):
    meter = Meter(Flash(4, 256), channels=2)
    when = NOON
    trusted = True
    cut = data.draw(st.lists(st.integers(0, 120), max_size=6))
    total = [0, 0]
    seen = {}
    for step in data.draw(
        st.lists(st.sampled_from(["draw", "wait", "wait", "cut", "set", "lost"]), max_size=60)
    ):
        if step == "draw":
            meter.draw(data.draw(st.integers(0, 500)), 1)
        elif step == "set":
            when += data.draw(st.integers(-20_000, 20_000))
            trusted = True
        elif step == "lost" or (step == "cut" and cut):
            if step == "cut":
                meter.flash.budget = cut.pop()
            trusted = step == "cut" and trusted
            try:
                meter.tick(when + PERIOD, 1000)
            except PowerCut:
                pass
            meter = meter.reboot()
        else:
            when += 600
            meter.tick(when if trusted else 0, 600_000)
        for record in meter.records():
            assert seen.setdefault(record[0], record) == record  # written once, never changed
        base = meter.profile.base_wh
        total = [sum(record[6 + i] for record in seen.values()) for i in range(2)]
        assert base == total
        assert sorted(seen) == list(range(1, meter.profile.n))
    for channel, closed in zip(meter.channels, total, strict=True):
        assert closed <= channel.register.wh
    meter.tick(when + 100 * PERIOD)
    meter.tick(when + 200 * PERIOD)
    assert meter.profile.base_wh == [channel.register.wh for channel in meter.channels]
