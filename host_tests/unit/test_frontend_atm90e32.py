"""ATM90E32: every watt-hour once, whatever the bus and the chip do."""

import pytest

from chip_kit import (
    KW,
    Bench,
    Tuning,
    atm90e32_document,
    bits,
    last_byte,
    last_byte_low,
    now_and_then,
    ones,
    zeros,
)
from umeter.core.channel import NEWS
from umeter.core.energy import UNITS_PER_WH as WH
from umeter.frontend import atm90e32
from umeter.frontend.atm90e32 import MODULUS, UNITS_PER_COUNT

RESET_NEWS = 2 << NEWS.index("frontend.reset")
QUARANTINES = 2 << NEWS.index("register.reset") | 2 << NEWS.index("register.jump")


def bench(*wants, seed=1, **more):
    return Bench(atm90e32, atm90e32_document(len(wants), **more), wants, seed)


def test_constants():
    assert UNITS_PER_COUNT * 3200 == 10 * WH
    assert MODULUS < 1 << 30


def test_the_set_up_as_the_data_sheet_has_it():
    rig = bench(0, line_hertz=60, pga=4)
    rig.run(1500)
    written = [sent for sent, _ in rig.bus.frames if not sent[0] & 0x80]
    golden = """
        0070789A 007F55AA 00000001 0005FF3F 00310861 0032C468 0007D654 00331087 0034002A
        0035186A 0036186A 0037186A 0038186A 0039186A 00410000 00480000 00611C89 00626D39 007F0000
    """
    assert [frame.hex().upper() for frame in written] == golden.split()
    sent = [frame for frame, _ in rig.bus.frames]
    for frame in written[2:-1]:
        assert sent[sent.index(frame) + 1][:2] == b"\x80\x78", "each is verified"


@pytest.mark.parametrize("power_dw", [46, 230, KW, 138_000, 250_000])
def test_three_phases_are_booked_within_a_count(power_dw):
    rig = bench(power_dw, 5 * KW, 0).start()
    rig.run(60_000)
    for i in (0, 1):
        assert abs(rig.error(i)) <= 2 * UNITS_PER_COUNT + rig.loads[i].power_dw * 300
    assert rig.booked(2) == 0
    assert [s.bad_frames for s in rig.samples] == [0, 0, 0] and rig.news == 0
    assert abs(rig.samples[1].power_dw - 5 * KW) < 12
    assert abs(rig.samples[1].voltage_dv - 2300) < 2
    assert abs(rig.samples[1].current_ma - 21_739) < 8


def test_a_tick_is_short_and_each_phase_is_fresh_thrice_a_second():
    rig = bench(KW, KW, KW).start()
    for _ in range(40):
        before = len(rig.bus.frames), [s.fresh for s in rig.samples]
        rig.run(100)
        assert len(rig.bus.frames) - before[0] <= 13
        assert sum(s.fresh for s in rig.samples) == sum(before[1]) + 1
    assert max(s.silent_ms for s in rig.samples) <= 200


@pytest.mark.parametrize("how", [ones, zeros, last_byte, last_byte_low, bits(5)])
@pytest.mark.parametrize("every", [1, 20])
def test_a_frame_that_the_bus_spoils_loses_and_invents_nothing(how, every):
    rig = bench(138_000, 46, 0).start()
    for seed in range(6):
        rig.bus.spoil = now_and_then(how, every, seed)
        rig.run(9000)
        rig.bus.spoil = None
        rig.run(2000)
        for i in range(3):
            assert abs(rig.error(i)) <= 2 * UNITS_PER_COUNT + rig.loads[i].power_dw * 300
    assert not rig.news & QUARANTINES
    assert sum(s.bad_frames for s in rig.samples) > 50


@pytest.mark.parametrize("how", [ones, zeros, last_byte, last_byte_low, bits(7)])
def test_a_bus_that_is_away_for_a_while_invents_nothing(how):
    rig = bench(138_000, 46, 0).start()
    for seed in range(6):
        spoil = rig.bus.spoil = now_and_then(how, 60, seed, 40)
        rig.run(9000)
        rig.bus.spoil = None
        rig.run(2000)
        for i in range(3):
            # If it begins between a count and its check, that count may be given up.
            power_dw = rig.loads[i].power_dw
            lost = rig.error(i) + (seed + 1) * spoil.times * power_dw * 300
            assert lost >= -2 * UNITS_PER_COUNT
            assert rig.error(i) <= 2 * UNITS_PER_COUNT + power_dw * 300


def test_a_dead_low_wire_invents_nothing_and_loses_a_reading_at_most():
    rig = bench(138_000).start()
    for seed in range(20):
        rig.bus.spoil = now_and_then(zeros, 50, seed, 20)
        rig.run(2000)
    rig.bus.spoil = None
    rig.run(1000)
    assert -20 * 138_000 * 300 <= rig.error() <= 2 * UNITS_PER_COUNT
    assert not rig.news & (QUARANTINES | RESET_NEWS)


@pytest.mark.parametrize("fault", ["lost", "garbled"])
def test_faults_of_the_chip_itself(fault):
    rig = bench(60_000).start()
    for frames in (1, 2, 3, 5, 8, 13):
        setattr(rig.chip.meters[0].faults, fault, frames)
        rig.run(3000)
    assert abs(rig.error()) <= 2 * UNITS_PER_COUNT + 60_000 * 300
    assert not rig.news & QUARANTINES


def test_the_bus_dies_at_any_frame_of_a_reading_and_comes_back():
    rig = bench(138_000).start()
    for at in range(1, 13):
        seen = []

        def spoil(reply, seen=seen, at=at):
            seen.append(1)
            if len(seen) >= at:
                ones(reply)

        rig.bus.spoil = spoil
        rig.run(1500)
        rig.bus.spoil = None
        rig.run(1500)
        assert abs(rig.error()) <= 2 * UNITS_PER_COUNT + 138_000 * 300, at
    assert not rig.news & (QUARANTINES | RESET_NEWS)


def test_a_chip_that_never_confirms_a_count_falls_silent():
    rig = bench(138_000).start()
    fresh = rig.samples[0].fresh

    def spoil(reply):
        if rig.chip._address & 0xFF == 0x78:
            zeros(reply)

    rig.bus.spoil = spoil
    rig.run(20_000)
    assert rig.samples[0].fresh < fresh + 3 and rig.samples[0].silent_ms > 15_000


def test_a_brown_out_is_noticed_written_anew_and_told():
    rig = bench(138_000, KW).start()
    rig.samples[0].tuning = Tuning(0, -3, -40)
    rig.run(2000)
    before = list(rig.chip.registers)
    assert before[0x41] == 0xFFFD and before[0x48] == 0x8000 | 40
    assert rig.news == 0
    error = rig.error()
    rig.chip.reset()
    assert rig.chip.registers[0x61] == 0x8000
    rig.run(2000)
    assert rig.news & ~(2 << NEWS.index("register.frozen")) == RESET_NEWS
    assert rig.chip.registers[:0x70] == type(rig.chip.registers)("H", before[:0x70])
    rig.run(5000)
    # What flowed while the chip had no settings is lost, and nothing else.
    assert -138_000 * 1500 <= rig.error() - error <= 2 * UNITS_PER_COUNT + 138_000 * 300


@pytest.mark.parametrize("register", [0x00, 0x05, 0x33, 0x34, 0x38, 0x61, 0x62, 0x66])
def test_any_setting_that_changes_is_noticed_within_seconds(register):
    rig = bench(KW, KW).start()
    rig.chip.registers[register] = 0x0123
    rig.run(5000)
    assert rig.news & RESET_NEWS
    assert rig.chip.registers[register] != 0x0123


def test_tuning_that_changes_is_written_without_losing_energy():
    rig = bench(138_000, KW).start()
    for phase in range(1, 40):
        rig.samples[1].tuning = Tuning(0, 5 * phase, phase)
        rig.run(1300)
        assert rig.chip.registers[0x4A] == phase and rig.chip.registers[0x43] == 5 * phase
    assert abs(rig.error(0)) <= 2 * UNITS_PER_COUNT + 138_000 * 900
    assert not rig.news


def test_tuning_that_the_bus_spoils_loses_no_energy():
    rig = bench(138_000, KW).start()
    for seed in range(10):
        rig.bus.spoil = now_and_then(ones, 3, seed)
        rig.samples[1].tuning = Tuning(0, seed, seed)
        rig.run(1500)
        rig.bus.spoil = None
        rig.run(2000)
        assert rig.chip.registers[0x4A] == rig.chip.registers[0x43] == seed
    assert abs(rig.error(0)) <= 2 * UNITS_PER_COUNT + 138_000 * 900
    assert not rig.news


def test_gain_scales_the_power_and_creep_silences_it():
    rig = bench(KW).start()
    rig.samples[0].tuning = Tuning(gain_ppm=50_000)
    rig.run(2000)
    assert abs(rig.samples[0].power_dw - 10_500) < 12
    rig.samples[0].tuning = Tuning(creep_dw=20_000)
    rig.run(2000)
    count = rig.samples[0].count
    rig.run(20_000)
    assert rig.samples[0].power_dw == 0 and rig.samples[0].count == count


def test_energy_that_flows_back_is_no_consumption():
    rig = bench(-20_000).start()
    rig.run(30_000)
    assert rig.booked() == 0 and rig.samples[0].count == 0
    assert abs(rig.samples[0].power_dw + 20_000) < 12


def test_the_count_wraps_below_the_end_of_small_ints():
    rig = bench(138_000)
    rig.samples[0].count = MODULUS - 40
    rig.start()
    rig.run(30_000)
    assert 0 < rig.samples[0].count < MODULUS // 2
    assert abs(rig.error()) <= 2 * UNITS_PER_COUNT + 138_000 * 300 and rig.news == 0


def test_a_pause_in_which_the_register_comes_round_is_told_and_books_no_more_than_flowed():
    rig = bench(250_000).start()
    rig.run(1000)
    rig.run(60_000, 60_000)
    rig.run(1000)
    # 416.7 Wh flowed: twice 204.8 and the rest.
    assert -410 * WH < rig.error() <= 0
    assert rig.news & RESET_NEWS and not rig.news & QUARANTINES


def test_a_pause_that_the_register_holds_out_is_booked_whole():
    rig = bench(KW).start()
    rig.run(1000)
    rig.run(60_000, 60_000)
    rig.run(1000)
    assert abs(rig.error()) <= 2 * UNITS_PER_COUNT + KW * 300


def test_a_chip_that_is_not_there_is_silent_until_it_comes():
    rig = bench(KW)
    rig.bus.gone = True
    rig.run(5000)
    assert rig.samples[0].fresh == 0 and rig.samples[0].silent_ms == 5000
    assert rig.samples[0].bad_frames > 10
    rig.bus.gone = False
    rig.run(2000)
    assert rig.samples[0].fresh and rig.samples[0].silent_ms < 200


def test_no_load_counts_nothing_and_20_ma_do():
    rig = bench(0, 46, 0, seed=7).start()
    rig.run(600_000)
    assert rig.samples[0].count == rig.samples[2].count == 0
    assert abs(rig.error(1)) <= 46 * 600_000 // 50


def test_large_transformers_count_by_halves():
    rig = bench(230_000, times=2).start()
    rig.run(30_000)
    assert rig.samples[0].units_per_count == 2 * UNITS_PER_COUNT
    assert abs(rig.error()) <= 4 * UNITS_PER_COUNT + 230_000 * 300
    assert abs(rig.samples[0].power_dw - 230_000) < 12
    assert abs(rig.samples[0].current_ma - 100_000) < 8
