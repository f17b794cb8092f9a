"""ADE7953: every watt-hour once, whatever the bus and the chip do."""

import pytest

from chip_kit import (
    I2C,
    KW,
    SPI,
    Bench,
    Tuning,
    ade7953_document,
    bits,
    last_byte,
    last_byte_low,
    now_and_then,
    ones,
    zeros,
)
from umeter.core.channel import NEWS
from umeter.frontend import ade7953

RESET_NEWS = 2 << NEWS.index("frontend.reset")
QUARANTINES = 2 << NEWS.index("register.reset") | 2 << NEWS.index("register.jump")


def bench(*wants, bus=I2C, seed=1, **more):
    return Bench(ade7953, ade7953_document(len(wants), bus, **more), wants, seed)


@pytest.fixture(params=[I2C, SPI], ids=["i2c", "spi"])
def bus(request):
    return request.param


def slack(rig, i=0):
    """What may be on its way: two counts, and what is drawn between two readings."""
    return 2 * rig.samples[i].units_per_count + rig.loads[i].power_dw * 200


@pytest.mark.parametrize(
    "bus, frames",
    [
        (
            I2C,
            """00FEAD 01200030 01020104 000400 0201000005 000107 0203%06X 000100 000700
            01080000 0289000000 000800 01090000 0295000000 000900""",
        ),
        (
            SPI,
            """00FE00AD 0120000030 0102000104 00040000 020100000005 00010007 020300%06X
            00010000 00070000 0108000000 028900000000 00080000 0109000000 029500000000 00090000""",
        ),
    ],
    ids=["i2c", "spi"],
)
def test_the_set_up_as_the_data_sheet_has_it(bus, frames):
    rig = bench(0, 0, bus=bus)
    no_load = rig.document["channels"][0]["no_load"]
    volts, amperes = 0.353553 * 982.6, 0.353553 / 0.0039
    assert abs(no_load - (65_536 - volts * amperes / 2 / 1.4)) < 2  # 2 W
    written = []
    write = rig.chip.write
    rig.chip.write = lambda register, value, size: (
        written.append((register, value, size)),
        write(register, value, size),
    )
    rig.run(1500)
    assert written[0] == (0xFE, 0xAD, 1) and written[1] == (0x120, 0x30, 2), "in this order"
    assert written[2:6] == [(0x102, 0x0104, 2), (4, 0, 1), (0x201, 5, 3), (1, 7, 1)]
    assert written[6:9] == [(0x203, no_load, 3), (1, 0, 1), (7, 0, 1)]
    assert written[9:] == [
        (0x108, 0, 2), (0x289, 0, 3), (8, 0, 1), (0x109, 0, 2), (0x295, 0, 3), (9, 0, 1),
    ]  # fmt: skip
    sent = b"".join(frame for frame, _ in rig.bus.frames)
    at = 0
    for frame in (frames % no_load).split():
        at = sent.index(bytes.fromhex(frame), at) + 1


@pytest.mark.parametrize("power_dw", [46, 230, KW, 138_000, 200_000])
def test_both_inputs_are_booked_within_a_count(bus, power_dw):
    rig = bench(power_dw, 0, bus=bus).start()
    rig.run(60_000)
    assert abs(rig.error()) <= slack(rig) + power_dw * 12  # 0.02 % of it
    assert rig.booked(1) == 0 and rig.news == 0
    assert [s.bad_frames for s in rig.samples] == [0, 0]
    assert abs(rig.samples[0].power_dw - power_dw) <= 12 + power_dw // 5000
    assert abs(rig.samples[0].voltage_dv - 2300) < 3
    assert abs(rig.samples[0].current_ma - power_dw * 1000 // 2300) < 12 + power_dw // 500


def test_a_tick_is_short_and_each_input_is_fresh_five_times_a_second(bus):
    rig = bench(KW, KW, bus=bus).start()
    for _ in range(40):
        before = len(rig.bus.frames), sum(s.fresh for s in rig.samples)
        rig.run(100)
        assert len(rig.bus.frames) - before[0] <= (8 if bus is I2C else 16)
        assert sum(s.fresh for s in rig.samples) == before[1] + 1


@pytest.mark.parametrize("how", [ones, zeros, last_byte, last_byte_low, bits(5)])
@pytest.mark.parametrize("every, burst", [(1, 1), (20, 1), (60, 40)])
def test_a_read_that_the_bus_spoils_loses_and_invents_nothing(bus, how, every, burst):
    rig = bench(138_000, 46, bus=bus).start()
    for seed in range(4):
        rig.bus.spoil = now_and_then(how, every, seed, burst)
        rig.run(9000)
        rig.bus.spoil = None
        rig.run(2000)
        for i in range(2):
            spoilt_power = 4000 * 250_000 if how not in (ones, zeros) and i else 0
            assert abs(rig.error(i)) <= slack(rig, i) + rig.truth(i) // 5000 + spoilt_power
    assert not rig.news & (QUARANTINES | RESET_NEWS)
    assert sum(s.bad_frames for s in rig.samples) > 8


@pytest.mark.parametrize("fault", ["lost", "garbled"])
def test_faults_of_the_chip_itself(bus, fault):
    rig = bench(60_000, bus=bus).start()
    for frames in (1, 2, 3, 5, 8, 13, 21):
        setattr(rig.chip.meters[0].faults, fault, frames)
        rig.run(3000)
    assert abs(rig.error()) <= slack(rig) + rig.truth() // 5000
    assert not rig.news & (QUARANTINES | RESET_NEWS)


def test_a_brown_out_is_noticed_written_anew_and_told(bus):
    rig = bench(138_000, KW, bus=bus).start()
    rig.samples[0].tuning = Tuning(0, -3, -40)
    rig.run(2000)
    before = dict(rig.chip.registers)
    assert before[0x289] == 0xFFFFFD and before[0x108] == 0x200 | 40
    assert rig.news == 0
    error = rig.error()
    rig.chip.reset()
    assert rig.chip.registers[0x102] == 0x8004
    rig.run(3000)
    assert rig.news == RESET_NEWS
    assert rig.chip.registers == before
    rig.run(5000)
    # What flowed while the chip had no settings is lost, and nothing else.
    assert -138_000 * 1500 <= rig.error() - error <= slack(rig) + rig.truth() // 5000


@pytest.mark.parametrize("at", range(9))
def test_a_brown_out_in_the_middle_of_a_reading(bus, at):
    rig = bench(138_000, bus=bus).start()
    rig.run(10_000)
    left = [at]

    def spoil(reply):
        if left[0] == 0:
            rig.chip.reset()
        left[0] -= 1

    rig.bus.spoil = spoil
    rig.run(5000)
    assert rig.news & RESET_NEWS and not rig.news & QUARANTINES
    assert -138_000 * 1500 <= rig.error() <= slack(rig) + rig.truth() // 5000


@pytest.mark.parametrize(
    "register, value", [(4, 0x40), (0x201, 0), (8, 3), (0x203, 0), (0x120, 0)]
)
def test_any_setting_that_changes_is_noticed(bus, register, value):
    rig = bench(KW, KW, bus=bus).start()
    rig.chip.registers[register] = value
    rig.chip._set()
    rig.run(2000)
    assert rig.news & RESET_NEWS and not rig.news & QUARANTINES
    assert rig.chip.registers[register] != value


def test_tuning_that_changes_is_written_without_losing_energy(bus):
    rig = bench(138_000, KW, bus=bus).start()
    for phase in range(1, 30):
        rig.samples[1].tuning = Tuning(0, 5 * phase, phase)
        rig.run(1500)
        assert rig.chip.registers[0x109] == phase and rig.chip.registers[0x295] == 5 * phase
    assert abs(rig.error()) <= slack(rig) + 138_000 * 900 + rig.truth() // 5000
    assert not rig.news


def test_gain_scales_the_power_and_creep_silences_it():
    rig = bench(KW).start()
    rig.samples[0].tuning = Tuning(gain_ppm=50_000)
    rig.run(2000)
    assert abs(rig.samples[0].power_dw - 10_500) < 14
    rig.samples[0].tuning = Tuning(creep_dw=20_000)
    rig.run(2000)
    count = rig.samples[0].count
    rig.run(20_000)
    assert rig.samples[0].power_dw == 0 and rig.samples[0].count == count


def test_energy_that_flows_back_is_no_consumption(bus):
    rig = bench(-20_000, bus=bus).start()
    rig.run(30_000)
    assert rig.booked() == 0 and rig.samples[0].count == 0
    assert abs(rig.samples[0].power_dw + 20_000) < 14


def test_chip_and_driver_wrap(bus):
    rig = bench(200_000, bus=bus).start()
    rig.driver._total[0] = (1 << 30) - 100_000
    rig.samples[0].count = rig.channels[0].delta.last = rig.driver._total[0] >> 6
    rig.chip._inputs[0]._whole = 0xFFF000
    rig.driver._last[0] = rig.chip._inputs[0].energy()
    rig.run(60_000)
    assert rig.chip._inputs[0]._whole < 0xF00000 and rig.samples[0].count < 200_000
    assert abs(rig.error()) <= slack(rig) + rig.truth() // 5000 and rig.news == 0


def test_a_minute_without_a_poll_at_full_load_is_booked_whole(bus):
    rig = bench(250_000, bus=bus).start()
    rig.run(1000)
    rig.run(60_000, 60_000)
    rig.run(1000)
    assert abs(rig.error()) <= slack(rig) + rig.truth() // 5000 and rig.news == 0


def test_a_pause_in_which_the_register_comes_round_is_told_and_books_no_more_than_flowed():
    rig = bench(250_000).start()
    rig.run(1000)
    rig.run(180_000, 180_000)
    rig.run(1000)
    assert -180_000 * 250_000 < rig.error() < 0
    assert rig.news & RESET_NEWS and not rig.news & QUARANTINES


def test_a_chip_that_is_not_there_is_silent_until_it_comes(bus):
    rig = bench(KW, bus=bus)
    rig.bus.gone = True
    rig.run(5000)
    assert rig.samples[0].fresh == 0 and rig.samples[0].silent_ms == 5000
    assert rig.samples[0].bad_frames > 10
    rig.bus.gone = False
    rig.run(2000)
    assert rig.samples[0].fresh and rig.samples[0].silent_ms < 200


def test_a_chip_that_goes_away_and_comes_back_with_its_settings_loses_nothing(bus):
    rig = bench(60_000, bus=bus).start()
    rig.bus.gone = True
    rig.run(20_000)
    assert rig.samples[0].silent_ms >= 20_000
    rig.bus.gone = False
    rig.run(1000)
    assert abs(rig.error()) <= slack(rig) + rig.truth() // 5000
    assert not rig.news & (QUARANTINES | RESET_NEWS)


def test_no_load_counts_nothing_and_20_ma_do():
    rig = bench(46, 0, seed=7).start()
    rig.run(600_000)
    assert rig.samples[1].count == 0
    assert abs(rig.error()) <= 46 * 600_000 // 50
