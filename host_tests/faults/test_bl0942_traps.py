"""BL0942 chips with a real channel of the core behind them: every way in which a count can lie."""

import pytest

from front_kit import TICK_MS, Bench, Tuning
from umeter.core.energy import UNITS_PER_WH as WH
from umeter.frontend import bl0942
from umeter_deploy.kinds import front_bl0942

CHANNEL = {
    "frontend": "bl0942",
    "bus": "a",
    "address": 0,
    "shunt_uohm": 1000,
    "divider_ohm": [1_950_000, 510],
}
KW = 10_000
LAST = (1 << 24) - 1


def a_bench(count=1, seconds=5, **more):
    groups = [[{**CHANNEL, "address": i, **more}] for i in range(count)]
    bench = Bench(bl0942, front_bl0942, groups, 9600)
    bench.run(seconds * 1000)
    return bench


def counted(bench, count):
    """Let the chip's count be this one, as if for years."""
    bench.meters[0].counts = count
    bench.run(3_000)
    bench.core[0].delta.last = bench.samples[0].count
    bench.news[0] = 0


@pytest.mark.parametrize("power_dw", [46, 500, 2 * KW, 7 * KW])
def test_an_hour_is_booked_as_it_was_drawn(power_dw):
    bench = a_bench()
    bench.load(power_dw)
    bench.run(3_600_000, 500)
    assert abs(bench.gap_eu()) <= WH + bench.loads[0].drawn // 5000
    assert bench.samples[0].power_dw == pytest.approx(power_dw, abs=2)
    assert bench.samples[0].voltage_dv == pytest.approx(2300, abs=10)
    assert bench.told() == []


def test_four_chips_are_read_in_four_ticks():
    bench = a_bench(4)
    for i in range(4):
        bench.load(1000 * (i + 1), i)
    bench.run(60_000)
    for i in range(4):
        assert bench.samples[i].power_dw == pytest.approx(1000 * (i + 1), abs=3)
        assert bench.longest_gap_ms(i, after=5_000) <= 800  # with a look at its settings
        assert bench.samples[i].bad_frames == 0


def test_a_dead_chip_delays_the_others_by_no_more_than_100_ms():
    bench = a_bench(4)
    before = [bench.longest_gap_ms(i, after=4_000) for i in range(4)]
    bench.meters[1].faults.dead = True
    start = bench.world.ticks
    bench.run(60_000)
    for i in (0, 2, 3):
        assert bench.longest_gap_ms(i, after=start) <= max(before[i], 800) + 100
    assert bench.samples[1].silent_ms > 59_000
    # At rest it costs no more than a tick in ten scans.
    assert len(bench.fresh_at[0]) >= 5_000 // 400 + 60_000 // 400
    bench.meters[1].faults.dead = False
    bench.run(6_000)
    assert bench.samples[1].silent_ms < 500


def test_a_reset_chip_is_noticed_set_up_again_and_books_nothing_wrong():
    bench = a_bench()
    bench.load(2 * KW)
    bench.run(600_000)
    gap = bench.gap_eu()
    bench.brown_out()
    bench.run(600_000)
    assert bench.told() == ["frontend.reset"]
    assert bench.chips[0].mode == 0x8F and not bench.chips[0].unlocked
    # What the chip had counted since it was last read is lost to it, and no more.
    assert gap - WH // 2 <= bench.gap_eu() <= gap + WH // 4


@pytest.mark.parametrize("below", [1, 5, 20, 1000, 1 << 20])
def test_a_reset_below_the_wrap_is_no_wrap(below):
    bench = a_bench()
    counted(bench, LAST - below)
    bench.brown_out()
    bench.load(2 * KW)
    gap = bench.gap_eu()
    bench.run(60_000)
    assert bench.told() == ["frontend.reset"]
    assert abs(bench.gap_eu() - gap) <= WH // 2, "all that the chip counted since, and no more"


def test_the_wrap_is_one():
    bench = a_bench()
    bench.load(5 * KW)
    counted(bench, LAST - 100)
    gap = bench.gap_eu()
    bench.run(600_000)
    assert bench.samples[0].count < 10_000
    assert abs(bench.gap_eu() - gap) <= WH // 2
    assert bench.told() == []


def test_a_reset_without_a_load_books_nothing():
    bench = a_bench()
    counted(bench, 5_000_000)
    wh = bench.core[0].register.wh, bench.core[0].register.residual
    for _ in range(20):
        bench.brown_out()
        bench.run(7_300)
    assert (bench.core[0].register.wh, bench.core[0].register.residual) == wh
    assert bench.told() == ["frontend.reset"]


def test_a_count_that_jumps_is_left_to_the_core():
    bench = a_bench()
    bench.load(1 * KW)
    bench.run(10_000)
    gap = bench.gap_eu()
    bench.meters[0].counts += 100_000
    bench.run(10_000)
    assert bench.told() == ["register.jump"]
    assert abs(bench.gap_eu() - gap) <= WH


def test_a_count_that_goes_back_with_its_settings_kept_is_left_to_the_core():
    bench = a_bench()
    bench.load(1 * KW)
    counted(bench, 500_000)
    gap = bench.gap_eu()
    bench.meters[0].counts = 300_000
    bench.run(10_000)
    assert bench.told() == ["register.reset"]
    assert abs(bench.gap_eu() - gap) <= WH


def test_settings_changed_by_nobody_are_written_again():
    bench = a_bench()
    bench.load(1 * KW)
    bench.chips[0].creep = 0xF0
    bench.run(10_000)
    assert bench.chips[0].creep == 0x0B
    assert bench.told() == ["frontend.reset"]


@pytest.mark.parametrize(
    "fault, value",
    [
        ("lose", 40),
        ("garble", 40),
        ("late_ms", 70),
        ("late_ms", 150),
        ("stuck", 0),
        ("stuck", 255),
    ],
)
def test_a_bad_line_books_nothing_wrong_and_nothing_is_lost(fault, value):
    bench = a_bench(2)
    for i in range(2):
        bench.load(2 * KW, i)
    bench.run(10_000)
    gaps = [bench.gap_eu(i) for i in range(2)]
    good = getattr(bench.wire, fault)
    setattr(bench.wire, fault, value)
    bench.run(4_000)
    setattr(bench.wire, fault, good)
    bench.run(20_000)
    for i in range(2):
        assert abs(bench.gap_eu(i) - gaps[i]) <= WH // 2
        assert bench.told(i) == []
        assert bench.samples[i].silent_ms < 1_000


def test_one_frame_in_six_lost():
    bench = a_bench(4)
    for i in range(4):
        bench.load(2 * KW, i)
    for n in range(600):
        if n % 6 == 0:
            bench.wire.lose = 1
        bench.run(TICK_MS)
    assert max(bench.longest_gap_ms(i, after=5_000) for i in range(4)) <= 1_500
    assert all(abs(bench.gap_eu(i)) <= WH for i in range(4))


def test_without_a_load_a_day_has_no_counts():
    bench = a_bench()
    bench.meters[0].phantom_mw = 150
    bench.meters[0].faults.noise = 100
    bench.run(86_400_000, 5_000)
    assert bench.samples[0].count == 0 and bench.samples[0].power_dw == 0
    assert bench.core[0].register.wh == bench.core[0].register.residual == 0


def test_it_starts_at_20_ma():
    bench = a_bench()
    bench.load(46)
    bench.run(3_600_000, 1_000)
    assert bench.samples[0].count >= 20
    assert bench.samples[0].power_dw == pytest.approx(46, abs=1)


def test_a_creep_threshold_is_kept_by_the_chip():
    bench = a_bench()
    bench.samples[0].tuning = Tuning(creep_dw=20)
    bench.run(3_000)
    assert bench.chips[0].creep == int(2 * 623.39 * 256 / 3125)
    assert bench.told() == [], "it was not lost"
    bench.load(15)
    bench.run(600_000, 500)
    assert bench.samples[0].count == bench.samples[0].power_dw == 0
    bench.brown_out()
    bench.run(20_000)
    assert bench.told() == ["frontend.reset"] and bench.chips[0].creep == 102
    bench.load(25)
    bench.run(600_000, 500)
    assert bench.samples[0].count > 0
    bench.samples[0].tuning = None
    bench.run(3_000)
    assert bench.chips[0].creep == 0x0B


def test_a_transformer_turned_around_is_billed_and_shows():
    bench = a_bench()
    bench.meters[0].reversed = True
    bench.load(2 * KW)
    bench.run(600_000)
    assert bench.samples[0].power_dw == pytest.approx(-2 * KW, abs=3)
    assert abs(bench.gap_eu()) <= WH


def test_the_rate_is_not_touched_and_60_hz_is_kept():
    bench = a_bench(mains_hz=60)
    assert bench.chips[0].mode == 0xAF and bench.chips[0].baud == 9600
    assert bench.samples[0].fresh > 10
